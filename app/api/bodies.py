"""What comes in: shapes only; what it means is judged behind the door."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.api import examples
from app.api.shapes_exceptions import ATTEST, BREAK_GLASS
from app.api.shapes_grants import REDEEM
from app.domain.clocks import moment, rfc3339
from app.domain.digest import canonical
from app.use_cases.delegations import Wish

MAX_REASON = 2000
MAX_RESULT = 64 * 1024
MAX_GRANT = 16 * 1024

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def uuid_text(text: str) -> str:
    """A UUID in its one spelling (RFC 9562 section 4). Raises ValueError."""
    if not _UUID.fullmatch(text.lower()):
        raise ValueError("not a UUID")
    return text.lower()


def not_blank(text: str) -> str:
    """A text that says something. Raises ValueError."""
    if not text.strip():
        raise ValueError("must say something")
    return text


def _small(value: Any) -> Any:
    if len(canonical(value)) > MAX_RESULT:
        raise ValueError("over 64 KiB")
    return value


def _a_moment(text: str) -> str:
    """A time as RFC 3339 has it (section 5.6), in UTC. Raises ValueError."""
    if not _TIME.fullmatch(text):
        raise ValueError("a time looks like 2026-01-19T08:00:00Z")
    try:
        return rfc3339(moment(text.upper()))
    except OverflowError:
        raise ValueError("no such time") from None


Id = Annotated[str, AfterValidator(uuid_text), Field(json_schema_extra={"format": "uuid"})]
Reason = Annotated[str, Field(max_length=MAX_REASON)]
Because = Annotated[Reason, AfterValidator(not_blank)]
"""A reason that must be given."""
Name = Annotated[str, Field(max_length=1000)]
Text = Annotated[str, Field(max_length=20_000)]
Moment = Annotated[str, AfterValidator(_a_moment), Field(max_length=40, json_schema_extra={"format": "date-time"})]


class Body(BaseModel):
    """Base of all bodies: nothing is coerced, nothing unknown is let through."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AskContext(Body):
    """Where the ask came from, as the bot tells it."""

    model_config = ConfigDict(title="Context")

    conversation_id: Name | None = None
    message_id: Name | None = None
    tool_call_id: Name | None = None
    model: Name | None = None
    prompt_excerpt: Text | None = None
    prompt_sha256: Name | None = None


class Ask(Body):
    """A bot asks for an action."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ASK]})

    action: Annotated[str, Field(min_length=1, max_length=200)]
    parameters: dict[str, Any]
    """As the action's schema says; at most 256 KiB."""
    reason: Reason | None = None
    on_behalf_of: str | None = Field(None, description="`scheme:value`: for whom the bot acts.")
    triggered_by: str | None = Field(None, description="`scheme:value`: whose message made the bot ask.")
    parent: Id | None = Field(None, description="The request of this bot whose outcome led to this one.")
    supersedes: Id | None = Field(None, description="The request of this bot that this one replaces.")
    context: AskContext | None = None

    def fields(self) -> dict[str, Any]:
        """As the use case takes it: what is absent left out; parameters untouched."""
        given = self.model_dump(exclude={"parameters"}, exclude_none=True)
        return {**given, "parameters": self.parameters}


class Decision(Body):
    """A person decides, on what they saw."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DECISION]})

    decision: Literal["approve", "deny", "abstain"]
    reason: Reason | None = Field(None, description="Needed to deny, and to approve where the plan says so.")
    digest: Annotated[str, Field(max_length=200, description="The request's, as it was shown.")]


class Cancel(Body):
    """Take a request back before it starts."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CANCEL]})

    reason: Reason | None = None


class Nothing(Body):
    """No body, or an empty object."""


class Outcome(Body):
    """What came of an action that the bot runs itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.OUTCOME]})

    status: Literal["succeeded", "failed"]
    detail: Reason | None = None
    result: Annotated[Any, AfterValidator(_small)] = Field(None, description="Any JSON of at most 64 KiB.")


class Settle(Body):
    """What an unknown outcome was."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SETTLE]})

    status: Literal["succeeded", "failed"]
    reason: Because


class Rollback(Body):
    """Ask to undo a request."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ROLL_BACK]})

    reason: Because


class Suspend(Body):
    """Stop a bot, or all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SUSPEND]})

    reason: Because


class Resume(Body):
    """Ask to let a bot, or all of them, act again."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RESUME]})

    reason: Because


class Revoke(Body):
    """Revoke a standing permission."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.REVOKE]})

    reason: Because


class Change(Body):
    """A person asks to change the rules."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CHANGE]})

    action: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="A built-in action: `interlock.bots.resume`, `interlock.installation.resume`, "
        "`interlock.policy.publish`, `interlock.permissions.grant`, `interlock.people.off_board`, "
        "`interlock.identities.link`, `interlock.use_cases.approve`, `interlock.oversight.sign_off`."
    )
    parameters: dict[str, Any] = Field(description="As the action's schema says; at most 256 KiB.")
    reason: Because


class Link(Body):
    """A person says that a Slack account is theirs."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.LINK]})

    code: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="As Slack showed it; case, dashes and blanks do not count."
    )


class Delegate(Body):
    """A person is away, and another decides for them."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DELEGATE]})

    to: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="The id of the person who decides.")
    begin: Moment | None = Field(None, alias="from", description="Left out: now.")
    until: Moment = Field(description="At most 30 days after the begin.")
    reason: Because

    def wish(self) -> Wish:
        """As the use case takes it."""
        return Wish(self.to, None if self.begin is None else moment(self.begin), moment(self.until), self.reason)


class BreakGlass(Body):
    """A responder releases a held action, alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [BREAK_GLASS]})

    reason: Because
    digest: Annotated[str, Field(max_length=200, description="The request's, as it was shown.")]


class Attest(Body):
    """What a reviewer found of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [ATTEST]})

    finding: Literal["justified", "unjustified", "attested", "changed"] = Field(
        description="Of what was released alone: `justified` or `unjustified`; of a bot: `attested` or `changed`."
    )
    reason: Because


class Redeem(Body):
    """A target redeems a grant."""

    model_config = ConfigDict(json_schema_extra={"examples": [REDEEM]})

    grant: Annotated[str, Field(min_length=1, max_length=MAX_GRANT, description="As it came, without `Bearer`.")]
    parameters_digest: Annotated[str, Field(min_length=1, max_length=200, description="Of what came with it.")]
    redemption_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")] = Field(
        description="Your own name for this one use: 1 to 255 visible ASCII characters."
    )


BODIES: tuple[type[Body], ...] = (
    Ask,
    Decision,
    Cancel,
    Nothing,
    Outcome,
    Settle,
    Rollback,
    Suspend,
    Resume,
    Revoke,
    Change,
    Link,
    Delegate,
    BreakGlass,
    Attest,
    Redeem,
)
"""All of them, for the OpenAPI document."""
