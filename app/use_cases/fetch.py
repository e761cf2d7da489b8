"""The owner's worker fetches the grant that it was handed a handle for."""

from __future__ import annotations

import base64
from typing import Any

from app.domain.clocks import rfc3339
from app.domain.errors import Forbidden, NotFound
from app.steps import fetch as steps
from app.use_cases.actors import Actor
from app.use_cases.services import Services

NO_SUCH = "There is no grant for this handle, or not any more."
"""Said of a handle that is unknown, over, stopped, or another target's: nobody learns which."""


async def fetch(services: Services, who: Actor, handle: str) -> dict[str, Any]:
    """The grant, and all else that the worker of a target needs.

    Raises Forbidden for anybody but a target, NotFound for a handle that gives nothing, Unavailable.
    """
    if who.kind != "target" or who.id is None:
        raise Forbidden("Only a target may do this, with its own access token.")
    request_id = await steps.request_of(services.ctx, handle)
    found = None if request_id is None else await steps.fetch(services.ctx, request_id, handle, who.id)
    if found is None:
        raise NotFound(NO_SUCH)
    return {
        "grant": found.grant.token,
        "expires_at": rfc3339(found.grant.expires_at),
        "request_id": str(found.request_id),
        "attempt": found.attempt,
        "action": found.action,
        "parameters": found.parameters,
        "idempotency_key": str(found.request_id),
        "answer_key": _jwk(found.answer_key),
    }


def _jwk(key: bytes) -> dict[str, str]:
    encoded = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
    return {"kty": "oct", "k": encoded, "alg": "dir", "use": "enc"}
