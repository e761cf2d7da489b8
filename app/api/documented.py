"""How routes describe themselves in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from app.api.bodies import Body
from app.api.problems import MEDIA_TYPE
from app.api.shapes import ProblemBody

Responses = dict[int | str, dict[str, Any]]

_WHAT = {
    401: "Who calls is not known: no token, or one that does not hold.",
    403: "The caller may not do this; with `violations` when the separation of duties forbids it.",
    404: "There is no such request, or none that the caller may see.",
    409: "The state of the request forbids it; `status` is the request's, `standing` the caller's own decision.",
    413: "The body is over 1 MiB.",
    415: "The body is not declared as application/json.",
    422: "The call is malformed; nothing was stored.",
    429: "Too many; see Retry-After.",
    503: "A part that this call needs does not answer; see Retry-After.",
}
_BODY = (413, 415, 422)


def json_body(model: type[Body], *, required: bool = True) -> dict[str, Any]:
    """The request body of an operation, for ``openapi_extra``."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}Body"}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def answers(
    shape: type[BaseModel], what: str, *problems: int, body: bool = False, also: Responses | None = None
) -> Any:
    """The responses of an operation with status 200: its answer, and how it says no."""
    found: Responses = {200: {"model": shape, "description": what}, **(also or {})}
    for status in sorted({401, 503, *problems, *(_BODY if body else ())}):
        found[status] = problem(status)
    return found


def problem(status: int) -> dict[str, Any]:
    """One way of saying no."""
    schema = {"schema": {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}}
    return {"description": _WHAT[status], "content": {MEDIA_TYPE: schema}}
