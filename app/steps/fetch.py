"""`fetch`: the owner's worker gets the grant of the attempt that it was handed. Without it, nothing may be done."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from app.db import requests
from app.db.tables import ExecutionAttempt
from app.governance.catalogue import Action
from app.grants.grants import Grant, http_lifetime
from app.identity.secrets import hash_secret, verify_secret
from app.steps.context import Context
from app.steps.scene import Scene, scene
from app.steps.start import same_grant


@dataclass(frozen=True, slots=True)
class Fetched:
    """All that the worker needs. ``answer_key``: what it seals its answer under."""

    grant: Grant
    request_id: uuid.UUID
    attempt: int
    action: str
    parameters: dict[str, Any]
    answer_key: bytes = field(repr=False)


async def request_of(ctx: Context, handle: str) -> uuid.UUID | None:
    """The request that a handle was made for; whether it is good still is judged by `fetch`."""
    async with ctx.database.transaction() as session:
        made = await requests.attempt_by_handle(session, hash_secret(handle))
    return None if made is None else made.request_id


async def fetch(ctx: Context, request_id: uuid.UUID, handle: str, client: str) -> Fetched | None:
    """The grant, for a client of its target: the same bytes until it expires. None: not by this handle, or not now."""
    async with scene(ctx, request_id) as found:
        last = (await requests.execution_attempts(found.session, request_id))[-1]
        action = found.policy.actions.get(found.row.action)
        if action is None or not _is_of(last, handle) or not _may(found, last, action, client):
            return None
        grant = same_grant(found, action, last, http_lifetime(action.reach))
        if grant is None:
            return None
        if last.fetched_at is None:
            last.fetched_at = found.now
            found.note("grant-fetched", attempt=last.n, target=action.target, client=client)
            await found.write_entries()
        key = found.secret.answer_key(last.n)
        return Fetched(grant, request_id, last.n, found.row.action, found.row.parameters, key)


def _is_of(last: ExecutionAttempt, handle: str) -> bool:
    """The handle is that of the attempt under way."""
    return verify_secret(handle, last.handle_hash or "") and last.outcome is None


def _may(found: Scene, last: ExecutionAttempt, action: Action, client: str) -> bool:
    """It is theirs, it is not too late, and nobody has stopped it since."""
    if action.errand is None or action.version != found.row.action_version or found.stopped:
        return False
    if client not in found.policy.targets[action.target].clients:
        return False
    if last.fetched_at is None and found.now > last.started_at + action.errand.start_within:
        return False
    return last.grant_expires_at is not None and found.now < last.grant_expires_at
