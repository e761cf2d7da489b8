"""The OpenAPI document: what FastAPI finds, and what it cannot see."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from app.api import (
    bodies_incidents,
    bodies_policy,
    examples,
    shapes_export,
    shapes_grants,
    shapes_handles,
    shapes_incidents,
    shapes_ledger,
    shapes_oversight,
    shapes_permissions,
    shapes_policy,
    shapes_token,
    shapes_use_cases,
)
from app.api.bodies import BODIES
from app.api.problems import MEDIA_TYPE, NAMED
from app.api.shapes import ANSWERS
from app.api.shapes_delegations import DELEGATIONS
from app.api.shapes_exceptions import REVIEWS
from app.api.shapes_owner_reviews import OWNER_REVIEWS
from app.api.shapes_people import PEOPLE

MODELS = (
    *ANSWERS,
    *DELEGATIONS,
    *REVIEWS,
    *OWNER_REVIEWS,
    *PEOPLE,
    *shapes_policy.ANSWERS,
    *shapes_permissions.ANSWERS,
    *shapes_oversight.ANSWERS,
    *shapes_use_cases.ANSWERS,
    *shapes_token.ANSWERS,
    *shapes_grants.ANSWERS,
    *shapes_handles.ANSWERS,
    *shapes_incidents.ANSWERS,
    *shapes_ledger.ANSWERS,
    *shapes_export.ANSWERS,
)
KEYED = (
    "/v1/requests",
    "/v1/requests/{id}/rollbacks",
    "/v1/governance-requests",
    "/v1/delegations",
    "/v1/incidents",
    "/v1/incidents/{id}/rollbacks",
)
"""Where a POST must have an Idempotency-Key."""
_REF = "#/components/schemas/{model}"
DESCRIPTION = """\
Interlock holds a chatbot's sensitive action until the right people release it.

Bodies are strict JSON: no duplicate keys, no NUL, no lone surrogates, no number beyond ±(2^53-1), at most 64 deep and
1 MiB long, no unknown fields. Errors are problem details (RFC 9457) of type `urn:interlock:problem:<name>`, but for
`/oauth/token`, which speaks RFC 6749. Times are RFC 3339 in UTC. `reason`, `context` and every string in `parameters`
come from a machine: show them as plain text. `traceparent` is accepted and echoed.
"""
TRACEPARENT: dict[str, Any] = {
    "name": "traceparent",
    "in": "header",
    "required": False,
    "description": "W3C Trace Context: logged with the call, and echoed on the answer. One that is none is ignored.",
    "schema": {"type": "string", "examples": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]},
}


def document(app: FastAPI) -> dict[str, Any]:
    """The document, complete: bodies that are read strictly, the problem shape, token authentication."""
    found = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes
    )
    schemas = found["components"].setdefault("schemas", {})
    for model in (*BODIES, *bodies_policy.BODIES, *bodies_incidents.BODIES, *shapes_handles.BODIES):
        schemas |= _schemas(model, f"{model.__name__}Body")
    for answer in MODELS:  # again: FastAPI drops every null from their examples
        schemas |= _schemas(answer, answer.__name__)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    found["components"]["securitySchemes"]["client"] = {"type": "http", "scheme": "basic"}
    for name, path in found["paths"].items():
        for method, operation in path.items():
            _tell_of_key(operation, required=method == "post" and name in KEYED)
            operation.setdefault("parameters", []).append(TRACEPARENT)
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]  # FastAPI's own, where nothing that is read can be malformed
            _restore_nulls(operation["responses"])
    return found


def _schemas(model: type[BaseModel], name: str) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REF, mode="serialization")
    nested: dict[str, Any] = schema.pop("$defs", {})
    return {**nested, name: schema}


def _restore_nulls(responses: dict[str, Any]) -> None:
    for response in responses.values():
        for name, example in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).items():
            example["value"] = examples.problem(NAMED[name])


def _tell_of_key(operation: dict[str, Any], *, required: bool) -> None:
    # FastAPI would answer a header that is missing or off its pattern itself, as malformed, were that declared there.
    for parameter in operation.get("parameters", []):
        if parameter["name"].lower() == "idempotency-key":
            parameter["required"] = required
            parameter["schema"] = {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"}
