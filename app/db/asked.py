"""For working with policy: what bots have asked for, as bare rows, to be judged again; stored versions by name."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, select, tuple_, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import PolicyVersion, Request
from app.domain.request import Kind

PAGE = 500


class AskedRow(NamedTuple):
    """One ask of a bot. ``parameters`` and ``context``: JSON, as text."""

    id: uuid.UUID
    action: str
    asker_id: str
    created_at: datetime
    environment: str
    parameters: str
    context: str
    on_behalf_of: str | None
    triggered_by: str | None
    parent: uuid.UUID | None
    status: str
    windows: dict[str, Any]
    policy_version: str

    @property
    def size(self) -> int:
        """About how much it takes."""
        return len(self.parameters) + len(self.context or "")


async def page_of_asked(
    session: AsyncSession, since: datetime, before: tuple[datetime, uuid.UUID] | None
) -> Sequence[AskedRow]:
    """Newest first, at most `PAGE` of them, those before this position."""
    query = (
        select(
            Request.id,
            Request.action,
            Request.asker_id,
            Request.created_at,
            Request.environment,
            type_coerce(Request.parameters, Text),
            type_coerce(Request.context, Text),
            Request.on_behalf_of,
            Request.triggered_by,
            Request.parent,
            Request.status,
            Request.windows,
            Request.policy_version,
        )
        .where(Request.kind == Kind.ACTION, Request.created_at >= since, Request.erased_at.is_(None))
        .order_by(Request.created_at.desc(), Request.id.desc())
        .limit(PAGE)
    )
    if before is not None:
        query = query.where(tuple_(Request.created_at, Request.id) < tuple_(*before))
    return [AskedRow._make(row) for row in await session.execute(query)]


class Standing(NamedTuple):
    """How a chain stands at one of its requests."""

    id: uuid.UUID
    risk: str
    reversibility: str
    chain_length: int


async def chains_at(session: AsyncSession, request_ids: Sequence[uuid.UUID]) -> Sequence[Standing]:
    """How the chains of these requests stood at their admission."""
    query = select(Request.id, Request.risk, Request.reversibility, Request.chain_length)
    return [Standing._make(row) for row in await session.execute(query.where(Request.id.in_(request_ids)))]


async def versions_that_begin(session: AsyncSession, text: str) -> Sequence[str]:
    """The ids of stored policy versions that begin so, with or without ``sha256:``."""
    begins = text if text.startswith("sha256:") else f"sha256:{text}"
    query = select(PolicyVersion.id).where(PolicyVersion.id.startswith(begins, autoescape=True))
    return (await session.execute(query.order_by(PolicyVersion.id))).scalars().all()
