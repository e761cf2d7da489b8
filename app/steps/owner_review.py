"""Owner reviews: opened, escalated, lapsed and made, each in one transaction with its entry on the bot's stream.

Who may make one is looked up when they do: whoever has handed the seat over may not, whoever has it may. It is a duty
and no approval: it lets through nothing that other people had not approved, so no second person signs it.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger, owner_reviews, stops
from app.db.owner_reviews import Stored
from app.domain.clocks import rfc3339
from app.domain.digest import derived_id, sha256
from app.domain.errors import NotFound
from app.domain.owner_review import Standing
from app.domain.request import Risk
from app.governance.policy import Policy
from app.steps.context import Context
from workflows.contracts import OpenReview, ReviewState

NO_SUCH = "There is no such review."
LISTED = 100
"""How many exceptions, permissions and actions a scope lists."""


@dataclass(frozen=True, slots=True)
class Seated:
    """Who sits where, under the rules in force, and has not left. ``pids``: how the ledger names people."""

    policy: Policy
    active: frozenset[str]
    pids: dict[str, str]

    def owners(self, bot: str) -> list[str]:
        """Who must review it: the business seat."""
        return self._here(self.policy.seat(bot, None, "business"))

    def others(self, bot: str) -> list[str]:
        """Who must when the owners have not: the seats of security and exceptions, else administrators."""
        seats = self.policy.seat(bot, None, "security") | self.policy.seat(bot, None, "exceptions")
        return self._here(seats) or self._here(self.policy.groups_that_may("administer"))

    def may_make(self, review: Stored) -> list[str]:
        """Who may make this one, as of now."""
        if review.bot not in self.policy.bots:
            return []
        more = [] if review.escalated_at is None else self.others(review.bot)
        return sorted({*self.owners(review.bot), *more})

    def _here(self, persons: Iterable[str]) -> list[str]:
        return sorted(person for person in persons if person in self.active)

    def named(self, persons: Sequence[str]) -> list[str]:
        """As the ledger names them."""
        return sorted(self.pids[person] for person in persons if person in self.pids)


async def seated(ctx: Context, session: AsyncSession) -> Seated:
    """As of now."""
    persons = await governance.persons(session)
    active = frozenset(person.id for person in persons if person.active)
    return Seated(await ctx.rules.in_force(session), active, {person.id: str(person.pid) for person in persons})


async def open_review(ctx: Context, given: OpenReview) -> ReviewState:
    """Open a bot's review; or take over the one that stands, of this opening or of an earlier one that nobody made."""
    id_, stream = derived_id("owner-review", given.workflow), f"bot:{given.bot}"
    async with ctx.database.urgent() as session:  # its figures may take longer than a step has
        await ledger.lock_stream(session, stream)
        people, now = await seated(ctx, session), await ctx.clock.now(session)
        standing = await owner_reviews.by_id(session, id_) or await owner_reviews.open_of(session, given.bot)
        if standing is None and given.bot not in people.policy.bots:
            return ReviewState(str(id_), Standing.GONE)
        if standing is None:
            standing = await _opened(ctx, session, people, Stored(id=id_, bot=given.bot, opened_at=now))
        if standing.done_at is None:
            standing.workflow = given.workflow
        await session.flush()
        return _state(people.policy, standing, now)


async def _opened(ctx: Context, session: AsyncSession, people: Seated, review: Stored) -> Stored:
    bot, now = people.policy.bots[review.bot], review.opened_at
    since = (await owner_reviews.last_opened(session)).get(review.bot)
    review.workflow, review.policy_version = "", people.policy.version
    review.due_at, review.grace_s = now + bot.review.within, int(bot.review.lapse_after.total_seconds())
    review.owners, review.escalated_to = people.owners(review.bot), []
    review.scope = await _scope(ctx, session, people.policy, review, since)
    session.add(review)
    await session.flush()
    facts = {
        "owners": people.named(review.owners),
        "due_at": rfc3339(review.due_at),
        "since": review.scope["since"],
        "policy_version": review.policy_version,
        "scope": sha256(review.scope),
    }
    await _note(session, review, "review-opened", now, facts)
    if not review.owners:
        await _escalate(session, people, review, now)
    return review


async def _scope(
    ctx: Context, session: AsyncSession, policy: Policy, review: Stored, since: datetime | None
) -> dict[str, Any]:
    """What is under review, without persons: the rules' words, and figures since the last one was opened."""
    bot, now = policy.bots[review.bot], review.opened_at
    document = (await ctx.rules.source(session))["document"]
    [entry] = [one for one in document["bots"] if one["id"] == bot.id]
    risky = [name for name, action in policy.actions.items() if action.risk >= Risk.HIGH]
    return {
        "since": None if since is None else rfc3339(since),
        "use_case": entry.get("use_case"),
        "entitlements": list(bot.entitlements),
        "high_risk": [name for name in sorted(risky) if policy.entitled(bot.id, name)][:LISTED],
        "exceptions": await owner_reviews.exceptions(session, bot.id, since, LISTED),
        "permissions": [
            {
                "id": str(one.id),
                "action": one.action,
                "uses": one.uses,
                "max_uses": one.max_uses,
                "expires_at": rfc3339(one.expires_at),
            }
            for one in await owner_reviews.permissions(session, bot.id, now, LISTED)
        ],
        "figures": await owner_reviews.figures(session, bot.id, since),
    }


async def tick(ctx: Context, review_id: uuid.UUID) -> ReviewState:
    """Do what is due: bring others in, then let what is of high risk lapse.

    Under the bot's lock, which every step holds: once this is committed, nothing starts that has lapsed.
    """
    async with ctx.database.transaction() as session:
        known = await owner_reviews.by_id(session, review_id)
        if known is None:
            raise NotFound(NO_SUCH)
        await stops.lock(session, known.bot)
        review = await owner_reviews.by_id(session, review_id, lock=True)
        assert review is not None  # noqa: S101  for the type checker: a review is never taken away
        people, now = await seated(ctx, session), await ctx.clock.now(session)
        at = _due_at(people.policy, review)
        if at is not None and at <= now:
            await ledger.lock_stream(session, f"bot:{review.bot}")
            await (_escalate if review.escalated_at is None else _lapse)(session, people, review, now)
        await session.flush()
        return _state(people.policy, review, now)


async def _escalate(session: AsyncSession, people: Seated, review: Stored, now: datetime) -> None:
    """Others have their days from now on, however late this is."""
    review.escalated_at, review.escalated_to = now, people.others(review.bot)
    review.lapse_at = max(now, review.due_at) + timedelta(seconds=review.grace_s)
    facts = {"to": people.named(review.escalated_to), "lapse_at": rfc3339(review.lapse_at)}
    await _note(session, review, "review-escalated", now, facts)


async def _lapse(session: AsyncSession, _people: Seated, review: Stored, now: datetime) -> None:
    review.lapsed_at = now
    await _note(session, review, "entitlements-lapsed", now, {})


async def _note(session: AsyncSession, review: Stored, kind: str, now: datetime, facts: dict[str, Any]) -> None:
    await ledger.append(session, f"bot:{review.bot}", kind, now, {"review": str(review.id), **facts})


@dataclass(frozen=True, slots=True)
class Made:
    """What somebody found: attested or changed, why, and how they came."""

    person: str
    finding: str
    reason: str
    identity: str
    via: str


async def make(ctx: Context, session: AsyncSession, people: Seated, review: Stored, made: Made) -> None:
    """Record what somebody found; the row is locked. What had lapsed is to be had again."""
    await ledger.lock_stream(session, f"bot:{review.bot}")
    now = await ctx.clock.now(session)
    review.done_at, review.done_by, review.finding, review.reason = now, made.person, made.finding, made.reason
    await session.flush()
    secret = await ctx.vault.create(session, f"owner-review:{review.id}")
    facts = {
        "person": people.pids[made.person],
        "via": made.via,
        "finding": made.finding,
        "revived": review.lapsed_at is not None,
        "sealed": secret.seal({"reason": made.reason, "identity": made.identity}),
    }
    await _note(session, review, "reviewed", now, facts)


def standing(policy: Policy, review: Stored) -> Standing:
    """Where it stands."""
    if review.done_at is not None:
        return Standing.DONE
    if review.bot not in policy.bots:
        return Standing.GONE
    if review.lapsed_at is not None:
        return Standing.LAPSED
    return Standing.OPEN if review.escalated_at is None else Standing.ESCALATED


def _due_at(policy: Policy, review: Stored) -> datetime | None:
    match standing(policy, review):
        case Standing.OPEN:
            return review.due_at
        case Standing.ESCALATED:
            return review.lapse_at
    return None


def _state(policy: Policy, review: Stored, now: datetime) -> ReviewState:
    at = _due_at(policy, review)
    due_in = None if at is None else float(max(1, math.ceil((at - now).total_seconds() + 0.001)))
    return ReviewState(str(review.id), standing(policy, review), due_in)
