"""Reviews: what a named person found of what was released alone; and what comes of one that nobody made in time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import ledger, reviews
from app.db.reviews import Stored
from app.domain.clocks import rfc3339
from app.domain.errors import Conflict, NotOpenToThis
from app.steps.context import Context
from app.steps.scene import Scene
from app.steps.stop import stop, stopping

BY = "interlock"
"""Who suspends a bot of which something was not reviewed in time: the rule, no person."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a person found: ``justified`` or ``unjustified``, and why."""

    word: str
    reason: str


def said_before(review: Stored, person_id: str, finding: Finding) -> bool:
    """True when this person has found the very same."""
    return (review.done_by, review.finding, review.reason) == (person_id, finding.word, finding.reason)


def conflict(found: Scene, review: Stored) -> Conflict | None:
    """A review is made once."""
    if review.done_at is None:
        return None
    sentence = f"It was reviewed before and found {review.finding}; that stands."
    return NotOpenToThis(sentence, status=found.row.status)


async def attest(found: Scene, review: Stored, person_id: str, identity: str, finding: Finding) -> None:
    """Record what they found, also when the time for it is over: that undoes no suspension."""
    review.done_at, review.done_by = found.now, person_id
    review.finding, review.reason = finding.word, finding.reason
    found.note(
        "reviewed",
        {"reason": finding.reason, "identity": identity},
        person=found.pid(person_id),
        review=str(review.id),
        finding=finding.word,
    )
    await found.changed()


async def suspend_for_overdue(ctx: Context, bot: str) -> int:
    """Suspend a bot of which something was not reviewed in time; of how many. Each counts once, whoever looks."""
    async with stopping(ctx.database, bot) as session:
        await ledger.lock_stream(session, f"bot:{bot}")
        now = await ctx.clock.now(session)
        late = await reviews.overdue(session, bot, now)
        if late:
            await _suspend(ctx, session, bot, late[0])
        for review in late:
            review.overdue_at = now
            facts = {"review": str(review.id), "request": str(review.request_id), "due_at": rfc3339(review.due_at)}
            await ledger.append(session, f"bot:{bot}", "review-overdue", now, facts)
        await session.flush()
        return len(late)


async def _suspend(ctx: Context, session: AsyncSession, bot: str, review: Stored) -> None:
    reason = f"The break-glass of request {review.request_id} was not reviewed in time."
    await stop(session, ctx.clock, bot, reason, {"person": None, "by": BY, "via": "worker", "why": "review-overdue"})
