"""Every way in which Interlock says no.

InterlockError
├── Unauthenticated            401 unauthenticated
├── Forbidden                  403 forbidden (with violations, or without for a plain lack of a role)
├── NotFound                   404 not-found
├── Conflict                   409, each leaf with the request's status and the caller's standing decision
│   ├── Closed                 closed
│   ├── DecisionStands         decision-stands
│   ├── DigestDiffers          digest-differs
│   ├── IdempotencyKeyReused   idempotency-key-reused
│   ├── NotOpenToThis          not-open-to-this
│   ├── TooEarly               too-early
│   ├── SettlementDiffers      settlement-differs
│   ├── NotReversible          not-reversible
│   ├── WindowOver             window-over
│   └── RollbackExists         rollback-exists
├── Malformed                  422 malformed
│   ├── UnknownAction          unknown-action
│   ├── OffSchema              off-schema
│   └── IdempotencyKeyMissing  idempotency-key-missing
├── TooLarge                   413 too-large
├── TooSlow                    408 too-slow
├── NotJson                    415 not-json
├── RateLimited                429 rate-limited
├── Unavailable                503 unavailable
│   ├── Unconfirmed            503 unconfirmed
│   └── NotSealed              503 not-sealed
└── Misconfigured              never crosses the API: files, settings, keys (the CLI prints it)
    └── GovernanceInvalid      a list of findings, each with file, path and reason
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class InterlockError(Exception):
    """Base of all. ``str(error)`` is one sentence for a person: what, where, what to do."""


class Unauthenticated(InterlockError):
    """No credential, or one that does not hold."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken separation-of-duties invariant: its kebab-case name and one sentence for the person."""

    invariant: str
    sentence: str


class Forbidden(InterlockError):
    """The caller is known and may not do this."""

    def __init__(self, sentence: str, violations: Sequence[Violation] = ()) -> None:
        super().__init__(sentence)
        self.violations = tuple(violations)


class NotFound(InterlockError):
    """No such thing, or none that the caller may see."""


class Conflict(InterlockError):
    """The state of the thing forbids it. ``status``: the request's; ``standing``: the caller's own decision."""

    def __init__(self, sentence: str, *, status: str | None = None, standing: str | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.standing = standing


class Closed(Conflict):
    """The request is in another final state, or past the point where this is possible."""


class DecisionStands(Conflict):
    """The caller has decided otherwise, and that stands."""


class DigestDiffers(Conflict):
    """What the caller saw is not what the request is."""


class IdempotencyKeyReused(Conflict):
    """The same key came before with another body."""


class NotOpenToThis(Conflict):
    """The request is not in the state that this call is for."""


class TooEarly(Conflict):
    """Not before a certain time; the sentence names it."""


class SettlementDiffers(Conflict):
    """Somebody has settled it otherwise; a second person must agree with the first."""


class NotReversible(Conflict):
    """Nothing undoes it, or what came of it does not say how."""


class WindowOver(Conflict):
    """It may not be rolled back so long after its outcome."""


class RollbackExists(Conflict):
    """A rollback of the same request stands; there is one at a time."""


class Malformed(InterlockError):
    """The call is not of the shape that the API takes. ``where``: a path into it, if one is to blame."""

    def __init__(self, sentence: str, *, where: str | None = None) -> None:
        super().__init__(sentence)
        self.where = where


class UnknownAction(Malformed):
    """The catalogue has no such action."""


class OffSchema(Malformed):
    """Parameters, parent or supersedes are not what the action's catalogue entry takes."""


class IdempotencyKeyMissing(Malformed):
    """The Idempotency-Key header is missing or not 1 to 255 visible ASCII characters."""


class TooLarge(InterlockError):
    """The body is over its limit."""


class TooSlow(InterlockError):
    """The body did not come in time."""


class NotJson(InterlockError):
    """The body is not declared as application/json."""


class RateLimited(InterlockError):
    """Too many; ``retry_after`` in seconds."""

    def __init__(self, sentence: str, *, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(InterlockError):
    """A part that this call needs does not answer; nothing was acknowledged."""


class Unconfirmed(Unavailable):
    """No answer in time: it may yet be recorded, and sending it again counts once."""


class NotSealed(Unavailable):
    """What is asked for is recorded, and no checkpoint is over it yet."""


class Misconfigured(InterlockError):
    """A file, setting or key is wrong; the sentence names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect in governance files. ``where``: file and path; ``what``: the reason."""

    where: str
    what: str


class GovernanceInvalid(Misconfigured):
    """Governance files that cannot become a version. ``findings``: all that was found, not only the first."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{f.where}: {f.what}" for f in findings))
        self.findings = tuple(findings)

    def told(self, most: int = 20) -> str:
        """The first of the findings on one line, and how many more there are."""
        shown = [f"{finding.where}: {finding.what}" for finding in self.findings[:most]]
        left = len(self.findings) - len(shown)
        return "; ".join([*shown, *([f"and {left} more"] if left else [])])
