"""A person is away: for a while another decides in their right. Given, ended and listed; judged elsewhere."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import delegations, governance, ledger, outbox
from app.db.delegations import Stored
from app.db.tables import Person, Request
from app.domain.clocks import rfc3339
from app.domain.delegation import period_error
from app.domain.digest import derived_id
from app.domain.errors import Forbidden, IdempotencyKeyReused, Malformed, NotFound, NotOpenToThis, RateLimited
from app.domain.request import Level, word
from app.domain.separation import violation
from app.domain.states import OPEN
from app.governance.policy import Policy
from app.steps.context import Context
from app.steps.persons import note_of_person
from app.use_cases.access import decided_by
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services

A_DAY = 20
"""Delegations that one person gives in a day: each has cards shown anew."""

NO_SUCH = "There is no such delegation."
"""Said of what is not there and of what one may not see: nobody learns which."""

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for who will be away. ``starts_at``: None to begin now."""

    to: str
    starts_at: datetime | None
    ends_at: datetime
    reason: str


async def give(services: Services, who: Actor, key: str, wish: Wish) -> tuple[View, bool]:
    """Have another decide in one's place for a while; True beside it: by this call. ``key``: its idempotency key.

    It counts for no request that is pending already. Raises Forbidden with violations, Malformed, NotOpenToThis (there
    is one at that time), IdempotencyKeyReused, RateLimited, Unavailable, Unconfirmed.
    """
    giver, ctx = _surely(who), services.ctx
    id_ = derived_id("delegation", giver, key)
    async with ctx.database.transaction() as session:
        person = await _locked(session, giver)
        now = await ctx.clock.now(session)
        before = await delegations.by_id(session, id_)
        if before is not None:
            return _the_same(before, wish), False
        starts_at = wish.starts_at or now
        await _check(session, person, wish, now, starts_at)
        row = Stored(
            id=id_,
            person_id=giver,
            delegate_id=wish.to,
            starts_at=starts_at,
            ends_at=wish.ends_at,
            reason=wish.reason,
            created_at=now,
            ended_at=None,
            ended_by=None,
        )
        session.add(row)
        await session.flush()
        await _told(ctx, session, who, row)
        return view(row), True


def _surely(who: Actor) -> str:
    """The person who gives. Raises Forbidden unless they have signed in: a click can come from a stolen session."""
    person = person_id(who)
    if who.level < Level.LOGIN:
        broken = violation("weak-authentication", want=word(Level.LOGIN), have=word(who.level))
        raise Forbidden(broken.sentence, [broken])
    return person


async def _locked(session: AsyncSession, person: str) -> Person:
    """Somebody who is here still, with their stream locked: one at a time gives or ends what is theirs."""
    known = await governance.person(session, person)
    if known is not None:
        await ledger.lock_stream(session, f"person:{known.pid}")
        await session.refresh(known)
    if known is None or not known.active:  # they were when their token was read, and have left since
        broken = violation("unlinked-identity")
        raise Forbidden(broken.sentence, [broken])
    return known


def _the_same(before: Stored, wish: Wish) -> View:
    """What the same call made. Raises IdempotencyKeyReused when that was another."""
    starts_at = None if before.starts_at == before.created_at else before.starts_at
    if Wish(before.delegate_id, starts_at, before.ends_at, before.reason) != wish:
        raise IdempotencyKeyReused("This Idempotency-Key came before with another body.")
    return view(before)


async def _check(session: AsyncSession, person: Person, wish: Wish, now: datetime, starts_at: datetime) -> None:
    delegate = await governance.person(session, wish.to)
    if wish.to == person.id:
        raise Malformed("Name somebody else: you decide for yourself anyway.", where="to")
    if delegate is None or not delegate.active:
        raise Malformed(f"There is no active person {wish.to!r:.100}.", where="to")
    wrong = period_error(now, starts_at, wish.ends_at)
    if wrong is not None:
        raise Malformed(wrong[1], where=wrong[0])
    other = await delegations.overlapping(session, person.id, starts_at, wish.ends_at)
    if other is not None:
        until = rfc3339(other.ends_at)
        raise NotOpenToThis(f"{other.delegate_id} decides for you until {until}: end that first, {other.id}.")
    if await delegations.given_since(session, person.id, now - timedelta(days=1)) >= A_DAY:
        raise RateLimited(f"At most {A_DAY} delegations a day; try again later.", retry_after=3600)


async def _told(ctx: Context, session: AsyncSession, who: Actor, row: Stored) -> None:
    pids = await governance.pids(session)
    giver = pids[row.person_id]
    await note_of_person(
        ctx,
        session,
        "delegated",
        giver,
        {"reason": row.reason, "identity": who.identity},
        delegation=str(row.id),
        by=giver,
        to=pids[row.delegate_id],
        starts_at=rfc3339(row.starts_at),
        ends_at=rfc3339(row.ends_at),
        via=who.via,
        assurance=word(who.level),
    )
    if row.starts_at <= row.created_at:
        await _show_anew(session, await ctx.rules.in_force(session), row)


async def end(services: Services, who: Actor, delegation_id: uuid.UUID) -> View:
    """End a delegation before its time, by either of the two or who may administer; ended already: as it stands.

    Raises Forbidden, NotFound, Unavailable, Unconfirmed.
    """
    person, ctx = person_id(who), services.ctx
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
        row = _seen(policy, person, await delegations.by_id(session, delegation_id))
        if person not in (row.person_id, row.delegate_id) and not policy.may(person, "administer"):
            raise Forbidden("To end a delegation one must have given or received it, or be one who may administer.")
        pids = await governance.pids(session)
        await ledger.lock_stream(session, f"person:{pids[row.person_id]}")
        await session.refresh(row)
        now = await ctx.clock.now(session)
        if row.ended_at is None and row.ends_at > now:
            row.ended_at, row.ended_by = now, person
            await session.flush()
            await note_of_person(
                ctx,
                session,
                "delegation-ended",
                pids[row.person_id],
                {"identity": who.identity},
                delegation=str(row.id),
                by=pids[person],
                via=who.via,
                assurance=word(who.level),
            )
            await _show_anew(session, policy, row)
        return view(row)


def _seen(policy: Policy, person: str, row: Stored | None) -> Stored:
    """It, when this person may see it. Raises NotFound."""
    sees_all = policy.may(person, "audit") or policy.may(person, "administer")
    if row is None or not (sees_all or person in (row.person_id, row.delegate_id)):
        raise NotFound(NO_SUCH)
    return row


async def read(services: Services, who: Actor, delegation_id: uuid.UUID) -> View:
    """A delegation as it stands. Raises Forbidden, NotFound."""
    person = person_id(who)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        return view(_seen(policy, person, await delegations.by_id(session, delegation_id)))


async def end_own(services: Services, who: Actor) -> list[View]:
    """Somebody is back: end all that they have given, also what was still to begin. Raises as `end`."""
    person = person_id(who)
    async with services.ctx.database.transaction() as session:
        rows = await delegations.listed(session, await services.ctx.clock.now(session), person)
        mine = [row.id for row in rows if row.person_id == person]
    return [await end(services, who, one) for one in mine]


async def listing(services: Services, who: Actor) -> View:
    """``{items}``: what this person has given and received and is not over; auditors and administrators see all."""
    person, ctx = person_id(who), services.ctx
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
        sees_all = policy.may(person, "audit") or policy.may(person, "administer")
        rows = await delegations.listed(session, await ctx.clock.now(session), None if sees_all else person)
        return {"items": [view(row) for row in rows]}


async def _show_anew(session: AsyncSession, policy: Policy, row: Stored) -> None:
    """Who is away, and who may decide, stands on the cards of what waits for a group of theirs."""
    asked = decided_by(policy, row.person_id)
    if asked:
        await outbox.again(session, "slack", Request.status.in_(sorted(OPEN)) & or_(*asked))


def view(row: Stored) -> View:
    """As the API and the command line tell it."""
    return {
        "id": str(row.id),
        "person": row.person_id,
        "delegate": row.delegate_id,
        "from": rfc3339(row.starts_at),
        "until": rfc3339(row.ends_at),
        "reason": row.reason,
        "created_at": rfc3339(row.created_at),
        "ended_at": None if row.ended_at is None else rfc3339(row.ended_at),
        "ended_by": row.ended_by,
    }
