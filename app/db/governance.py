"""People, bots, credentials and policy versions. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, SQLColumnExpression, delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import (
    Bot,
    ClientCredential,
    Installation,
    Person,
    PersonIdentity,
    PersonSubject,
    PolicyVersion,
    Request,
)


async def installation(session: AsyncSession) -> Installation:
    """The one row of this installation, as it stands now."""
    return (await session.execute(select(Installation).execution_options(populate_existing=True))).scalar_one()


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds for a bot. ``stop_epochs``: of installation and bot, as ``reasons`` of their last stops are.

    ``suspended``: either is.
    """

    policy: str | None
    stop_epochs: list[int]
    suspended: bool
    reasons: tuple[str | None, str | None] = (None, None)

    def why_stopped(self, since: Sequence[int]) -> str | None:
        """The words of the stop that came after these epochs: the bot's own, else the installation's."""
        return self.reasons[1] if self.stop_epochs[1:] != list(since)[1:] else self.reasons[0]


async def in_force(session: AsyncSession, bot_id: str | None) -> InForce:
    """What holds for a bot (None: for the installation alone) as of now.

    Under `shared_stop_locks` its stops cannot change any more.
    """
    query = select(
        Installation.active_policy,
        Installation.stop_epoch,
        Bot.stop_epoch.label("bot_epoch"),
        Installation.suspended_at,
        Bot.suspended_at.label("bot_suspended_at"),
        Installation.stop_reason,
        Bot.stop_reason.label("bot_stop_reason"),
    ).outerjoin(Bot, Bot.id == bot_id)
    row = (await session.execute(query)).one()
    suspended = row.suspended_at is not None or row.bot_suspended_at is not None
    reasons = (row.stop_reason, row.bot_stop_reason)
    return InForce(row.active_policy, [row.stop_epoch, row.bot_epoch or 0], suspended, reasons)


async def bot(session: AsyncSession, bot_id: str) -> Bot | None:
    """A bot's stop state, as it stands now."""
    query = select(Bot).where(Bot.id == bot_id).execution_options(populate_existing=True)
    return (await session.execute(query)).scalar_one_or_none()


async def policy_version(session: AsyncSession, version: str) -> PolicyVersion | None:
    """A stored policy version."""
    return await session.get(PolicyVersion, version)


class Known(NamedTuple):
    """A person, with one of their subjects or none."""

    id: str
    active: bool
    pid: uuid.UUID
    subject: str | None


_EVERYBODY = text(
    """
    select person.id, person.active, person.pid, person_subject.subject
    from person left join person_subject on person_subject.person_id = person.id
    union all
    select person.id, person.active, person.pid, taken.pair ->> 1
    from request
    cross join jsonb_array_elements(request.ground -> 'subjects_taken') as taken(pair)
    join person on person.id = taken.pair ->> 0
    where request.action = any(:publications) and request.status = 'succeeded' and request.updated_at > :since
    """
)
"""As text: every step reads it, and building it anew took longer than running it (measured)."""


async def everybody(session: AsyncSession, publications: Sequence[str], since: datetime) -> Sequence[Known]:
    """Everybody as of now, a row for each of their subjects, and for those that were taken from them since then.

    ``publications``: the actions by whose requests that was.
    """
    rows = await session.execute(_EVERYBODY, {"publications": list(publications), "since": since})
    return [Known(*row) for row in rows]


async def persons(session: AsyncSession) -> Sequence[Person]:
    """Everybody, active or not."""
    query = select(Person).order_by(Person.id).execution_options(populate_existing=True)
    return (await session.execute(query)).scalars().all()


async def subjects(session: AsyncSession) -> Sequence[PersonSubject]:
    """Who is who as a customer, payee or grantee."""
    return (await session.execute(select(PersonSubject).execution_options(populate_existing=True))).scalars().all()


async def identities(session: AsyncSession) -> set[tuple[str, str, str, str]]:
    """All accounts that the files name: ``(kind, issuer, subject, person)``; what people linked is not among them."""
    query = select(PersonIdentity).where(PersonIdentity.source == "files")
    rows = (await session.execute(query.execution_options(populate_existing=True))).scalars()
    return {(row.kind, row.issuer, row.subject, row.person_id) for row in rows}


async def pids(session: AsyncSession) -> dict[str, str]:
    """Person id to pid."""
    rows = (await session.execute(select(Person.id, Person.pid))).all()
    return {row.id: str(row.pid) for row in rows}


async def person_of_identity(session: AsyncSession, kind: str, issuer: str, subject: str) -> Person | None:
    """The one person whose account this is."""
    query = (
        select(Person)
        .join(PersonIdentity, PersonIdentity.person_id == Person.id)
        .where(PersonIdentity.kind == kind, PersonIdentity.issuer == issuer, PersonIdentity.subject == subject)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def person(session: AsyncSession, person_id: str) -> Person | None:
    """A person by id."""
    return await session.get(Person, person_id)


async def credential(session: AsyncSession, client_id: str) -> ClientCredential | None:
    """A client credential by its id."""
    return await session.get(ClientCredential, client_id)


async def upsert_person(
    session: AsyncSession, *, person_id: str, name: str, emails: list[str], time_zone: str | None
) -> None:
    """Add a person, or bring name, e-mail and zone up to date; their pid never changes."""
    row = insert(Person).values(id=person_id, name=name, emails=emails, time_zone=time_zone, active=True)
    changes = {"name": name, "emails": emails, "time_zone": time_zone, "active": True}
    await session.execute(row.on_conflict_do_update(index_elements=["id"], set_=changes))


async def replace_accounts(
    session: AsyncSession, identities: Sequence[tuple[str, str, str, str]], subjects: Sequence[tuple[str, str]]
) -> None:
    """All identities ``(kind, issuer, subject, person)`` and subjects ``(subject, person)``, in place of the old.

    What people have linked stays, unless the files name it: then it is as they say.
    """
    await session.execute(delete(PersonIdentity).where(PersonIdentity.source == "files"))
    await session.execute(delete(PersonSubject))
    for kind, issuer, subject, person_id in identities:
        row = insert(PersonIdentity).values(
            kind=kind, issuer=issuer, subject=subject, person_id=person_id, source="files"
        )
        said = {"person_id": person_id, "source": "files"}
        await session.execute(row.on_conflict_do_update(index_elements=["kind", "issuer", "subject"], set_=said))
    for subject, person_id in subjects:
        session.add(PersonSubject(subject=subject, person_id=person_id))
    await session.flush()


async def deactivate_others(session: AsyncSession, keep: Sequence[str]) -> None:
    """People who are no longer in the files may look and decide nothing; they stay for the record."""
    for row in await persons(session):
        if row.id not in keep:
            row.active = False
    await session.flush()


async def add_bots(session: AsyncSession, bot_ids: Sequence[str]) -> None:
    """Stop states for bots that have none."""
    for bot_id in bot_ids:
        await session.execute(insert(Bot).values(id=bot_id).on_conflict_do_nothing())


async def activate(session: AsyncSession, *, version: str, document: dict[str, object], at: datetime, by: str) -> None:
    """Keep a version and put it in force."""
    row = insert(PolicyVersion).values(id=version, document=document, installed_at=at, installed_by=by)
    await session.execute(row.on_conflict_do_nothing())
    (await installation(session)).active_policy = version
    await session.flush()


async def shared_stop_locks(session: AsyncSession, bot_id: str | None) -> None:
    """The locks that a suspension takes exclusively: installation, then bot, if it is about one."""
    await session.execute(select(*_stop_locks(literal(bot_id or ""))))


class Concern(NamedTuple):
    """What never changes of a request and says which locks it needs: its bot, and what it reverses."""

    bot: str | None
    reverses: uuid.UUID | None


async def shared_stop_locks_of(session: AsyncSession, request_id: uuid.UUID) -> Concern | None:
    """The same for the bot of a request; None when there is no such request."""
    bot = func.coalesce(Request.bot, "")
    query = select(Request.bot, Request.reverses, *_stop_locks(bot)).where(Request.id == request_id)
    found = (await session.execute(query)).first()
    return None if found is None else Concern(found.bot, found.reverses)


def _stop_locks(bot_id: SQLColumnExpression[str]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return (
        func.pg_advisory_xact_lock_shared(INSTALLATION_LOCK, 0),
        func.pg_advisory_xact_lock_shared(BOT_LOCK, func.hashtext(bot_id)),
    )


async def window_locks(session: AsyncSession, names: Sequence[str]) -> None:
    """One at a time may compute and use these figures; in sorted order."""
    for name in sorted(names):
        await session.execute(select(func.pg_advisory_xact_lock(WINDOW_LOCK, func.hashtext(name))))


INSTALLATION_LOCK, BOT_LOCK, WINDOW_LOCK = 1, 2, 3
"""First keys of the advisory locks; the second is 0 for the installation, else the hash of the name."""
