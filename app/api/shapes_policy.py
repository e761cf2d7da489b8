"""What goes out of working with policy, for the OpenAPI document."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from app.api import examples_policy
from app.api.shapes import Answer, Id, Time

OUTCOMES = Literal["allow", "hold", "deny"]


class Activation(Answer):
    """A version that was put in force."""

    version: str
    at: Time
    by: str = Field(description="A person, or `os:user@host` who installed it on the command line.")
    request: Id | None = Field(description="The request of kind `governance` that did it; null: no request.")
    entry: int = Field(description="Its number on the ledger's stream `installation`.")
    in_force: bool


class PolicyHistory(Answer):
    """Every time that a version was put in force, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples_policy.HISTORY]})

    items: list[Activation]


class PolicyChange(Answer):
    """One entry that is new, gone or otherwise."""

    section: str
    name: str
    change: Literal["added", "removed", "changed"]
    sentences: list[str]
    loosens: bool | None = Field(
        description="True: less is asked for than before. False: no less, whatever is asked. Null: it may be less."
    )


class PolicyDifference(Answer):
    """What a draft changes of what is in force, in words."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples_policy.DIFFERENCE]})

    policy_version: str = Field(description="What is in force.")
    changes: list[PolicyChange]


class Pair(Answer):
    """How many went from the one, in force, to the other, of the draft."""

    before: str
    after: str
    count: int


class OutcomeCounts(Answer):
    """How many were allowed, held and denied."""

    allow: int
    hold: int
    deny: int


class ActionCounts(Answer):
    """What was asked of one action, under what is in force and under the draft."""

    action: str
    total: int
    changed: int
    before: OutcomeCounts
    after: OutcomeCounts


class Matches(Answer):
    """How often a rule spoke, and how often it erred and so denied."""

    matched: int
    erred: int


class RuleCounts(Answer):
    """One rule. A beneficiary or conflict key that errs is listed as `ACTION: beneficiary`."""

    rule: str
    before: Matches
    after: Matches


class Ruling(Answer):
    """What one governance says of an ask."""

    outcome: OUTCOMES
    code: str = Field(description="As in a verdict; or `off-schema`: it would be refused before it is a request.")
    plan: str | None


class ChangedAsk(Answer):
    """One ask that the draft judges otherwise. `ref`: a request's id, or which of the calls."""

    ref: str
    action: str
    before: Ruling
    after: Ruling


class Simulation(Answer):
    """A draft judged over asks: which verdicts and plans would be others."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples_policy.SIMULATION]})

    policy_version: str = Field(description="What is in force.")
    over: Literal["requests", "calls"]
    since: Time | None
    truncated: bool = Field(description="There were more requests: the newest 50,000, or 64 MiB of them, were judged.")
    total: int
    unchanged: int
    changed: int
    complete: bool = Field(description="False: there was no time to judge them all; the counts are of the oldest.")
    outcomes: list[Pair]
    plans: list[Pair] = Field(description="Held before and after, under another plan.")
    actions: list[ActionCounts]
    rules: list[RuleCounts]
    asks: list[ChangedAsk] = Field(description="The first 100 that changed, oldest first.")


ANSWERS: tuple[type[Answer], ...] = (PolicyHistory, PolicyDifference, Simulation)
"""All that an operation answers with."""
