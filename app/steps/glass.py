"""Break-glass: an entitled responder releases a held action at once, alone; another must review it in a set time.

It replaces the quorum, and nothing else: every personal exclusion stands, and the start checks all that it always does.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from app.db import requests
from app.db.reviews import Stored
from app.db.tables import Attempt, Decision, Request
from app.domain import glass
from app.domain.clocks import rfc3339
from app.domain.delegation import beside
from app.domain.errors import Closed, Conflict, DigestDiffers, NotOpenToThis, Violation
from app.domain.glass import Glass
from app.domain.plan import Plan, PlanRule, as_rule, begin, merge
from app.domain.request import Kind, Level, Reversibility, Risk, Say, word
from app.domain.separation import Facts, Person, exclusions, only_vote, violation
from app.domain.states import Status
from app.governance.policy import Policy
from app.steps.access import MAY, roles
from app.steps.admission import members
from app.steps.facts import Bench, bench
from app.steps.lowering import entitled_by_themselves, let_in
from app.steps.scene import Scene

KIND, BREAK = "break-glass", "break the glass of"
NEEDED = Level.RECENT
"""How surely one must be who one says: it takes one person, so a session that somebody left open is not enough."""


def stands(row: Request) -> bool:
    """True when this was released by one person, and newer rules have not taken that back."""
    return row.break_glass is not None and row.break_glass["void_at"] is None


def breaker(row: Request) -> str | None:
    """Who broke the glass, whether or not that still stands."""
    return None if row.break_glass is None else str(row.break_glass["by"])


def exclusions_of_one(person: Person, facts: Facts) -> list[Violation]:
    """Who stands too close to be the one on whose word alone it runs, at any risk."""
    broken = exclusions(person, facts)
    return broken + [more for more in only_vote(person, facts) if more not in broken]


async def violations(found: Scene, people: Bench, person_id: str, level: Level) -> list[Violation]:
    """Every invariant that this responder would break."""
    person = people.people.get(person_id)
    if person is None or not person.active:
        return [violation("unlinked-identity")]
    broken = exclusions_of_one(person, people.facts)
    if person_id not in people.facts.policy_authors and await entitled_by_themselves(found, person_id, BREAK):
        broken.append(violation("policy-author"))
    if level < NEEDED:
        broken.append(violation("weak-authentication", want=word(NEEDED), have=word(level)))
    return broken


def conflict(found: Scene, people: Bench, person_id: str, digest: str) -> Conflict | None:
    """What else speaks against it; None when nothing does."""
    row, status = found.row, found.row.status
    if digest != row.digest:
        return DigestDiffers("The digest is not this request's: look at it again.", status=status)
    if row.kind != Kind.ACTION:
        return NotOpenToThis("Only what a bot asks for is released by one person.", status=status)
    if found.status is not Status.HELD or found.plan is None:
        return Closed(f"The request is {status}: only a held one is released by one person.", status=status)
    why = _refusal(row, found.plan.glass)
    if why is None and not reviewers(found.policy, row, people, person_id):
        why = "Nobody is left who could review it afterwards."
    return None if why is None else NotOpenToThis(why, status=status)


def _refusal(row: Request, terms: Glass) -> str | None:
    if row.break_glass is not None and not stands(row):
        return "One person released it before, and newer rules took that back."
    return glass.refusal(terms, Risk[row.risk.upper()], Reversibility[row.reversibility.upper()])


def reviewers(policy: Policy, row: Request, people: Bench, person_id: str) -> list[str]:
    """Who may review what this person releases: holders of the exceptions seat, else of security, else administrators.

    Never that person or who stands in for them, nor who approved it or stands too close.
    """
    return _first(
        lambda id_: not reviewer_violations(people, person_id, id_),
        policy.seat(row.bot, row.action, "exceptions"),
        policy.seat(row.bot, row.action, "security"),
        policy.groups_that_may("administer"),
    )


def reviewer_violations(people: Bench, by: str, person_id: str) -> list[Violation]:
    """Why this person must not review what ``by`` released: too close, or had a part in it."""
    person = people.people.get(person_id)
    if person is None or not person.active:
        return [violation("unlinked-identity")]
    broken = exclusions_of_one(person, people.facts)
    if person_id in {by, *beside(by, people.facts.pairs), *_approved(people.made)}:
        broken.append(violation("stage-repeat"))
    return broken


def _first(may: Callable[[str], bool], *groups: Iterable[str]) -> list[str]:
    return next((able for group in groups if (able := sorted(filter(may, group)))), [])


def _approved(made: Iterable[Decision]) -> set[str]:
    """Who ever approved it, in whose right as well."""
    return {person for said in made if said.say == Say.APPROVE for person in (said.person_id, *said.stands_for)}


async def release(found: Scene, people: Bench, attempt: Attempt) -> None:
    """Release it, open its review, and write both down. `violations` and `conflict` have nothing against it."""
    row, plan, person_id = found.row, found.plan, attempt.actor_id or ""
    assert plan is not None  # noqa: S101  for the type checker: `conflict` has looked
    review = _review(found, plan.glass.review_within, reviewers(found.policy, row, people, person_id))
    found.session.add(review)
    row.break_glass = {
        "by": person_id,
        "reason": attempt.body["reason"],
        "at": rfc3339(found.now),
        "review": str(review.id),
        "reviewers": review.reviewers,
        "void_at": None,
    }
    found.set_plan(plan.closed())
    found.become(Status.APPROVED)
    found.note(
        "glass-broken",
        {"reason": attempt.body["reason"], "identity": attempt.identity},
        person=found.pid(person_id),
        attempt=str(attempt.id),
        digest=attempt.body["digest"],
        level=attempt.level,
        via=attempt.via,
        review=str(review.id),
        reviewers=sorted(str(found.pid(one)) for one in review.reviewers),
        due_at=rfc3339(review.due_at),
    )
    await found.changed()


def _review(found: Scene, within: timedelta, able: list[str]) -> Stored:
    return Stored(
        id=uuid.uuid4(),
        kind=KIND,
        request_id=found.row.id,
        bot=found.row.bot,
        opened_at=found.now,
        due_at=found.now + within,
        reviewers=able,
        done_at=None,
        done_by=None,
        finding=None,
        reason=None,
        overdue_at=None,
    )


async def still_may(found: Scene) -> bool:
    """Right before the start: who released it is here still, a responder, and not too close."""
    by, people = breaker(found.row) or "", await bench(found)
    person = people.people.get(by)
    if person is None or not person.active or exclusions_of_one(person, people.facts):
        return False
    return bool(roles(found.policy, "person", by, found.row) & MAY[BREAK])


async def rules_still_allow(found: Scene, newer: PlanRule) -> bool:
    """Whether the rules in force would let one person release it. False: it is held again, for all that they ask."""
    plan = found.plan
    assert plan is not None  # noqa: S101  for the type checker: what was held has one
    if _refusal(found.row, glass.strictest((plan.glass, newer.glass))) is None:
        return True
    await _hold_again(found, newer)
    return False


async def _hold_again(found: Scene, newer: PlanRule) -> None:
    """Held for all that its plan and newer rules ask, the stricter of each.

    Votes of the plan that was cut short do not fit the stages of another: they are void, and people sign anew.
    """
    for decision in await requests.decisions(found.session, found.row.id):
        if decision.standing:
            decision.standing = False
            person = found.pid(decision.person_id)
            found.note("vote-void", violation="stale-authority", person=person, vote=str(decision.id))
    wanted = _both(found.plan, newer)
    found.row.break_glass = {**(found.row.break_glass or {}), "void_at": rfc3339(found.now)}
    found.row.lowered_by = sorted({*found.row.lowered_by, *await let_in(found, wanted)})
    found.row.members = {**members(found.policy, wanted), **found.row.members}
    found.row.policy_version = found.policy.version
    found.set_plan(begin(wanted, found.now, found.policy.end_of))
    found.become(Status.HELD)
    found.note("held-again", why="policy-stricter", policy_version=found.policy.version, plan=found.row.plan)
    await found.changed()


def _both(plan: Plan | None, newer: PlanRule) -> PlanRule:
    """What was asked before the glass was broken, of which nothing was passed, with what newer rules ask."""
    before = [] if plan is None else [replace(as_rule(plan, expires=newer.expires), name=newer.name)]
    return replace(merge([*before, newer]), name=newer.name)
