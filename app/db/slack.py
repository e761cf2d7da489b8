"""What stands in Slack, and what was shown there. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import case, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.slack_tables import CardShown, SlackItem, SlackMessage, SlackPlace
from app.db.tables import PersonIdentity, Request
from app.domain.request import Kind

PLACE_LOCK = 6
"""First key of the advisory lock on a place; `app.db.governance` and `app.db.requests` have the others."""


async def keep_shown(
    session: AsyncSession, request_id: uuid.UUID, card: str, blocks: dict[str, str], not_shown: list[str]
) -> None:
    """Keep what was shown under its hash; the same again is kept once."""
    row = insert(CardShown).values(request_id=request_id, hash=card, blocks=blocks, not_shown=not_shown)
    await session.execute(row.on_conflict_do_nothing())


async def shown(session: AsyncSession, request_id: uuid.UUID, card: str) -> CardShown | None:
    """What was shown of a request under this hash."""
    return await session.get(CardShown, (request_id, card))


async def lock_place(session: AsyncSession, place: str) -> None:
    """One at a time may add messages to a place."""
    await session.execute(select(func.pg_advisory_xact_lock(PLACE_LOCK, func.hashtext(place))))


async def items(session: AsyncSession, request_id: uuid.UUID) -> dict[str, uuid.UUID]:
    """Where a request is shown: place to message."""
    query = select(SlackItem.place, SlackItem.message_id).where(SlackItem.request_id == request_id)
    return {row.place: row.message_id for row in await session.execute(query)}


async def want(session: AsyncSession, messages: Collection[uuid.UUID]) -> None:
    """Say that these messages have something new to show: now, or when those that failed are tried again."""
    if messages:
        query = update(SlackMessage).where(SlackMessage.id.in_(sorted(messages)))
        due_at = case((SlackMessage.tries == 0, func.clock_timestamp()), else_=SlackMessage.due_at)
        changes = {"wanted": SlackMessage.wanted + 1, "due_at": due_at}
        await session.execute(query.values(changes).execution_options(synchronize_session=False))


async def add_message(session: AsyncSession, place: str, kind: str) -> uuid.UUID:
    """A message that does not stand yet."""
    message = SlackMessage(id=uuid.uuid4(), place=place, kind=kind, wanted=0)
    session.add(message)
    await session.flush()
    return message.id


async def add_item(session: AsyncSession, request_id: uuid.UUID, place: str, message_id: uuid.UUID) -> None:
    """Show a request in a place by this message; where another has come first, that one stands."""
    row = insert(SlackItem).values(request_id=request_id, place=place, message_id=message_id)
    await session.execute(row.on_conflict_do_nothing())


async def recent(session: AsyncSession, place: str, span: timedelta) -> int:
    """How many messages were added to a place in the last while."""
    query = select(func.count()).where(SlackMessage.place == place)
    return int(
        (await session.execute(query.where(SlackMessage.created_at > func.clock_timestamp() - span))).scalar_one()
    )


async def open_digest(session: AsyncSession, place: str, span: timedelta, at_most: int) -> uuid.UUID | None:
    """The youngest digest of a place that is not older than this and has room."""
    size = select(func.count()).where(SlackItem.message_id == SlackMessage.id).scalar_subquery()
    query = select(SlackMessage.id).where(
        SlackMessage.place == place,
        SlackMessage.kind == "digest",
        SlackMessage.created_at > func.clock_timestamp() - span,
        size < at_most,
    )
    return (await session.execute(query.order_by(SlackMessage.created_at.desc()).limit(1))).scalar_one_or_none()


async def due(session: AsyncSession, of_each: int) -> Sequence[tuple[uuid.UUID, str, bool]]:
    """Messages with something to show whose time has come: ``(id, place, whether it stands)``.

    ``of_each``: how many of those that stand, and of those that are new, in each place: no place takes another's turn.
    First those on which one can decide: perhaps one no longer should. Then those of what undoes many, which people
    watch while all that they are about has something to show as well; then what is due longest.
    """
    stands = SlackMessage.ts.is_not(None)
    shows = exists().where(SlackItem.message_id == SlackMessage.id, SlackItem.request_id == Request.id)
    many = shows.where(Request.kind == Kind.INCIDENT_ROLLBACK)
    order = SlackMessage.live.desc(), many.desc(), SlackMessage.due_at, SlackMessage.id
    rank = func.row_number().over(partition_by=(SlackMessage.place, stands), order_by=order)
    waiting = (
        select(SlackMessage.id, SlackMessage.place, stands.label("stands"), rank.label("rank"))
        .where(SlackMessage.wanted > SlackMessage.shown, SlackMessage.due_at <= func.clock_timestamp())
        .subquery()
    )
    query = select(waiting).where(waiting.c.rank <= of_each).order_by(waiting.c.rank)
    return [(row.id, row.place, row.stands) for row in await session.execute(query)]


async def message(session: AsyncSession, message_id: uuid.UUID, *, lock: bool = False) -> SlackMessage:
    """A message as it stands, locked to be changed if asked. Raises NoResultFound: messages are never deleted."""
    query = select(SlackMessage).where(SlackMessage.id == message_id).execution_options(populate_existing=True)
    return (await session.execute(query.with_for_update() if lock else query)).scalar_one()


async def requests_of(session: AsyncSession, message_id: uuid.UUID) -> Sequence[Request]:
    """The requests that a message shows, oldest first."""
    query = select(Request).join(SlackItem, SlackItem.request_id == Request.id)
    rows = await session.execute(
        query.where(SlackItem.message_id == message_id).order_by(Request.created_at, Request.id)
    )
    return rows.scalars().all()


async def close_place(session: AsyncSession, place: str, until: datetime, why: str) -> None:
    """Nothing can be posted there until then."""
    row = insert(SlackPlace).values(place=place, closed_until=until, why=why)
    changes = {"closed_until": until, "why": why}
    await session.execute(row.on_conflict_do_update(index_elements=["place"], set_=changes))


async def closed_places(session: AsyncSession, places: Collection[str]) -> set[str]:
    """Those of the places where nothing can be posted now."""
    query = select(SlackPlace.place).where(
        SlackPlace.place.in_(sorted(places)), SlackPlace.closed_until > func.clock_timestamp()
    )
    return set((await session.execute(query)).scalars())


async def users_of(session: AsyncSession, team: str, persons: Collection[str]) -> dict[str, list[str]]:
    """The accounts of persons in one team of Slack: person to users."""
    query = select(PersonIdentity.person_id, PersonIdentity.subject).where(
        PersonIdentity.kind == "slack", PersonIdentity.issuer == team, PersonIdentity.person_id.in_(sorted(persons))
    )
    found: dict[str, list[str]] = {}
    for person, user in await session.execute(query.order_by(PersonIdentity.subject)):
        found.setdefault(person, []).append(user)
    return found
