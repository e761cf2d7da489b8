"""A bot's ask for an action: entitlement, chain, windows, rules, budgets (DESIGN.md sections 4 and 9)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.db import governance, requests
from app.db.permissions import Stored
from app.domain.ask import Ask
from app.domain.errors import OffSchema
from app.domain.request import Reversibility, Risk
from app.domain.verdict import AskFacts, Verdict, denied
from app.governance.catalogue import Action, Window, covers
from app.governance.errors import RuleError
from app.governance.policy import Policy
from app.governance.use_case import Approved, supervised
from app.steps import budgets, lapsing, permissions, use_cases
from app.steps import facts as step_facts
from app.steps.admission import Admission, Asked, credential_maker, expiry
from app.steps.lowering import Judged, lowered_by

LATE = timedelta(seconds=60)
"""An admission later than this after the workflow's start runs nothing: nobody waits for it any more."""

TOO_LATE = denied("late", "It came to be admitted more than 60 s after it was asked.")

ALLOWED_FOR = timedelta(minutes=10)
"""How long an allowed request may wait for its start."""


@dataclass(frozen=True, slots=True)
class _Given:
    """An ask for an action, and what was read for it."""

    asked: Asked
    action: Action | None
    now: datetime
    chain: tuple[Risk, Reversibility, int]
    windows: dict[str, int]
    permissions: Sequence[Stored] = ()
    approved: Approved | None = None

    def facts(self) -> AskFacts:
        """What the rules are judged on."""
        ask = self.asked.ask
        return AskFacts(
            action=ask.action,
            parameters=ask.parameters,
            bot=ask.asker_id,
            now=self.now,
            environment=self.asked.ctx.environment,
            on_behalf_of=ask.on_behalf_of,
            triggered_by=ask.triggered_by,
            context=ask.context,
            chain_risk=self.chain[0],
            chain_reversibility=self.chain[1],
            chain_length=self.chain[2],
            windows=self.windows,
        )


async def consider_action(asked: Asked, waited: timedelta, *, may_supersede: bool) -> Admission:
    """What a bot's ask comes to.

    ``waited``: how long after its start; ``may_supersede``: what it would replace is to be had.
    """
    given = await _given(asked)
    verdict, subjects, conflict_key = await _judge(given, waited, may_supersede=may_supersede)
    ask, action = asked.ask, given.action
    start_within = action.start_within if action is not None else None
    return Admission(
        ask=ask,
        verdict=verdict,
        action=action,
        now=given.now,
        expires_at=expiry(given.now, verdict, given.now + (start_within or ALLOWED_FOR)),
        risk=given.chain[0],
        reversibility=given.chain[1],
        chain_length=given.chain[2],
        conflict_key=conflict_key,
        subjects=subjects,
        bot_owners=step_facts.owners(asked.policy, ask.asker_id, ask.action),
        credential_maker=await credential_maker(asked.session, ask),
        windows=given.windows,
        lowered_by=await _lowered_by(given, verdict, subjects),
    )


async def _lowered_by(given: _Given, verdict: Verdict, subjects: frozenset[str]) -> frozenset[str]:
    async def under(policy: Policy) -> Judged:
        return await _judged_under(given, policy)

    asked = given.asked
    near = step_facts.owners(asked.policy, asked.ask.asker_id, asked.ask.action)
    return await lowered_by(asked, given.now, Judged(verdict, given.chain[0], near, subjects), under)


async def _judged_under(given: _Given, policy: Policy) -> Judged:
    """What other rules would have said of it. Without their locks: nothing is admitted on it."""
    asked = replace(given.asked, policy=policy)
    action, bot = policy.actions.get(asked.ask.action), asked.ask.asker_id
    other = _Given(asked, action, given.now, await _chain(asked, action), {}, approved=given.approved)
    if action is None or not policy.entitled(bot, action.name) or not _takes(policy, action, asked.ask):
        return Judged(denied("not-entitled", "It was not to be had."), other.chain[0])
    other = replace(other, windows=await _figures(other))
    verdict, subjects, _ = await _of_rules(other, budgets.would_be_within)
    return Judged(verdict, other.chain[0], step_facts.owners(policy, bot, action.name), subjects)


def _takes(policy: Policy, action: Action, ask: Ask) -> bool:
    """Whether the catalogue's entry takes what is asked: else it is refused before it is a request."""
    try:
        policy.check_parameters(action, ask.parameters)
    except OffSchema:
        return False
    return ask.on_behalf_of is not None or not action.on_behalf_of_required


async def _given(asked: Asked) -> _Given:
    action = asked.policy.actions.get(asked.ask.action)
    wanted = () if action is None else asked.policy.windows(action)
    names = [_window_key(window, asked.ask) for window in wanted] + budgets.keys(asked)
    await governance.window_locks(asked.session, names)
    standing = await permissions.locked(asked)
    approved = await use_cases.approved(asked.session, asked.ctx.rules, asked.ask.asker_id)
    now = await asked.ctx.clock.now(asked.session)
    given = _Given(asked, action, now, await _chain(asked, action), {}, standing, approved)
    return replace(given, windows=await _figures(given))


def _window_key(window: Window, ask: Ask) -> str:
    """Who shares this figure with this ask: what two of them compute at once must not slip under the limit."""
    of = {"bot": ask.asker_id, "on_behalf_of": ask.on_behalf_of or "", "action": ask.action}
    return "/".join([window.name, *(of[dimension] for dimension in sorted(window.per))])


async def _chain(asked: Asked, action: Action | None) -> tuple[Risk, Reversibility, int]:
    """The worst risk and reversibility from the first ask of the chain to this one, and its length."""
    own = (Risk.LOW, Reversibility.READ_ONLY) if action is None else (action.risk, action.reversibility)
    named = asked.ask.parent
    parent = await requests.by_id(asked.session, uuid.UUID(named)) if named else None
    if parent is None:
        return (*own, 1)
    return (
        max(own[0], Risk[parent.risk.upper()]),
        max(own[1], Reversibility[parent.reversibility.upper()]),
        parent.chain_length + 1,
    )


async def _figures(given: _Given) -> dict[str, int]:
    if given.action is None:
        return {}
    return {
        window.name: await requests.window_figure(given.asked.session, _span(given, window), window.sum)
        for window in given.asked.policy.windows(given.action)
    }


def _span(given: _Given, window: Window) -> requests.Span:
    ask = given.asked.ask
    covered = [name for name in given.asked.policy.actions if covers(window.action, name)]
    return requests.Span(
        actions=[ask.action] if "action" in window.per else covered,
        since=given.now - window.over,
        bot=ask.asker_id if "bot" in window.per else None,
        whose=(ask.on_behalf_of,) if "on_behalf_of" in window.per else None,
        without=uuid.UUID(ask.supersedes) if ask.supersedes else None,
    )


async def _judge(
    given: _Given, waited: timedelta, *, may_supersede: bool
) -> tuple[Verdict, frozenset[str], str | None]:
    """The verdict, who benefits, and what it conflicts with. Whatever cannot be worked out denies."""
    early = _before_rules(given, may_supersede=may_supersede)
    if early is not None or given.action is None:
        return early or denied("not-entitled", "There is no such action any more."), frozenset(), None
    if waited > LATE:
        return TOO_LATE, frozenset(), None
    if await lapsing.refuses(given.asked.session, given.asked.ask.asker_id, given.chain[0]):
        return lapsing.LAPSED, frozenset(), None
    return await _of_rules(given, budgets.within)


async def _of_rules(given: _Given, budgeted: budgets.Within) -> tuple[Verdict, frozenset[str], str | None]:
    facts, policy = given.facts(), given.asked.policy
    try:
        subjects, conflict_key = policy.beneficiaries(facts), policy.conflict_key(facts)
    except RuleError as error:
        return denied("rule-error", str(error)), frozenset(), None
    if conflict_key is not None and await requests.unknown_with_key(given.asked.session, conflict_key):
        return denied("conflict", "An earlier action on the same thing has an unknown outcome."), subjects, conflict_key
    ruled = supervised(policy, facts, policy.verdict(facts), given.approved)
    allowed = await permissions.allowing(given.asked, given.permissions, facts, ruled, subjects)
    verdict = await budgeted(given.asked, given.now, allowed)
    permissions.count(given.permissions, verdict, facts)
    return verdict, subjects, conflict_key


def _before_rules(given: _Given, *, may_supersede: bool) -> Verdict | None:
    asked = given.asked
    if asked.in_force.suspended:
        return denied("bot-suspended", "This bot is suspended.")
    if given.action is None or not asked.policy.entitled(asked.ask.asker_id, asked.ask.action):
        return denied("not-entitled", f"This bot may not ask for {asked.ask.action}.")
    unapproved = use_cases.refusal(asked, given.action, given.approved, given.now)
    if unapproved is not None:
        return unapproved
    if not may_supersede:
        return denied("superseded-started", "What it would supersede has started already.")
    return None
