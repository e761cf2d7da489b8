"""What of the requests, reviews, credentials and permissions is a person's. Reading only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.permissions import Stored as Permission
from app.db.reviews import Stored as Review
from app.db.tables import ClientCredential, Decision, PersonIdentity, Request
from app.domain.states import OPEN, Status

MOST = 1000
"""How many of each are read."""


async def asked_by(session: AsyncSession, person: str, *, started: bool = True) -> Sequence[Request]:
    """The open requests that a person asked, changes and rollbacks, oldest first. ``started``: also what has."""
    query = select(Request).where(Request.asker_kind == "person", Request.asker_id == person)
    query = query.where(Request.status.in_(sorted(OPEN if started else {Status.HELD, Status.APPROVED})))
    return (await session.execute(query.order_by(Request.created_at, Request.id).limit(MOST))).scalars().all()


async def votes_of(session: AsyncSession, person: str) -> Sequence[tuple[Decision, Request]]:
    """A person's standing decisions on requests that are open, oldest first."""
    query = select(Decision, Request).join(Request, Request.id == Decision.request_id)
    query = query.where(Decision.person_id == person, Decision.standing, Request.status.in_(sorted(OPEN)))
    rows = await session.execute(query.order_by(Decision.at, Decision.id).limit(MOST))
    return [(row.Decision, row.Request) for row in rows]


async def reviews_for(session: AsyncSession, person: str) -> Sequence[Review]:
    """The reviews that wait and that this person may make, the first due first."""
    query = select(Review).where(Review.done_at.is_(None), Review.reviewers.contains([person]))
    return (await session.execute(query.order_by(Review.due_at, Review.id).limit(MOST))).scalars().all()


async def identities_of(session: AsyncSession, person: str) -> Sequence[PersonIdentity]:
    """A person's accounts, by the files or by a link."""
    query = select(PersonIdentity).where(PersonIdentity.person_id == person)
    query = query.order_by(PersonIdentity.kind, PersonIdentity.issuer, PersonIdentity.subject)
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()


async def credentials_of(session: AsyncSession, person: str) -> Sequence[ClientCredential]:
    """The client credentials that a person made and that hold still: they have seen the secrets."""
    query = select(ClientCredential).where(ClientCredential.made_by == person, ClientCredential.revoked_at.is_(None))
    return (await session.execute(query.order_by(ClientCredential.created_at).limit(MOST))).scalars().all()


async def permissions_of(session: AsyncSession, person: str) -> Sequence[Permission]:
    """The standing permissions that were granted on a person's ask and were not revoked, the first to end first."""
    query = select(Permission).join(Request, Request.id == Permission.id).where(Permission.revoked_at.is_(None))
    query = query.where(Request.asker_kind == "person", Request.asker_id == person)
    return (await session.execute(query.order_by(Permission.expires_at).limit(MOST))).scalars().all()
