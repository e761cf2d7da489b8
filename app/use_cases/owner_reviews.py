"""Owner reviews: who sees them, who makes one, and the clock behind the one that Temporal keeps."""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import datetime
from typing import Any

from temporalio.service import RPCError

from app.db import owner_reviews
from app.db.owner_reviews import Stored
from app.domain.clocks import rfc3339
from app.domain.errors import Forbidden, InterlockError, Malformed, NotFound, NotOpenToThis
from app.domain.request import Level, word
from app.domain.separation import violation
from app.governance.policy import Policy
from app.steps import owner_review
from app.steps.access import SEATS
from app.steps.context import Context
from app.steps.owner_review import NO_SUCH, Made, Seated
from app.steps.reviewing import Finding
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services
from workflows.review import OwnerReviewWorkflow

log = logging.getLogger(__name__)
KIND = "owner"
FINDINGS = ("attested", "changed")
NUDGE_WITHIN = 2.0
"""Seconds; a workflow that was not told finds it made when its next time comes."""

View = dict[str, Any]


async def listing(services: Services, who: Actor, *, open_only: bool, limit: int) -> list[View]:
    """Those that this person may see, newest first. Raises Forbidden for all but people."""
    person, ctx = person_id(who), services.ctx
    async with ctx.database.transaction() as session:
        people = await owner_review.seated(ctx, session)
        bots = _seen(people.policy, person)
        found = await owner_reviews.listed(session, bots, open_only=open_only, limit=limit)
        return [view(people, review) for review in found]


def _seen(policy: Policy, person: str) -> set[str] | None:
    """The bots whose reviews somebody may see; None: all, also those that are gone."""
    if any(person in policy.groups_that_may(what) for what in ("audit", "administer", "respond")):
        return None
    return {bot for bot in policy.bots if any(person in policy.seat(bot, None, seat) for seat in SEATS)}


async def known(services: Services, review_id: uuid.UUID) -> bool:
    """True when this is an owner review."""
    async with services.ctx.database.transaction() as session:
        return await owner_reviews.by_id(session, review_id) is not None


async def attest(services: Services, who: Actor, review_id: uuid.UUID, finding: Finding) -> View:
    """Say what one found, as its owner, or as who it was escalated to; the same again: as it stands.

    Raises NotFound, Forbidden (with violations), Malformed, NotOpenToThis, Unavailable.
    """
    person, ctx = person_id(who), services.ctx
    async with services.own.of(("attest", who.key)), ctx.database.transaction() as session:
        review = await owner_reviews.by_id(session, review_id, lock=True)
        people = await owner_review.seated(ctx, session)
        bots = _seen(people.policy, person)
        if review is None or not (bots is None or review.bot in bots):
            raise NotFound(NO_SUCH)
        _require(people, who, review, person)
        if finding.word not in FINDINGS:
            raise Malformed(f"What is found of this review is {' or '.join(FINDINGS)}.", where="finding")
        if (review.done_by, review.finding, review.reason) == (person, finding.word, finding.reason):
            return view(people, review)
        if review.done_at is not None:
            raise NotOpenToThis(f"It was reviewed before and is {review.finding}; that stands.")
        made = Made(person, finding.word, finding.reason, who.identity, who.via)
        await owner_review.make(ctx, session, people, review, made)
        shown, workflow = view(people, review), review.workflow
    await _nudge(services, workflow)
    return shown


def _require(people: Seated, who: Actor, review: Stored, person: str) -> None:
    if person not in people.active:
        broken = violation("unlinked-identity")
        raise Forbidden(broken.sentence, [broken])
    if person not in people.may_make(review):
        raise Forbidden(f"To review {review.bot} one must hold its business seat, or be who it was escalated to.")
    if who.level < Level.LOGIN:
        broken = violation("weak-authentication", want=word(Level.LOGIN), have=word(who.level))
        raise Forbidden(broken.sentence, [broken])


async def _nudge(services: Services, workflow: str) -> None:
    handle = services.temporal.get_workflow_handle_for(OwnerReviewWorkflow.run, workflow)
    try:
        async with asyncio.timeout(NUDGE_WITHIN):
            await handle.signal(OwnerReviewWorkflow.nudge)
    except (RPCError, RuntimeError, TimeoutError) as error:
        log.info("owner review: %s was not told: %s", workflow, error)


async def sweep(ctx: Context, before: datetime) -> int:
    """Do what was due by then of reviews whose workflow Temporal has lost; how many there were."""
    async with ctx.database.transaction() as session:
        late = await owner_reviews.due(session, before)
    for review_id in late:
        try:
            await owner_review.tick(ctx, review_id)
        except InterlockError as error:
            log.warning("owner review %s: %s", review_id, error)
        except Exception:
            log.exception("owner review %s cannot be ticked", review_id)
    return len(late)


def view(people: Seated, review: Stored) -> View:
    """As the API and the command line tell it. ``reviewers``: who may make it, as of now."""
    return {
        "id": str(review.id),
        "kind": KIND,
        "bot": review.bot,
        "status": str(owner_review.standing(people.policy, review)),
        "policy_version": review.policy_version,
        "opened_at": rfc3339(review.opened_at),
        "due_at": rfc3339(review.due_at),
        "reviewers": [] if review.done_at is not None else people.may_make(review),
        "scope": review.scope,
        "escalated_at": _time(review.escalated_at),
        "lapse_at": _time(review.lapse_at),
        "lapsed_at": _time(review.lapsed_at),
        "done_at": _time(review.done_at),
        "done_by": review.done_by,
        "finding": review.finding,
        "reason": review.reason,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
