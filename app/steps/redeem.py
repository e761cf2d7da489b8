"""`redeem`: a target uses a grant up, once, while its execution may still happen."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from app.db import redemptions, requests
from app.db.tables import ExecutionAttempt
from app.domain.errors import NotFound
from app.domain.request import Mode
from app.domain.states import Status
from app.steps.context import Context
from app.steps.scene import Scene, scene


@dataclass(frozen=True, slots=True)
class Redeeming:
    """A grant that somebody may redeem, as they show it. ``sha256``: of its bytes; ``redemption``: their id for it."""

    request_id: uuid.UUID
    jti: str
    sha256: str
    parameters_digest: str
    client: str
    redemption: str


REDEEMED, AGAIN = "redeemed", "redeemed-again"
"""What comes of it when it is good; every other word says why it is not, and is never told to the target."""


async def redeem(ctx: Context, shown: Redeeming) -> str:
    """Redeem a grant whose signature holds. `REDEEMED`; `AGAIN` for what the same client sent under the same id.

    Judged anew each time, under the locks that a stop waits for: once a suspension has answered, no grant of what it
    stops is good any more, redeemed before or not. Rollbacks go on.
    """
    try:
        async with scene(ctx, shown.request_id) as found:
            made = await requests.execution_attempts(found.session, shown.request_id)
            if not made:
                return "never-started"
            return _refusal(found, made[-1], shown) or await _use_up(found, made[-1], shown)
    except NotFound:  # no such request, or its data were erased
        return "no-request"


def _refusal(found: Scene, last: ExecutionAttempt, shown: Redeeming) -> str | None:
    """Why not; None when it may be redeemed. Only the last attempt's grant, byte by byte, is one that counts."""
    if (last.grant_jti, last.grant_hash) != (shown.jti, shown.sha256):
        return "another-grant"
    if found.status is not Status.EXECUTING or last.outcome is not None:
        return "over"
    if found.stopped:
        return "stopped"
    if last.grant_expires_at is None or found.now >= last.grant_expires_at:
        return "expired"
    if found.row.mode == Mode.BOT and found.now >= found.window_ends:
        return "window-over"
    return None if found.row.parameters_digest == shown.parameters_digest else "other-parameters"


async def _use_up(found: Scene, last: ExecutionAttempt, shown: Redeeming) -> str:
    redemption = found.secret.commit(["redemption", shown.client, shown.redemption])
    new = redemptions.Stored(
        jti=shown.jti,
        request_id=found.row.id,
        attempt=last.n,
        client=shown.client,
        redemption=redemption,
        redeemed_at=found.now,
    )
    if await redemptions.first(found.session, new):
        found.note("grant-redeemed", attempt=last.n, jti=shown.jti, client=shown.client, redemption=redemption)
        await found.write_entries()
        return REDEEMED
    standing = await redemptions.of_grant(found.session, shown.jti)
    return AGAIN if standing is not None and standing.redemption == redemption else "used"
