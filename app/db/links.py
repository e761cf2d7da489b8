"""One-time codes that link Slack accounts to people, the codes that were none, and the links. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, collate, delete, func, literal, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.slack_tables import LinkCode
from app.db.tables import Person, PersonIdentity

LINK_LOCK = 7
"""First key of the advisory locks on who asks for codes and who sends them; other modules of `app.db` have more."""

KEPT = timedelta(hours=1)
"""How long a code is kept after it has expired, to be counted."""

WRONG_FOR = timedelta(minutes=1)
"""How long a wrong code counts against who sent it."""

NO_ACCOUNT = ""
"""Team and user of a row that says only that somebody (``used_by``) sent a wrong code."""


async def lock(session: AsyncSession, name: str) -> None:
    """One at a time asks for codes by this account, or sends them as this person."""
    await session.execute(select(func.pg_advisory_xact_lock(LINK_LOCK, func.hashtext(name))))


async def counted(session: AsyncSession, team: str, user: str, now: datetime) -> Sequence[datetime]:
    """When each of the codes that still count stops counting, soonest first.

    A code counts for an hour from its end: it may have been replaced at once, so that all of its last hour is in.
    """
    query = select(LinkCode.expires_at).where(
        LinkCode.team == team, LinkCode.user == user, LinkCode.expires_at > now - KEPT
    )
    return [at + KEPT for at in (await session.execute(query.order_by(LinkCode.expires_at))).scalars()]


async def replace_code(
    session: AsyncSession, *, code_hash: str, team: str, user: str, now: datetime, expires_at: datetime
) -> None:
    """Keep a new code of an account; those before it end now. What nobody counts any more goes."""
    old = (LinkCode.team == team) & (LinkCode.user == user) & (LinkCode.expires_at > now)
    await session.execute(update(LinkCode).where(old).values(expires_at=now))
    gone = select(LinkCode.code_hash).where(LinkCode.expires_at <= now - KEPT).with_for_update(skip_locked=True)
    await session.execute(delete(LinkCode).where(LinkCode.code_hash.in_(gone)))
    session.add(LinkCode(code_hash=code_hash, team=team, user=user, expires_at=expires_at))
    await session.flush()


async def locked_code(session: AsyncSession, code_hash: str) -> LinkCode | None:
    """A code by its hash, locked for this transaction and read after the lock."""
    query = select(LinkCode).where(LinkCode.code_hash == code_hash, LinkCode.team != NO_ACCOUNT).with_for_update()
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def wrong_codes(session: AsyncSession, person_id: str, now: datetime) -> Sequence[datetime]:
    """When each of the wrong codes that this person has sent stops counting, soonest first."""
    query = select(LinkCode.expires_at).where(_wrong(person_id), LinkCode.expires_at > now)
    return (await session.execute(query.order_by(LinkCode.expires_at))).scalars().all()


async def note_wrong_code(session: AsyncSession, person_id: str, now: datetime) -> None:
    """Count a wrong code against a person; those of theirs that count no more go. The caller holds the `lock`."""
    await session.execute(delete(LinkCode).where(_wrong(person_id), LinkCode.expires_at <= now))
    row = LinkCode(
        code_hash=f"wrong:{uuid.uuid4()}",
        team=NO_ACCOUNT,
        user=NO_ACCOUNT,
        expires_at=now + WRONG_FOR,
        used_by=person_id,
    )
    session.add(row)
    await session.flush()


def _wrong(person_id: str) -> ColumnElement[bool]:
    return (LinkCode.team == NO_ACCOUNT) & (LinkCode.used_by == person_id)


class Claim(NamedTuple):
    """``mine``: whether the account is this person's, until the transaction ends; ``new``: and was nobody's before."""

    mine: bool
    new: bool


async def claim(session: AsyncSession, team: str, user: str, person_id: str, *, kind: str = "slack") -> Claim:
    """Link an account to a person unless it is somebody's already. Of ``kind`` oidc: its issuer and subject."""
    row = insert(PersonIdentity).values(kind=kind, issuer=team, subject=user, person_id=person_id, source="link")
    # the update changes nothing: it locks the row of whoever has the account, and returns it
    row = row.on_conflict_do_update(
        index_elements=["kind", "issuer", "subject"], set_={"person_id": PersonIdentity.person_id}
    )
    inserted: ColumnElement[bool] = literal_column("person_identity.xmax = 0")  # no older version of it was locked
    found = (await session.execute(row.returning(PersonIdentity.person_id, inserted))).one()
    return Claim(found[0] == person_id, bool(found[1]))


async def person_of_address(session: AsyncSession, address: str) -> Person | None:
    """The one active person with this e-mail address (ASCII, lower case); None when there are none or several."""
    listed = func.jsonb_array_elements_text(Person.emails).table_valued("address").render_derived(name="listed")
    # "C": only the letters of ASCII have a lower case, whatever the database's language
    same = select(literal(1)).select_from(listed).where(func.lower(collate(listed.c.address, "C")) == address)
    query = select(Person).where(Person.active, same.correlate(Person).exists()).limit(2)
    found = (await session.execute(query)).scalars().all()
    return found[0] if len(found) == 1 else None


class Taken(NamedTuple):
    """A link that the files have taken from a person, whose pid this is."""

    team: str
    user: str
    pid: str


async def take(session: AsyncSession, identities: Sequence[tuple[str, str, str, str]]) -> Sequence[Taken]:
    """What people linked and the files now give to another: ``(kind, issuer, subject, person)`` each.

    Nobody links anything until the transaction ends, so nothing is taken that is not named here.
    """
    await session.execute(text("LOCK TABLE person_identity IN SHARE ROW EXCLUSIVE MODE"))
    given = {(kind, issuer, subject): person_id for kind, issuer, subject, person_id in identities}
    query = (
        select(PersonIdentity.kind, PersonIdentity.issuer, PersonIdentity.subject, Person.id, Person.pid)
        .join(Person, Person.id == PersonIdentity.person_id)
        .where(PersonIdentity.source == "link")
    )
    return [
        Taken(row.issuer, row.subject, str(row.pid))
        for row in (await session.execute(query)).all()
        if given.get((row.kind, row.issuer, row.subject), row.id) != row.id
    ]
