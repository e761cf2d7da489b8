"""What goes out to the worker of a target that runs an action itself, and what comes in from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from app.api import examples
from app.api.bodies import Body
from app.api.shapes import Answer, Time

FETCH: dict[str, Any] = {"handle": "q2v0Yz7n1uJ8k5m3b9t6x4c0w8e2r7y1a5s3d9f6g4h"}
FETCHED: dict[str, Any] = {
    **examples.GRANT,
    "request_id": "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11",
    "attempt": 1,
    "action": "orders.cancel",
    "parameters": {"order_id": "#W2378156", "reason": "no longer needed"},
    "idempotency_key": "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11",
    "answer_key": {"kty": "oct", "k": "MzM3...", "alg": "dir", "use": "enc"},
}


class Fetch(Body):
    """The handle that the worker's activity was given."""

    model_config = ConfigDict(json_schema_extra={"examples": [FETCH]})

    handle: Annotated[str, Field(min_length=1, max_length=200)]


class AnswerKey(Answer):
    """A JWK (RFC 7517): the key of one answer."""

    kty: Literal["oct"]
    k: str
    alg: Literal["dir"]
    use: Literal["enc"]


class Fetched(Answer):
    """The grant of one attempt, and all else that the worker needs for it."""

    model_config = ConfigDict(json_schema_extra={"examples": [FETCHED]})

    grant: str
    expires_at: Time
    request_id: str
    attempt: int
    action: str
    parameters: dict[str, Any]
    idempotency_key: str = Field(description="The same for every attempt of a request.")
    answer_key: AnswerKey = Field(description="What the activity's answer is sealed under.")


ANSWERS: tuple[type[Answer], ...] = (AnswerKey, Fetched)
BODIES: tuple[type[Body], ...] = (Fetch,)
