"""A new ask in place of an older one of the same bot: the old one ends, its votes with it."""

from __future__ import annotations

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, requests
from app.domain.ask import Ask
from app.domain.states import NEVER_RAN, Status
from app.steps.context import Context
from app.steps.scene import Scene


async def supersede(session: AsyncSession, ctx: Context, ask: Ask) -> bool:
    """Cancel what this ask supersedes, under its lock. False when that has started, or never was this bot's."""
    if ask.supersedes is None:
        return True
    old = await requests.locked(session, uuid.UUID(ask.supersedes))
    if old is None or (old.asker_kind, old.asker_id) != (ask.asker_kind, ask.asker_id):
        return False
    if Status(old.status) in NEVER_RAN:
        return True
    if old.status not in (Status.HELD, Status.APPROVED):
        return False
    secret = await ctx.vault.find(session, f"request:{old.id}")
    now, policy = await ctx.clock.now(session), await ctx.rules.in_force(session)
    found = Scene(ctx, session, old, now, policy, await governance.pids(session), secret)
    found.become(Status.CANCELLED, "superseded")
    found.note("cancelled", why="superseded")
    await found.changed()
    await requests.nudge(session, old.id)
    return True
