"""Errors as problem details (RFC 9457): one table, every leaf of `app.domain.errors` in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi.responses import JSONResponse

from app.domain import errors

PREFIX = "urn:interlock:problem:"
MEDIA_TYPE = "application/problem+json"
RETRY_UNAVAILABLE = 1
LONGEST_DETAIL = 1000
"""A sentence may quote what was sent, and that may be long."""


@dataclass(frozen=True, slots=True)
class Problem:
    """How one class of error is told: HTTP status, name in the type URN, title."""

    status: int
    name: str
    title: str

    @property
    def type(self) -> str:
        """The type URN."""
        return PREFIX + self.name


INTERNAL = Problem(500, "internal", "Something went wrong on our side")
VIOLATIONS = Problem(403, "violations", "The separation of duties forbids it")
NO_ROUTE = Problem(404, "not-found", "Not found")
METHOD_NOT_ALLOWED = Problem(405, "method-not-allowed", "Not with this method")

PROBLEMS: dict[type[errors.InterlockError], Problem] = {
    errors.Unauthenticated: Problem(401, "unauthenticated", "Who are you?"),
    errors.Forbidden: Problem(403, "forbidden", "Not allowed"),
    errors.NotFound: NO_ROUTE,
    errors.Conflict: Problem(409, "conflict", "The state of the request forbids it"),
    errors.Closed: Problem(409, "closed", "The request is closed"),
    errors.DecisionStands: Problem(409, "decision-stands", "Another decision of yours stands"),
    errors.DigestDiffers: Problem(409, "digest-differs", "What you saw is not what this request is"),
    errors.IdempotencyKeyReused: Problem(409, "idempotency-key-reused", "The key came before with another body"),
    errors.NotOpenToThis: Problem(409, "not-open-to-this", "The request is not in a state for this"),
    errors.TooEarly: Problem(409, "too-early", "Too early"),
    errors.SettlementDiffers: Problem(409, "settlement-differs", "Somebody has settled it otherwise"),
    errors.NotReversible: Problem(409, "not-reversible", "It cannot be rolled back"),
    errors.WindowOver: Problem(409, "window-over", "Its time for a rollback is over"),
    errors.RollbackExists: Problem(409, "rollback-exists", "Another rollback stands"),
    errors.Malformed: Problem(422, "malformed", "Malformed"),
    errors.UnknownAction: Problem(422, "unknown-action", "No such action"),
    errors.OffSchema: Problem(422, "off-schema", "Not what the action takes"),
    errors.IdempotencyKeyMissing: Problem(422, "idempotency-key-missing", "An Idempotency-Key is needed"),
    errors.TooLarge: Problem(413, "too-large", "Too large"),
    errors.TooSlow: Problem(408, "too-slow", "Too slow"),
    errors.NotJson: Problem(415, "not-json", "Send application/json"),
    errors.RateLimited: Problem(429, "rate-limited", "Too many"),
    errors.Unavailable: Problem(503, "unavailable", "Not available now"),
    errors.Unconfirmed: Problem(503, "unconfirmed", "Not confirmed in time"),
    errors.NotSealed: Problem(503, "not-sealed", "Not sealed yet"),
    # These two are for the command line: should one get here all the same, its sentence stays in the house.
    errors.Misconfigured: INTERNAL,
    errors.GovernanceInvalid: INTERNAL,
}

NAMED = {problem.name: problem for problem in (*PROBLEMS.values(), VIOLATIONS, METHOD_NOT_ALLOWED)}
"""Every problem of ours by the name in its type; the types of the OpenAPI document."""


def problem_of(error: errors.InterlockError) -> Problem:
    """The table's line for an error, or that of its nearest ancestor in it."""
    if isinstance(error, errors.Forbidden) and error.violations:
        return VIOLATIONS
    return next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), INTERNAL)


def answer(error: errors.InterlockError) -> JSONResponse:
    """The response that tells an error."""
    problem = problem_of(error)
    if problem is INTERNAL:
        return internal()
    return respond(problem, str(error), headers=_headers(error), **_members(error))


def internal() -> JSONResponse:
    """The response to what nobody expected: no details."""
    return respond(INTERNAL, "This is our fault; it has been logged. Try again later.")


def respond(problem: Problem, detail: str, *, headers: dict[str, str] | None = None, **members: Any) -> JSONResponse:
    """A problem as a response. ``members`` may replace ``status`` in the body, never on the response line."""
    shown = detail if len(detail) <= LONGEST_DETAIL else detail[:LONGEST_DETAIL] + "…"
    body = {"type": problem.type, "title": problem.title, "status": problem.status, "detail": shown, **members}
    return JSONResponse(body, problem.status, headers, MEDIA_TYPE)


def _members(error: errors.InterlockError) -> dict[str, Any]:
    if isinstance(error, errors.Forbidden) and error.violations:
        return {"violations": [{"invariant": v.invariant, "sentence": v.sentence} for v in error.violations]}
    if isinstance(error, errors.Conflict):
        # RFC 9457 makes the HTTP status an optional member of the body. In a conflict over a request the contract
        # gives that name to the request's own status, which the caller needs; the HTTP one is on the response line.
        return {"standing": error.standing} | ({} if error.status is None else {"status": str(error.status)})
    if isinstance(error, errors.Malformed) and error.where is not None:
        return {"where": error.where[:LONGEST_DETAIL]}
    return {}


def _headers(error: errors.InterlockError) -> dict[str, str]:
    match error:
        case errors.Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case errors.RateLimited():
            return {"Retry-After": str(error.retry_after)}
        case errors.Unavailable():
            return {"Retry-After": str(RETRY_UNAVAILABLE)}
    return {}
