"""Letting a suspended bot, or the installation, go on."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger
from app.db.tables import Bot, Installation
from app.domain.outcome import Answer, Sent
from app.domain.verdict import Verdict, denied
from app.governance.built_in import RESUME_INSTALLATION, bot_of
from app.steps.admission import Asked
from app.steps.handler import Handler
from app.steps.scene import Scene

NOT_SUSPENDED = denied("not-suspended", "It is not suspended: there is nothing to resume.")


async def _refusal(asked: Asked) -> Verdict | None:
    row = await _stop_state(asked.session, bot_of(asked.ask.parameters))
    return NOT_SUSPENDED if row is None or row.suspended_at is None else None


async def _stop_state(session: AsyncSession, bot_id: str | None) -> Bot | Installation | None:
    return await (governance.installation(session) if bot_id is None else governance.bot(session, bot_id))


async def _no_ground(_asked: Asked) -> None:
    return None


async def _ground_gone(found: Scene) -> str | None:
    """Somebody has pressed stop again since it was asked for, or who asked has left."""
    if not found.crowd.active.get(found.row.asker_id, False):
        return "asker-left"
    which = 0 if found.row.action == RESUME_INSTALLATION else 1
    return "stopped-again" if found.in_force.stop_epochs[which] != found.row.stop_epochs[which] else None


async def _apply(found: Scene) -> Answer:
    bot_id = bot_of(found.row.parameters)
    session, stream = found.session, "installation" if bot_id is None else f"bot:{bot_id}"
    await ledger.lock_stream(session, stream)
    row = await _stop_state(session, bot_id)
    if row is None or row.suspended_at is None:
        return Answer(Sent.FAILED, None, None, {"status": None, "body": "It is not suspended any more."})
    row.suspended_at = None
    await session.flush()
    facts = {"request": str(found.row.id), "stop_epoch": row.stop_epoch}
    await ledger.append(session, stream, "resumed", found.now, facts)
    return Answer(Sent.SUCCEEDED, None, {"resumed": bot_id or "installation"}, None)


RESUMING = Handler(_refusal, _no_ground, _ground_gone, _apply)
