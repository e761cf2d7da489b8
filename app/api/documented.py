"""How routes describe themselves in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from app.api import examples, problems
from app.api.bodies import Body
from app.api.shapes import ProblemBody, RequestView

Responses = dict[int | str, dict[str, Any]]

_WHAT = {
    401: "Who calls is not known: no token, or one that does not hold.",
    403: "The caller may not do this; with `violations` when the separation of duties forbids it.",
    404: "There is no such thing, or none that the caller may see.",
    408: "The body did not come in time.",
    409: "The state of the request forbids it; `status` is the request's, `standing` the caller's own decision.",
    413: "The body is over its limit: 1 MiB, or 16 KiB for the form of `/oauth/token`.",
    415: "The body is not declared as application/json.",
    422: "The call is malformed; nothing was stored.",
    429: "Too many; see Retry-After.",
    500: "Our fault; it is logged.",
    503: "A part that this call needs does not answer; see Retry-After.",
}
_BODY = ("malformed", "not-json", "too-large", "too-slow")
_ALWAYS = ("unauthenticated", "unavailable", "unconfirmed", "internal")

RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait before the same call again (RFC 9110 section 10.2.3).",
        "schema": {"type": "integer", "minimum": 0},
    }
}
LOCATION = {"Location": {"description": "Where to read it.", "schema": {"type": "string", "format": "uri-reference"}}}


def challenge(scheme: str) -> dict[str, Any]:
    """The header of a 401 that says how to prove oneself."""
    return {"WWW-Authenticate": {"description": f"`{scheme}` (RFC 9110 section 11.6.1).", "schema": {"type": "string"}}}


_HEADERS = {401: challenge("Bearer"), 429: RETRY_AFTER, 503: RETRY_AFTER}


def json_body(model: type[Body], *, required: bool = True) -> dict[str, Any]:
    """The request body of an operation, for ``openapi_extra``."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}Body"}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def answers(shape: type[BaseModel], what: str, *names: str, body: bool = False, also: Responses | None = None) -> Any:
    """The responses of an operation with status 200: its answer, and how it says no.

    ``names``: of the problems that this operation may answer with, beyond those of every call and of every body.
    """
    more = dict(also or {})
    found: Responses = {200: {"model": shape, "description": what, **more.pop(200, {})}, **more}
    return found | refusals(*_ALWAYS, *names, *(_BODY if body else ()))


def created(what: str, again: str, *names: str) -> Any:
    """The responses of an operation that makes a request: 201 with ``what``, and 200 when the same came before."""
    first = {"model": RequestView, "description": what, "headers": LOCATION}
    return answers(RequestView, again, *names, body=True, also={200: {"headers": LOCATION}, 201: first})


def refusals(*names: str) -> Responses:
    """The responses that tell these problems, by HTTP status."""
    by_status: dict[int, list[problems.Problem]] = {}
    for name in sorted(set(names)):
        by_status.setdefault(problems.NAMED[name].status, []).append(problems.NAMED[name])
    return {status: _refusal(status, may_be) for status, may_be in sorted(by_status.items())}


def _refusal(status: int, may_be: list[problems.Problem]) -> dict[str, Any]:
    shape = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}
    schema = {"allOf": [shape, {"properties": {"type": {"enum": [problem.type for problem in may_be]}}}]}
    shown = {problem.name: {"summary": problem.title, "value": examples.problem(problem)} for problem in may_be}
    found: dict[str, Any] = {
        "description": f"{_WHAT[status]} Types: {', '.join(f'`{problem.name}`' for problem in may_be)}.",
        "content": {problems.MEDIA_TYPE: {"schema": schema, "examples": shown}},
    }
    return found | ({"headers": _HEADERS[status]} if status in _HEADERS else {})
