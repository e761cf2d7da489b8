"""`admit`: one transaction that writes a request with its verdict and plan, or finds the one that stands."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, requests
from app.db.governance import InForce
from app.db.tables import Request
from app.domain.ask import Ask
from app.domain.clocks import rfc3339
from app.domain.digest import sha256
from app.domain.errors import NotFound
from app.domain.plan import PlanRule, begin, plan_as_json, reach
from app.domain.request import Mode, Reversibility, Risk, word
from app.domain.states import Status
from app.domain.verdict import AskFacts, Outcome, Verdict, denied
from app.governance.catalogue import Action, Window, covers
from app.governance.errors import RuleError
from app.governance.policy import Policy
from app.steps import facts as step_facts
from app.steps.act import begin_for_bot
from app.steps.context import Context
from app.steps.crowd import crowd
from app.steps.digest import digest_of
from app.steps.progress import go_on
from app.steps.scene import Scene, on_locked, revoke_if_stopped
from app.steps.start import may_start
from app.steps.supersede import supersede, to_supersede
from workflows.contracts import Admitted

LATE = timedelta(seconds=60)
"""An admission later than this after the workflow's start runs nothing: nobody waits for it any more."""

ALLOWED_FOR = timedelta(minutes=10)
"""How long an allowed request may wait for its start."""


class Held(Exception):
    """The fast path met a hold: nothing was written, and the ask goes through a workflow."""


@dataclass(frozen=True, slots=True)
class Given:
    """An ask under consideration, and what was read for it."""

    ctx: Context
    session: AsyncSession
    id: uuid.UUID
    ask: Ask
    in_force: InForce
    policy: Policy
    action: Action | None
    now: datetime
    chain: tuple[Risk, Reversibility, int]
    windows: dict[str, int]

    def facts(self) -> AskFacts:
        """What the rules are judged on."""
        return AskFacts(
            action=self.ask.action,
            parameters=self.ask.parameters,
            bot=self.ask.asker_id,
            now=self.now,
            environment=self.ctx.environment,
            on_behalf_of=self.ask.on_behalf_of,
            triggered_by=self.ask.triggered_by,
            context=self.ask.context,
            chain_risk=self.chain[0],
            chain_reversibility=self.chain[1],
            chain_length=self.chain[2],
            windows=self.windows,
        )


async def admit(
    ctx: Context, request_id: uuid.UUID, ask: Ask | None, *, waited: timedelta, fast: bool = False, mark: str = ""
) -> Admitted:
    """Admit an ask, or take over the row that stands under its id.

    ``waited``: how long after its start. ``fast``: without a workflow; raises Held, nothing written, if it must wait.
    ``mark``: given back when this call wrote the row, not when it found it.
    Raises NotFound when there is neither row nor ask.
    """
    async with ctx.database.transaction() as session:
        bot_id = ask.asker_id if ask is not None else await requests.bot_of(session, request_id)
        if bot_id is None:
            raise NotFound(f"request {request_id} was never admitted")
        await governance.shared_stop_locks(session, bot_id)
        await requests.lock_admission(session, request_id)
        row = await requests.locked(session, request_id)
        if row is not None:
            return await _take_over(ctx, session, row)
        assert ask is not None  # noqa: S101  for the type checker: without an ask there was a row
        admitted = await _admit_new(await _consider(ctx, session, request_id, ask), waited, fast)
        return replace(admitted, mark=mark)


async def _take_over(ctx: Context, session: AsyncSession, row: Request) -> Admitted:
    found = await on_locked(ctx, session, row)
    await revoke_if_stopped(found)
    return Admitted(found.state(), row.body_hash)


async def _consider(ctx: Context, session: AsyncSession, request_id: uuid.UUID, ask: Ask) -> Given:
    in_force = await governance.in_force(session, ask.asker_id)
    policy = await ctx.rules.named(session, in_force.policy)
    action = policy.actions.get(ask.action)
    wanted = () if action is None else policy.windows(action)
    await governance.window_locks(session, [_window_key(window, ask) for window in wanted])
    now = await ctx.clock.now(session)
    chain = await _chain(session, ask, action)
    given = Given(ctx, session, request_id, ask, in_force, policy, action, now, chain, {})
    return replace(given, windows=await _figures(given))


def _window_key(window: Window, ask: Ask) -> str:
    """Who shares this figure with this ask: what two of them compute at once must not slip under the limit."""
    of = {"bot": ask.asker_id, "on_behalf_of": ask.on_behalf_of or "", "action": ask.action}
    return "/".join([window.name, *(of[dimension] for dimension in sorted(window.per))])


async def _chain(session: AsyncSession, ask: Ask, action: Action | None) -> tuple[Risk, Reversibility, int]:
    """The worst risk and reversibility from the first ask of the chain to this one, and its length."""
    own = (Risk.LOW, Reversibility.READ_ONLY) if action is None else (action.risk, action.reversibility)
    parent = await requests.by_id(session, uuid.UUID(ask.parent)) if ask.parent else None
    if parent is None:
        return (*own, 1)
    return (
        max(own[0], Risk[parent.risk.upper()]),
        max(own[1], Reversibility[parent.reversibility.upper()]),
        parent.chain_length + 1,
    )


async def _figures(given: Given) -> dict[str, int]:
    if given.action is None:
        return {}
    return {
        window.name: await requests.window_figure(given.session, _span(given, window), window.sum)
        for window in given.policy.windows(given.action)
    }


def _span(given: Given, window: Window) -> requests.Span:
    covered = [name for name in given.policy.actions if covers(window.action, name)]
    return requests.Span(
        actions=[given.ask.action] if "action" in window.per else covered,
        since=given.now - window.over,
        bot=given.ask.asker_id if "bot" in window.per else None,
        whose=(given.ask.on_behalf_of,) if "on_behalf_of" in window.per else None,
        without=uuid.UUID(given.ask.supersedes) if given.ask.supersedes else None,
    )


async def _admit_new(given: Given, waited: timedelta, fast: bool) -> Admitted:
    old, may_supersede = await to_supersede(given.session, given.ask)
    verdict, subjects, conflict_key = await _judge(given, waited, may_supersede=may_supersede)
    if fast and verdict.outcome is Outcome.HOLD:
        raise Held
    if old is not None and verdict.outcome is not Outcome.DENY:
        await supersede(given.session, given.ctx, old)
    row = await _row(given, verdict, subjects, conflict_key, has_workflow=not fast)
    found = await _write(given, row, verdict)
    if verdict.code == "late":
        found.row.ended_why = "late"
    elif found.status is Status.HELD:
        await go_on(found, await step_facts.bench(found))
    await found.changed()
    if fast and found.status is Status.APPROVED and await may_start(found):
        await begin_for_bot(found)
    return Admitted(found.state(), row.body_hash)


async def _judge(given: Given, waited: timedelta, *, may_supersede: bool) -> tuple[Verdict, frozenset[str], str | None]:
    """The verdict, who benefits, and what it conflicts with. Whatever cannot be worked out denies."""
    early = _before_rules(given, may_supersede=may_supersede)
    if early is not None or given.action is None:
        return early or denied("not-entitled", "There is no such action any more."), frozenset(), None
    if waited > LATE:
        return denied("late", "It came to be admitted more than 60 s after it was asked."), frozenset(), None
    facts = given.facts()
    try:
        subjects, conflict_key = given.policy.beneficiaries(facts), given.policy.conflict_key(facts)
    except RuleError as error:
        return denied("rule-error", str(error)), frozenset(), None
    if conflict_key is not None and await requests.unknown_with_key(given.session, conflict_key):
        return denied("conflict", "An earlier action on the same thing has an unknown outcome."), subjects, conflict_key
    return given.policy.verdict(facts), subjects, conflict_key


def _before_rules(given: Given, *, may_supersede: bool) -> Verdict | None:
    if given.in_force.suspended:
        return denied("bot-suspended", "This bot is suspended.")
    if given.action is None or not given.policy.entitled(given.ask.asker_id, given.ask.action):
        return denied("not-entitled", f"This bot may not ask for {given.ask.action}.")
    if not may_supersede:
        return denied("superseded-started", "What it would supersede has started already.")
    return None


def _status(verdict: Verdict) -> Status:
    if verdict.code == "late":
        return Status.EXPIRED
    return {Outcome.ALLOW: Status.APPROVED, Outcome.HOLD: Status.HELD, Outcome.DENY: Status.DENIED}[verdict.outcome]


def _expiry(given: Given, verdict: Verdict) -> datetime:
    if verdict.plan is not None:
        return given.now + verdict.plan.expires
    if verdict.outcome is Outcome.DENY:
        return given.now
    return given.now + ((given.action.start_within if given.action else None) or ALLOWED_FOR)


async def _row(
    given: Given, verdict: Verdict, subjects: frozenset[str], conflict_key: str | None, *, has_workflow: bool
) -> Request:
    ask, action = given.ask, given.action
    made_by = await governance.credential(given.session, ask.client_id) if ask.client_id else None
    return Request(
        id=given.id,
        kind=ask.kind,
        asker_kind=ask.asker_kind,
        asker_id=ask.asker_id,
        client_id=ask.client_id,
        credential_maker=None if made_by is None else made_by.made_by,
        body_hash="",
        action=ask.action,
        action_version=action.version if action else "",
        mode=(action.mode if action else Mode.HTTP).value,
        risk=word(given.chain[0]),
        reversibility=word(given.chain[1]),
        chain_length=given.chain[2],
        parameters=ask.parameters,
        parameters_digest=sha256(ask.parameters),
        reason=ask.reason,
        on_behalf_of=ask.on_behalf_of,
        triggered_by=ask.triggered_by,
        context=ask.context,
        parent=ask.parent and uuid.UUID(ask.parent),
        supersedes=ask.supersedes and uuid.UUID(ask.supersedes),
        reverses=None,
        beneficiaries=sorted(subjects),
        bot_owners=sorted(_owners(given)),
        conflict_key=conflict_key,
        windows=given.windows,
        environment=given.ctx.environment,
        nonce=secrets.token_hex(16),
        digest="",
        expires_at=_expiry(given, verdict),
        created_at=given.now,
        has_workflow=has_workflow,
        stop_epochs=given.in_force.stop_epochs,
        version=0,
        status=_status(verdict).value,
        verdict=verdict.as_json(given.policy.version),
        policy_version=given.policy.version,
        plan=None if verdict.plan is None else plan_as_json(begin(verdict.plan, given.now)),
        members={} if verdict.plan is None else _members(given.policy, verdict.plan),
        execution=None,
        ended_why=None,
        due_at=None,
        updated_at=given.now,
    )


def _owners(given: Given) -> frozenset[str]:
    return step_facts.owners(given.policy, given.ask.asker_id, given.ask.action)


def _members(policy: Policy, plan: PlanRule) -> dict[str, list[str]]:
    return {group: sorted(policy.members(group)) for group in sorted(reach(plan))}


async def _write(given: Given, row: Request, verdict: Verdict) -> Scene:
    kid = f"request:{row.id}"
    secret = await given.ctx.vault.create(given.session, kid)
    row.body_hash, row.digest = secret.commit(given.ask.body()), digest_of(row)
    given.session.add(row)
    await given.session.flush()
    everybody = await crowd(given.session)
    found = Scene(given.ctx, given.session, row, given.now, given.in_force, given.policy, everybody, secret)
    found.note("admitted", _personal(row), **_facts(found, verdict))
    return found


def _personal(row: Request) -> dict[str, Any]:
    return {
        "parameters": row.parameters,
        "reason": row.reason,
        "on_behalf_of": row.on_behalf_of,
        "triggered_by": row.triggered_by,
        "context": row.context,
        "beneficiaries": row.beneficiaries,
        "conflict_key": row.conflict_key,
        "nonce": row.nonce,
    }


def _facts(found: Scene, verdict: Verdict) -> dict[str, Any]:
    row = found.row
    return {
        "kind": row.kind,
        "asker": {"kind": row.asker_kind, "id": row.asker_id},
        "client_id": row.client_id,
        "credential_maker": found.pid(row.credential_maker) if row.credential_maker in found.crowd.pids else None,
        "action": row.action,
        "action_version": row.action_version,
        "environment": row.environment,
        "digest": row.digest,
        "body_hash": row.body_hash,
        "parent": row.parent and str(row.parent),
        "supersedes": row.supersedes and str(row.supersedes),
        "expires_at": rfc3339(row.expires_at),
        "verdict": verdict.as_json(row.policy_version),
        "plan": row.plan,
        "members": {group: _pids(found, members) for group, members in row.members.items()},
        "bot_owners": _pids(found, row.bot_owners),
    }


def _pids(found: Scene, persons: Sequence[str]) -> list[str]:
    return sorted(found.crowd.pids[person] for person in persons if person in found.crowd.pids)
