"""A new ask in place of an older one of the same bot: the old one ends, its votes with it."""

from __future__ import annotations

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import outbox, requests
from app.db.tables import Request
from app.domain.ask import Ask
from app.domain.states import NEVER_RAN, Status
from app.steps.context import Context
from app.steps.scene import on_locked, revoke_if_stopped


async def to_supersede(session: AsyncSession, ask: Ask) -> tuple[Request | None, bool]:
    """The held or approved request that an ask would supersede, locked, if there is one.

    False beside it when that is not to be had: it has started, or never was this bot's.
    """
    if ask.supersedes is None:
        return None, True
    old = await requests.locked(session, uuid.UUID(ask.supersedes))
    if old is None or (old.asker_kind, old.asker_id) != (ask.asker_kind, ask.asker_id):
        return None, False
    if Status(old.status) in NEVER_RAN:
        return None, True
    open_still = old.status in (Status.HELD, Status.APPROVED)
    return (old if open_still else None), open_still


async def supersede(session: AsyncSession, ctx: Context, old: Request) -> None:
    """Cancel what a new ask supersedes; its lock is held."""
    found = await on_locked(ctx, session, old)
    outbox.nudge(session, old.id)
    if await revoke_if_stopped(found):
        return
    found.become(Status.CANCELLED, "superseded")
    found.note("cancelled", why="superseded")
    await found.changed()
