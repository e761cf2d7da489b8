"""The shape of every entry of the governance files (DESIGN.md section 9, and the governance part of contract.md)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.domain.clocks import duration
from app.domain.spans import span
from app.governance.models_review import OwnerReview
from app.governance.models_temporal import Temporal
from app.governance.models_webhook import Webhook
from app.governance.never import never

MAX_SPAN = timedelta(days=3660)

SEATS = ("business", "security", "model_quality", "legal", "incident", "rollback", "permissions", "exceptions")
"""The owner seats, in the order of the design."""

_BUSINESS = re.compile(r"business|working", re.IGNORECASE)


def _not_business(value: Any) -> Any:
    if isinstance(value, str) and _BUSINESS.search(value):
        raise PydanticCustomError(
            "elapsed",
            "this counts elapsed time, as in 12h; business time is for within and remind of a stage alone",
        )
    return value


def _clock(text: str) -> str:
    found = span(text)
    return _span(text) if isinstance(found, timedelta) else text


def _span(text: str) -> str:
    span = duration(text)
    if not timedelta(0) < span <= MAX_SPAN:
        raise ValueError(f"{text!r} is not between 1ms and {MAX_SPAN.days}d")
    return text


def _opening_first(text: str) -> str:
    opens, closes = text.split("-")
    if opens >= closes:
        raise ValueError(f"{text} does not open before it closes on the same day")
    return text


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is no day of the calendar") from None
    return text


def _named(pattern: str) -> StringConstraints:
    return StringConstraints(pattern=pattern, max_length=100)


Id = Annotated[str, _named(r"^[a-z][a-z0-9_.-]*$")]
ActionName = Annotated[str, _named(r"^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$")]
Pattern = Annotated[str, _named(r"^[a-z*][a-z0-9_.*-]*$")]
Identifier = Annotated[str, _named(r"^[a-z][a-z0-9_]*$")]
TargetName = Annotated[str, _named(r"^[a-z][a-z0-9-]*$")]
Seat = Annotated[str, _named(r"^(group:)?[a-z][a-z0-9_.-]*$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\p{Cc}]*$")]
Duration = Annotated[str, BeforeValidator(_not_business), AfterValidator(_span)]
Clock = Annotated[str, AfterValidator(_clock)]
Hours = Annotated[
    str,
    StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"),
    AfterValidator(_opening_first),
]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_day)]
Level = Literal["click", "login", "recent", "strong"]
Summed = Annotated[str, StringConstraints(pattern=r"^parameters\.[A-Za-z_][A-Za-z0-9_]*$")]


class Model(BaseModel):
    """No unknown keys, no coercion, no change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Oidc(Model):
    """An account at an OpenID provider."""

    iss: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=300)]
    sub: Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Identity(Model):
    """One account of a person."""

    slack: Annotated[str, StringConstraints(pattern=r"^[TE][A-Z0-9]{1,30}/[UW][A-Z0-9]{1,30}$")] | None = None
    oidc: Oidc | None = None

    @model_validator(mode="after")
    def _one(self) -> Identity:
        if (self.slack is None) == (self.oidc is None):
            raise ValueError("name one of slack, oidc")
        return self


class Person(Model):
    """A human, known by one id however many accounts they have."""

    id: Id
    name: Line
    emails: list[Annotated[str, StringConstraints(pattern=r"^[^\s@]+@[^\s@]+$", max_length=254)]] = []
    time_zone: str = "UTC"
    subjects: list[str] = []
    identities: list[Identity] = []


class Holidays(Model):
    """The public holidays of a country, or of a part of it: ISO 3166."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    subdivision: Annotated[str, StringConstraints(min_length=1, max_length=50)] | None = None


class Calendar(Model):
    """When a group is at work. ``hours``: from opening to closing, on the wall clock; ``closed``: more days off."""

    time_zone: str
    hours: Hours = "09:00-17:00"
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        default=["mon", "tue", "wed", "thu", "fri"], min_length=1
    )
    holidays: Holidays | None = None
    closed: list[Day] = Field(default=[], max_length=1000)


class Group(Model):
    """People who hold something together. ``calendar``: what business time of its stages is counted by."""

    name: Id
    members: list[Id]
    slack_channel: Annotated[str, StringConstraints(pattern=r"^[CGD][A-Z0-9]+$", max_length=50)] | None = None
    calendar: Calendar | None = None
    may: list[Literal["respond", "audit", "administer"]] = []


class Target(Model):
    """A system that actions act on."""

    name: TargetName
    url: Annotated[str, StringConstraints(max_length=500)]
    audience: Line
    hosts: list[Annotated[str, StringConstraints(min_length=1, max_length=253)]] = Field(min_length=1)
    private: bool = False
    clients: list[Id] = []


class UseCase(Model):
    """What a bot is for."""

    purpose: Line
    data: list[Line] = []
    review_by: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None


class ApprovedModel(Model):
    """The model that a bot was approved with."""

    provider: Line | None = None
    name: Line
    version: Line | None = None


class Owners(Model):
    """Seat to a person's id, or to ``group:NAME``."""

    business: Seat | None = None
    security: Seat | None = None
    model_quality: Seat | None = None
    legal: Seat | None = None
    incident: Seat | None = None
    rollback: Seat | None = None
    permissions: Seat | None = None
    exceptions: Seat | None = None

    def seats(self) -> dict[str, str]:
        """The seats that are filled."""
        return self.model_dump(exclude_none=True)


class Budget(Model):
    """What a bot may take at most, by all actions that the pattern covers together: asks, holds at once, or a sum."""

    name: Id
    action: Pattern
    count: Literal["requests", "holds"] | None = None
    sum: Summed | None = None
    at_most: int = Field(ge=0)
    over: Duration | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Budget:
        if (self.count is None) == (self.sum is None):
            raise ValueError("say one of count: requests, count: holds, sum: parameters.NAME")
        if self.count == "holds" and self.over is not None:
            raise ValueError("over has no meaning with count: holds, which counts what is held now")
        if self.count != "holds" and self.over is None:
            raise ValueError("over is missing: it is needed except with count: holds")
        return self


class Bot(Model):
    """A non-human identity."""

    id: Id
    title: Line | None = None
    use_case: UseCase | None = None
    model: ApprovedModel | None = None
    entitlements: list[Pattern] = Field(min_length=1)
    deployed_by: Id
    owners: Owners
    budgets: list[Budget] = Field(default=[], max_length=50)
    review: OwnerReview = OwnerReview()
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Bot:
        names = [budget.name for budget in self.budgets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the budget {twice[0]} is there twice")
        return self


class Http(Model):
    """Interlock calls the target."""

    target: TargetName
    path: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+/?$", max_length=300)]
    method: Literal["POST"] = "POST"
    idempotent: bool = False
    timeout: Duration = "30s"


class BotRun(Model):
    """The bot itself acts, under a grant."""

    target: TargetName
    start_within: Duration = "10m"


class Run(Model):
    """Who runs an action."""

    http: Http | None = None
    bot: BotRun | None = None
    temporal: Temporal | None = None

    @model_validator(mode="after")
    def _one(self) -> Run:
        if sum(way is not None for way in (self.http, self.bot, self.temporal)) != 1:
            raise ValueError("name one of http, bot, temporal")
        return self


class Rollback(Model):
    """The compensating action."""

    action: ActionName
    parameters: str
    within: Duration
    plan: Id | None = None


class Action(Model):
    """An entry of the catalogue."""

    name: ActionName
    title: Line
    risk: Literal["low", "moderate", "high", "critical"]
    reversibility: Literal["read_only", "reversible", "externally_reversible", "irreversible"]
    data: list[Line] = []
    parameters: dict[str, Any]
    beneficiary: str | None = None
    conflict_key: str | None = None
    value_at_risk: str | None = None
    on_behalf_of: Literal["required", "optional"] | None = None
    run: Run
    rollback: Rollback | None = None
    default_plan: Id | None = None
    owners: Owners = Owners()

    @model_validator(mode="after")
    def _consistent(self) -> Action:
        if self.name.split(".")[0] == "interlock":
            raise ValueError("names that begin with interlock. are Interlock's own")
        if self.reversibility != "read_only" and self.default_plan is None:
            raise ValueError("default_plan is missing: it is needed unless the action is read_only")
        if self.reversibility == "read_only" and self.risk == "critical" and self.default_plan is None:
            raise ValueError("default_plan is missing: a critical action is always held, also when it is read_only")
        if self.reversibility == "read_only" and self.rollback is not None:
            raise ValueError("a read_only action has nothing to roll back")
        return self


class Window(Model):
    """A rolling figure: a sum of a parameter, or without ``sum`` a count of requests."""

    name: Identifier
    action: Pattern
    sum: Summed | None = None
    per: list[Literal["bot", "on_behalf_of", "action"]] = []
    over: Duration


class Rule(Model):
    """A condition and the one thing that it adds."""

    name: Id
    when: str
    allow: Literal[True] | None = None
    hold: Id | None = None
    deny: Line | None = None

    @model_validator(mode="after")
    def _one(self) -> Rule:
        if sum(word is not None for word in (self.allow, self.hold, self.deny)) != 1:
            raise ValueError("say one of allow: true, hold: PLAN, deny: SENTENCE")
        return self


class Separation(Model):
    """What the rules add to an invariant of separation of duties. ``cool_down``: of `policy-author`."""

    name: Literal["policy-author"]
    cool_down: Duration


class Stage(Model):
    """A group, a quorum, a clock, an assurance level. ``name`` defaults to the group.

    ``remind``: since the stage was opened, or escalated. ``notify``: ``channel`` means direct messages where there is
    no channel.
    """

    name: Id | None = None
    group: Id
    quorum: int = Field(default=1, ge=1, le=100)
    within: Clock | None = None
    remind: list[Clock] = Field(default=[], max_length=10)
    notify: Literal["channel", "direct"] = "channel"
    level: Level = "click"
    reason_required: bool = False
    escalate_to: Id | None = None


class BreakGlass(Model):
    """What one responder may release alone beyond what may be undone and is not critical, and who looks by when."""

    allow: list[Literal["critical", "irreversible"]] = []
    review_within: Duration = "24h"


class Plan(Model):
    """The stages that a held request must pass.

    ``allow_repeat``: true lets a person who decided one stage decide the next as well (lifts `stage-repeat`).
    ``break_glass``: None means never.
    """

    stages: list[Stage] = Field(min_length=1, max_length=20)
    fallback: Id | None = None
    expires: Duration
    on_expiry: Literal["deny"] = "deny"
    allow_repeat: bool = False
    break_glass: Annotated[BreakGlass | None, BeforeValidator(never)] = BreakGlass()

    @model_validator(mode="after")
    def _distinct(self) -> Plan:
        # A merge of plans keeps a group once: a second stage of the same group would silently be lost.
        for what, names in (
            ("group", [stage.group for stage in self.stages]),
            ("stage name", [stage.name or stage.group for stage in self.stages]),
        ):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"the {what} {twice[0]} is there twice; a plan asks a group once")
        return self
