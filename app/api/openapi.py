"""The OpenAPI document: what FastAPI finds, and what it cannot see."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from app.api.bodies import BODIES
from app.api.shapes import ANSWERS

_REF = "#/components/schemas/{model}"
DESCRIPTION = """\
Interlock holds a chatbot's sensitive action until the right people release it.

Bodies are strict JSON: no duplicate keys, no NUL, no lone surrogates, no number beyond ±(2^53-1), at most 64 deep and
1 MiB long, no unknown fields. Errors are problem details (RFC 9457) of type `urn:interlock:problem:<name>`, but for
`/oauth/token`, which speaks RFC 6749. Times are RFC 3339 in UTC. `reason`, `context` and every string in `parameters`
come from a machine: show them as plain text. `traceparent` is accepted and echoed.
"""


def document(app: FastAPI) -> dict[str, Any]:
    """The document, complete: bodies that are read strictly, the problem shape, token authentication."""
    found = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes
    )
    schemas = found["components"].setdefault("schemas", {})
    for model in BODIES:
        schemas |= _schemas(model, f"{model.__name__}Body")
    for answer in ANSWERS:  # again: FastAPI drops every null from their examples
        schemas |= _schemas(answer, answer.__name__)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    found["components"]["securitySchemes"]["client"] = {"type": "http", "scheme": "basic"}
    _require_key(found["paths"]["/v1/requests"]["post"])
    return found


def _schemas(model: type[BaseModel], name: str) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REF, mode="serialization")
    nested: dict[str, Any] = schema.pop("$defs", {})
    return {**nested, name: schema}


def _require_key(operation: dict[str, Any]) -> None:
    # FastAPI would answer a missing header itself, as malformed, were it declared as required.
    for parameter in operation["parameters"]:
        if parameter["name"].lower() == "idempotency-key":
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"}
