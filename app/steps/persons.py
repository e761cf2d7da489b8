"""A person's stream: what is personal in it is sealed under a secret of their own."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import ledger, links
from app.domain.errors import NotFound
from app.ledger.vault import Secret
from app.steps.context import Context


async def note_unlinked(ctx: Context, session: AsyncSession, taken: Sequence[links.Taken], *, by: str) -> None:
    """Tell each person's stream which account of theirs the files have given to another. ``by``: who installed them."""
    for lost in sorted(taken, key=lambda lost: (lost.pid, lost.team, lost.user)):
        account = {"team": lost.team, "user": lost.user}
        await note_of_person(ctx, session, "identity-unlinked", lost.pid, account, by=by, why="files")


async def note_of_person(
    ctx: Context, session: AsyncSession, kind: str, pid: str, personal: dict[str, str], /, **facts: str
) -> None:
    """An entry on a person's stream, which it locks. ``personal`` goes in sealed, ``facts`` in clear."""
    stream = f"person:{pid}"
    await ledger.lock_stream(session, stream)
    now, secret = await ctx.clock.now(session), await _secret(ctx, session, stream)
    await ledger.append(session, stream, kind, now, {**facts, "sealed": secret.seal(personal)})


async def _secret(ctx: Context, session: AsyncSession, kid: str) -> Secret:
    """A person's secret, made when it is first needed; the lock on their stream lets one at a time make it."""
    try:
        return await ctx.vault.find(session, kid)
    except NotFound:
        return await ctx.vault.create(session, kid)
