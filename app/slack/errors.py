"""Errors as sentences for people in Slack: one table, every leaf of `app.domain.errors` in it.

What comes from here is plain text; who shows it makes it inert.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.domain import errors
from app.domain.errors import Forbidden, InterlockError, Violation
from app.domain.separation import violation

OURS = "Something went wrong on our side, and it was logged. If the card does not show your decision, click again."
AGAIN = "Try it again in a moment: it counts once."


@dataclass(frozen=True, slots=True)
class Saying:
    """How one class of error is told. ``own``: the error's sentence comes first; ``rest``: what to do instead."""

    rest: str
    own: bool = True


_LOOK = "Open the request again, and go by what it says now."
_INSIDE = Saying(OURS, own=False)

SAYINGS: dict[type[InterlockError], Saying] = {
    errors.Unauthenticated: Saying("You are not known here. Send /interlock link and follow what it says.", own=False),
    errors.Forbidden: Saying("Ask somebody whose part it is."),
    errors.NotFound: Saying("There is no such request, or none that you may see.", own=False),
    errors.Conflict: Saying(_LOOK),
    errors.Closed: Saying("Nothing can be decided on it any more (closed); its card says why."),
    errors.DecisionStands: Saying("It is not replaced by another (decision-stands); somebody else can still decide."),
    errors.DigestDiffers: Saying(
        "What you were shown is not what this request is (digest-differs). Open it again and decide on what it shows.",
        own=False,
    ),
    errors.IdempotencyKeyReused: Saying("This came before with other words, and those count. " + _LOOK, own=False),
    errors.NotOpenToThis: Saying(_LOOK),
    errors.TooEarly: Saying("Try it again then."),
    errors.NotReversible: Saying("Nothing was asked for; where it must be undone, do it in the target itself."),
    errors.WindowOver: Saying("Nothing was asked for; where it must be undone, do it in the target itself."),
    errors.RollbackExists: Saying("Nothing more was asked for; /interlock show names the one that stands."),
    errors.SettlementDiffers: Saying("Settle it over the web API once you agree."),
    errors.Malformed: Saying(_LOOK),
    errors.UnknownAction: Saying(_LOOK),
    errors.OffSchema: Saying(_LOOK),
    errors.IdempotencyKeyMissing: _INSIDE,
    errors.TooLarge: Saying("Say it in fewer words."),
    errors.TooSlow: Saying(AGAIN),
    errors.NotJson: _INSIDE,
    errors.RateLimited: Saying("Wait, then try it again."),
    errors.Unavailable: Saying(AGAIN),
    errors.NotSealed: Saying(AGAIN),
    errors.Unconfirmed: Saying(
        "No answer came in time: your decision may yet be recorded. Look at the card, or click again: it counts once.",
        own=False,
    ),
    # Not for people in Slack: should one get here all the same, its sentence stays in the house.
    errors.Misconfigured: _INSIDE,
    errors.GovernanceInvalid: _INSIDE,
}


def nobody() -> Forbidden:
    """What is told to an account that is nobody's here."""
    broken = violation("unlinked-identity")
    return Forbidden(broken.sentence, [broken])


def saying_of(error: InterlockError) -> Saying:
    """The table's line for an error, or that of its nearest ancestor in it."""
    return next((SAYINGS[kind] for kind in type(error).__mro__ if kind in SAYINGS), _INSIDE)


def sentence(error: InterlockError, api_url: str, request_id: str | None = None) -> str:
    """What a person is told: which rule it is, and what to do instead.

    ``api_url``: where what Slack cannot do is done; ``request_id``: of the request that it is about.
    """
    if isinstance(error, errors.Forbidden) and error.violations:
        return " ".join(_broken(one, api_url, request_id) for one in error.violations)
    saying = saying_of(error)
    told = f"{_ended(str(error))} {saying.rest}" if saying.own else saying.rest
    if isinstance(error, errors.RateLimited):
        return f"{_ended(str(error))} Wait {error.retry_after} s, then try it again."
    return told


def _broken(one: Violation, api_url: str, request_id: str | None) -> str:
    said = f"{_ended(one.sentence)} ({one.invariant})"
    if one.invariant == "unlinked-identity":
        return f"{said} To link your own account, send /interlock link."
    if one.invariant == "weak-authentication":
        path = f"/v1/requests/{request_id}/decisions" if request_id else ""
        return f"{said} A click in Slack is no sign-in: decide over the web API, {api_url.rstrip('/')}{path}"
    return said


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
