"""What goes out, for the OpenAPI document: answers are made by the use cases and not read again here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api import examples, problems
from app.api.shapes_clocks import Clocks
from app.api.shapes_delegations import Away
from app.api.shapes_exceptions import Broken
from app.api.shapes_permissions import Permitted
from app.domain.incident import Standing
from app.domain.request import Kind
from app.domain.states import Status

STATUSES = Literal["waiting", "open", "passed", "closed"]
LEVELS = Literal["click", "login", "recent", "strong"]
CODES = Literal[
    "rule",
    "rule-error",
    "default-plan",
    "read-only",
    "not-entitled",
    "bot-suspended",
    "entitlements-lapsed",
    "use-case-not-approved",
    "over-budget",
    "standing-permission",
    "conflict",
    "late",
    "superseded-started",
    "rollback",
    "not-reversible",
    "window-over",
    "rollback-exists",
    "not-suspended",
    "incident",
    "not-signed",
    "too-late",
]
TRIED = Literal["succeeded", "failed", "not-sent", "uncertain", "no-outcome", "not-reported"]
RAN = Literal["executing", "succeeded", "failed", "unknown", "lapsed"]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]

_STATUS = (
    "`held`: waits for people. `approved`: may start. `executing`: started. `unknown`: nobody knows what came of it; a "
    "person settles it. Final: `succeeded`, `failed`, `denied`, `expired`, `cancelled`, `revoked`, `lapsed` (not "
    "started in time, or a read that was never reported). A long poll waits in `held`, `approved`, `executing`, and "
    "in `unknown`."
)
_ENDED_WHY = (
    "Why it came to rest, where the status alone does not say; null while it goes on, and when the verdict denied it "
    "or the action's own answer ended it. Among others: `denied-by-person`, `withdrawn`, `cancelled`, `superseded`, "
    "`expires-at-passed`, `no-open-stage`, `late`, `not-started`, `not-reported`, `stopped`, `policy-stricter`, "
    "`stale-authority`, `not-entitled`, `use-case-not-approved`, `entitlements-lapsed`, `action-changed`, "
    "`digest-differs`, `no-outcome`, `no-more-attempts`, `settled`; of a rollback `outcome-changed`, `not-reversible`; "
    "of a change of the rules `stopped-again`, `rules-changed`, `use-case-changed`; of what somebody asked who left "
    "`asker-left`; of what a standing permission allowed `permission-revoked`, `permission-expired`. More may come."
)


class Answer(BaseModel):
    """Base of all answers."""


class Asker(Answer):
    """The bot or person who asks."""

    kind: Literal["bot", "person"]
    id: str


class RuleSaid(Answer):
    """One rule that matched."""

    name: str
    outcome: str


class Verdict(Permitted):
    """What the policy says."""

    outcome: Literal["allow", "hold", "deny"]
    code: CODES = Field(description="Why, for machines; `reason` says it to people.")
    reason: str
    policy_version: str
    rules: list[RuleSaid]


class Stage(Clocks):
    """One stage of a plan; while the request is held, exactly one is open."""

    name: str
    group: str
    groups: list[str]
    quorum: int
    level: LEVELS
    reason_required: bool
    approvals: int
    status: STATUSES
    opened_at: Time | None
    closes_at: Time | None


class Plan(Answer):
    """The stages that a held request must pass."""

    name: str
    stages: list[Stage]


class DecisionMade(Answer):
    """What a person said."""

    id: Id
    person: str
    decision: Literal["approve", "deny", "abstain"]
    reason: str | None
    stage: str | None
    via: Literal["api", "slack", "cli"]
    assurance: LEVELS
    at: Time
    standing: bool
    stands_for: list[str] = Field(description="In whose right as well, by delegation.")


class Settlement(Answer):
    """What a person said an unknown outcome was."""

    person: str
    status: Literal["succeeded", "failed"]
    reason: str
    at: Time


class Try(Answer):
    """One attempt at the action."""

    n: int
    started_at: Time
    finished_at: Time | None
    outcome: TRIED | None = Field(
        description="Null while it runs. `not-sent`: it cannot have acted. `uncertain`, `no-outcome` (whoever ran it "
        "is gone), `not-reported` (by the bot, in time): it may have acted."
    )


class Execution(Answer):
    """How the action ran, or is running."""

    mode: Literal["http", "bot", "temporal", "internal", "incident"] = Field(
        description="Who acts: `http`: Interlock calls the target; `bot`: the bot calls it; `temporal`: its owner's "
        "worker does; `internal`: Interlock changes something of its own; `incident`: each item's own request."
    )
    status: RAN | None = Field(description="How the execution stands: `executing`, or what the request then became.")
    result: Any
    error: Any
    attempts: list[Try]


class Grant(Answer):
    """The credential for one execution."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.GRANT]})

    grant: str = Field(description="A JWT for the target; good for one execution.")
    expires_at: Time


class Undoing(Answer):
    """What undoes an action."""

    action: str = Field(description="The action that compensates for it.")
    within_s: int = Field(description="Seconds after the outcome in which a rollback may be asked for.")
    until: Time | None = Field(description="When that time is over. Null: there is no outcome yet.")


_REVERSED_BY = "The rollbacks of it that are `held`, `approved`, `executing`, `unknown` or `succeeded`."
_BOT = (
    "The bot that asked for it. Of a rollback: the one whose action it undoes; of a change of the rules: the one that "
    "it changes. Null: none in particular."
)
_EXAMPLES: list[Any] = [
    examples.REQUEST,
    examples.REQUEST_OF_BOT,
    examples.DENIED,
    examples.EXECUTING,
    examples.ROLLBACK,
    examples.GOVERNANCE,
]


_ORIGINAL = (
    "Of a rollback, what it undoes: `id, action, parameters, reason, status, result, error, ended_at`. "
    "Not shown to bots."
)


_CHANGES = (
    "Of `interlock.policy.publish`: what it changes of the rules and people before it, as `POST /v1/policy/diff` tells "
    "it: `section, name, change, sentences, loosens`. Not shown to bots."
)


class RequestView(Answer):
    """A request. A bot sees no people: no `may_decide`, `away`, `decisions`, `settlements` or `ended_reason`."""

    model_config = ConfigDict(title="Request", json_schema_extra={"examples": _EXAMPLES})

    id: Id
    version: int = Field(description="Grows with every change. Send it as `since` to wait for the next one.")
    kind: Kind
    status: Status = Field(description=_STATUS)
    asker: Asker
    bot: str | None = Field(description=_BOT)
    action: str
    parameters: dict[str, Any] | None = Field(description="Null once its content was erased.")
    reason: str | None
    on_behalf_of: str | None
    triggered_by: str | None
    context: dict[str, Any]
    parent: Id | None
    supersedes: Id | None
    reverses: Id | None = Field(description="Of a rollback: the request that it undoes.")
    reversed_by: list[Id] = Field(description=_REVERSED_BY)
    original: dict[str, Any] | None = Field(default=None, description=_ORIGINAL)
    changes: list[dict[str, Any]] | None = Field(default=None, description=_CHANGES)
    changes_left: int | None = Field(default=None, description="How many more changes there are than are told.")
    rollback: Undoing | None = Field(description="What undoes it: POST .../rollbacks. Null: nothing does.")
    warnings: list[str] = Field(description="What whoever decides should know: sentences.")
    digest: str = Field(description="`sha256:` and hex, over all that an approval binds. A decision repeats it.")
    verdict: Verdict
    risk: str
    reversibility: str
    plan: Plan | None
    refusals: int
    expires_at: Time = Field(description="It must have started by then.")
    ended_why: str | None = Field(description=_ENDED_WHY)
    ended_reason: str | None = Field(default=None, description="Said by who stopped the bot. Not shown to bots.")
    execution: Execution | None = Field(description="Null until it starts.")
    created_at: Time
    updated_at: Time
    erased_at: Time | None = Field(default=None, description="Since when its content is gone for good.")
    may_decide: list[str] = Field(default=[], description="Who may decide the open stage now. Not shown to bots.")
    away: list[Away] = Field(default=[], description="Who of the open stage is away. Not shown to bots.")
    decisions: list[DecisionMade] = Field(default=[], description="Not shown to bots.")
    settlements: list[Settlement] = Field(default=[], description="Not shown to bots.")
    break_glass: Broken | None = Field(default=None, description="Who released it alone. Not shown to bots.")
    action_version: str = Field(default="", description="With `environment` and `nonce`, shown to who may decide.")
    environment: str = ""
    nonce: str = ""
    grant: Grant | None = Field(
        default=None,
        description="In the 201 only, of an allowed action that the bot runs itself; again by POST .../grant.",
    )


class Progress(Answer):
    """How far settling is."""

    status: Literal["succeeded", "failed"] | None
    have: int
    need: int


class Settling(RequestView):
    """A request whose unknown outcome is being settled, or just was."""

    model_config = ConfigDict(title="Settling", json_schema_extra={"examples": [examples.SETTLING]})

    settle: Progress


class Page(Answer):
    """Requests, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PAGE]})

    items: list[RequestView]
    next_cursor: str | None


class InFlight(Answer):
    """An attempt that had started, and has no outcome yet."""

    request_id: Id
    attempt: int
    action: str
    started_at: Time


class Stopped(Answer):
    """A bot, or the installation, is suspended."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.STOPPED]})

    suspended_at: Time = Field(description="Of the first call, if it was suspended already.")
    in_flight: list[InFlight] = Field(description="Only these can still reach a target.")


class CatalogueAction(Answer):
    """One action that may be asked for."""

    name: str
    title: str | None
    risk: str
    reversibility: str
    data: list[str]
    parameters: dict[str, Any]
    version: str
    mode: str
    target: str | None
    default_plan: str | None
    rollback: str | None
    bots: list[str]


class Catalogue(Answer):
    """The actions of the rules in force."""

    policy_version: str
    actions: list[CatalogueAction]


class PolicySource(Answer):
    """The rules in force, as they were written."""

    version: str
    installed_at: Time
    installed_by: str
    document: dict[str, Any]


class IdentityLink(Answer):
    """A Slack account, and whose it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.IDENTITY_LINK]})

    team: str = Field(description="Slack's id of the workspace.")
    user: str = Field(description="Slack's id of the account in it.")
    person: str


class Health(Answer):
    """What a probe reads."""

    status: Literal["ok", "ready", "degraded", "unready"]
    parts: dict[str, str] = {}


class Violation(Answer):
    """A broken separation-of-duties invariant."""

    invariant: str
    sentence: str


class ProblemBody(Answer):
    """Problem details (RFC 9457). In a 409, `status` is the status of the request: the HTTP one is on the response."""

    model_config = ConfigDict(
        title="Problem",
        json_schema_extra={"examples": [examples.CLOSED, examples.VIOLATIONS]},
    )

    type: str = Field(
        json_schema_extra={"enum": [*sorted(problem.type for problem in problems.NAMED.values())]},
        description="What went wrong, for machines. More may come: take an unknown one by its HTTP status.",
    )
    title: str
    status: int | Status | Standing = Field(description="The HTTP status; in a 409: that of the request or incident.")
    detail: str
    violations: list[Violation] = Field(default=[], description="In a 403 of type violations.")
    standing: str | None = Field(default=None, description="In a 409: the caller's own standing decision.")
    where: str = Field(default="", description="In a 422: the path to what is to blame.")


ANSWERS: tuple[type[Answer], ...] = (
    RequestView,
    Settling,
    Page,
    Grant,
    Stopped,
    Catalogue,
    PolicySource,
    IdentityLink,
    Health,
    ProblemBody,
)
"""All that an operation answers with."""
