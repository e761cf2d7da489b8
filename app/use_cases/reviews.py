"""Reviews of what was released alone: who must make them, what was found, and the stop that follows when nobody did.

Those of owners, which are listed and made by the same calls, are in `app.use_cases.owner_reviews`.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

from sqlalchemy import ColumnElement, or_, true

from app.db import requests, reviews
from app.db.reviews import Stored
from app.db.tables import Request
from app.domain.clocks import rfc3339
from app.domain.errors import Forbidden, InterlockError, Malformed, NotFound
from app.domain.request import Level, word
from app.domain.separation import violation
from app.governance.policy import Policy
from app.steps import glass, reviewing
from app.steps.access import MAY, roles
from app.steps.context import Context
from app.steps.facts import bench
from app.steps.reviewing import Finding
from app.steps.scene import Scene
from app.use_cases import attempts, owner_reviews, refusals
from app.use_cases.access import owned, reviewed_by
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services

log = logging.getLogger(__name__)

NO_SUCH = "There is no such review."
"""Said of what is not there and of what one may not see: nobody learns which."""

FINDINGS = ("justified", "unjustified")

LISTED = 200
"""Reviews in one answer, the newest first."""

View = dict[str, Any]


async def listing(services: Services, who: Actor, *, open_only: bool) -> View:
    """``{items}``: those that this person may see, newest first. Raises Forbidden for all but people."""
    person = person_id(who)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        found = await reviews.listed(session, _visible(policy, person), open_only=open_only, limit=LISTED)
    items = [view(review, row) for review, row in found]
    items += await owner_reviews.listing(services, who, open_only=open_only, limit=LISTED)
    return {"items": sorted(items, key=lambda item: (item["opened_at"], item["id"]), reverse=True)[:LISTED]}


async def waiting_for(services: Services, who: Actor) -> list[View]:
    """Those that nobody has made yet and this person may. Raises Forbidden for all but people."""
    found = await listing(services, who, open_only=True)
    return [item for item in found["items"] if person_id(who) in item["reviewers"]]


def _visible(policy: Policy, person: str) -> ColumnElement[bool]:
    """The same rule as `_sees`, as a condition."""
    sees_all = frozenset().union(*map(policy.groups_that_may, ("audit", "administer", "respond")))
    return true() if person in sees_all else or_(reviewed_by(person), *owned(policy, person))


def _sees(policy: Policy, person: str, row: Request) -> bool:
    may = roles(policy, "person", person, row) & MAY["see reviews"]
    return bool(may) or policy.may(person, "administer")


async def attest(services: Services, who: Actor, review_id: uuid.UUID, finding: Finding) -> View:
    """Say what one found of it, as a reviewer that was named or as the bot's owner; the same again: as it stands.

    Raises NotFound, Forbidden (with violations), NotOpenToThis, Malformed (a finding of the other kind), RateLimited,
    Unavailable.
    """
    person = person_id(who)
    if await owner_reviews.known(services, review_id):
        return await owner_reviews.attest(services, who, review_id, finding)
    request_id = await _request_of(services, person, review_id)
    if finding.word not in FINDINGS:
        raise Malformed(f"What is found of this review is {' or '.join(FINDINGS)}.", where="finding")
    async with attempts.opened(services, who, request_id) as found:
        review = await reviews.by_id(found.session, review_id, lock=True)
        assert review is not None  # noqa: S101  for the type checker: a review is never taken away
        refused = await _attested(found, who, review, finding)
        shown = view(review, found.row)
    if refused is not None:
        raise refused
    services.waiters.wake(request_id)
    return shown


async def _request_of(services: Services, person: str, review_id: uuid.UUID) -> uuid.UUID:
    """The request that a review is about. Raises NotFound for one that this person may not see."""
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        review = await reviews.by_id(session, review_id)
        row = None if review is None else await requests.by_id(session, review.request_id)
        if row is None or not _sees(policy, person, row):
            raise NotFound(NO_SUCH)
        return row.id


async def _attested(found: Scene, who: Actor, review: Stored, finding: Finding) -> InterlockError | None:
    person = person_id(who)
    error = await _may_not(found, who, review, person)
    if error is not None:
        limited = await refusals.note(found, who, "review", [v.invariant for v in error.violations])
        await found.write_entries()
        return limited or error
    if reviewing.said_before(review, person, finding):
        return None
    against = reviewing.conflict(found, review)
    if against is None:
        await reviewing.attest(found, review, person, who.identity, finding)
    return against


async def _may_not(found: Scene, who: Actor, review: Stored, person: str) -> Forbidden | None:
    if person not in review.reviewers:
        return Forbidden("To review this one must be a person who was named for it.")
    by = glass.breaker(found.row) or ""
    broken = glass.reviewer_violations(await bench(found), by, person)
    if who.level < Level.LOGIN:
        broken.append(violation("weak-authentication", want=word(Level.LOGIN), have=word(who.level)))
    return Forbidden(" ".join(v.sentence for v in broken), broken) if broken else None


async def suspend_overdue(ctx: Context) -> int:
    """Suspend every bot of which something was not reviewed in time; how many reviews that were."""
    async with ctx.database.transaction() as session:
        bots = await reviews.bots_with_overdue(session, await ctx.clock.now(session))
    return sum([await _suspend(ctx, bot) for bot in bots])


async def _suspend(ctx: Context, bot: str) -> int:
    """Whatever goes wrong with one bot is logged, tried again, and must not keep the others from being stopped."""
    try:
        return await reviewing.suspend_for_overdue(ctx, bot)
    except InterlockError as error:
        log.warning("reviews: bot %s: %s", bot, error)
    except Exception:
        log.exception("reviews: bot %s could not be suspended; tried again later", bot)
    return 0


def view(review: Stored, row: Request) -> View:
    """As the API and the command line tell it."""
    released = row.break_glass or {}
    return {
        "id": str(review.id),
        "kind": review.kind,
        "request_id": str(review.request_id),
        "bot": review.bot,
        "action": row.action,
        "person": released.get("by"),
        "opened_at": rfc3339(review.opened_at),
        "due_at": rfc3339(review.due_at),
        "reviewers": review.reviewers,
        "done_at": None if review.done_at is None else rfc3339(review.done_at),
        "done_by": review.done_by,
        "finding": review.finding,
        "reason": review.reason,
        "overdue_at": None if review.overdue_at is None else rfc3339(review.overdue_at),
    }
