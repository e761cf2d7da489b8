"""Who leads what: one row a lease, taken over when its time is up. Flush yes, commit no."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import case, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.slack_tables import Lease


async def take(session: AsyncSession, name: str, owner: uuid.UUID, span: timedelta) -> int | None:
    """Take or prolong a lease; its epoch, None while it is another's. The epoch grows when the owner changes."""
    until = func.clock_timestamp() + span
    row = insert(Lease).values(name=name, owner=owner, epoch=1, until=until)
    same = Lease.owner == owner
    taken = row.on_conflict_do_update(
        index_elements=["name"],
        set_={"owner": owner, "epoch": case((same, Lease.epoch), else_=Lease.epoch + 1), "until": until},
        where=or_(same, Lease.until < func.clock_timestamp()),
    )
    return (await session.execute(taken.returning(Lease.epoch))).scalar_one_or_none()


async def stands(session: AsyncSession, name: str, epoch: int) -> bool:
    """True while nobody else has taken the lease; and nobody can until this transaction has ended."""
    query = select(Lease.epoch).where(Lease.name == name).with_for_update(read=True)
    return (await session.execute(query)).scalar_one_or_none() == epoch


async def give_back(session: AsyncSession, name: str, owner: uuid.UUID) -> None:
    """Let another take it at once."""
    query = select(Lease).where(Lease.name == name, Lease.owner == owner).with_for_update()
    lease = (await session.execute(query)).scalar_one_or_none()
    if lease is not None:
        lease.until = (await session.execute(select(func.clock_timestamp()))).scalar_one()
