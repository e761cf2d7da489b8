"""`start`: check again all that could have changed since the yes, then commit the attempt. That commit is the start."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from app.db import requests
from app.db.tables import ExecutionAttempt
from app.domain.clocks import rfc3339
from app.domain.digest import derived_id
from app.domain.plan import missing
from app.domain.request import Kind, Mode, Reversibility, Say
from app.domain.states import Status
from app.domain.verdict import Outcome, Verdict
from app.governance.catalogue import Action
from app.grants.grants import Grant, http_lifetime, mint
from app.keys import UnknownKey
from app.steps import (
    change,
    glass,
    handing,
    incident_item,
    incident_rollback,
    incident_run,
    lapsing,
    permissions,
    rollback,
    use_cases,
)
from app.steps.admission import members
from app.steps.ask_facts import ask_facts
from app.steps.context import Context
from app.steps.digest import digest_of
from app.steps.execution import Go, Turn
from app.steps.facts import bench
from app.steps.finish import MAX_ATTEMPTS, give_up, over_at, record, retry_not_before
from app.steps.lowering import let_in
from app.steps.scene import Scene, revoke, scene
from app.steps.tick import lapse
from app.steps.void import void_votes

MARGIN = timedelta(seconds=5)
"""The first byte leaves at most this long after the commit; what came later is not sent."""

BLOCKED_AT_FIRST, BLOCKED_AT_MOST = timedelta(minutes=1), timedelta(minutes=15)
BLOCKED_AT_ONCE = timedelta(seconds=5)
"""Whoever frees a key wakes who was approved by then, so only who was approved just now may have missed that."""


async def start(ctx: Context, request_id: uuid.UUID, owner: str) -> Turn:
    """Commit the next attempt of an approved request, or say why not. ``owner``: who runs this one, unique per run."""
    async with scene(ctx, request_id) as found:
        if found.row.mode == Mode.BOT:
            return Turn(found.state())
        if found.status is Status.EXECUTING:
            return Turn(found.state()) if found.waits_for_items else await _again(found, owner)
        if found.status is not Status.APPROVED or not await may_start(found):
            return Turn(found.state())
        return await _first(found, owner)


async def _first(found: Scene, owner: str) -> Turn:
    match found.row.mode:
        case Mode.INTERNAL:
            return await _run_here(found, owner)
        case Mode.INCIDENT:
            return await _run_items(found, owner)
    return await _commit(found, owner, 1)


async def may_start(found: Scene) -> bool:
    """Everything that could have changed since the approval, in order. False: the row says what it is now instead."""
    if await _too_late(found):
        return False
    why = await _ground_gone(found)
    if why is not None:
        await revoke(found, why)
        return False
    agreed = await _rules_still_agree(found) and await _votes_still_stand(found) and await _goes_on(found)
    return agreed and await _key_is_free(found)


async def _goes_on(found: Scene) -> bool:
    """Of one of many that an incident's rollback undoes: that is not paused."""
    parent = incident_item.part_of(found.row)
    return parent is None or await incident_item.goes_on(found, parent)


async def _too_late(found: Scene) -> bool:
    if found.now <= found.row.expires_at:
        return False
    lapse(found, "expires-at-passed")
    await found.changed()
    return True


async def _ground_gone(found: Scene) -> str | None:
    action = found.policy.find(found.row.action)
    if digest_of(found.row) != found.row.digest:
        return "digest-differs"
    if action is None or action.version != found.row.action_version:
        return "action-changed"
    if found.row.kind != Kind.ACTION:
        return await _ground_of_person_gone(found)
    if not found.policy.entitled(found.row.asker_id, found.row.action):
        return "not-entitled"
    return await use_cases.gone(found) or await lapsing.ended(found) or await permissions.ended(found)


async def _ground_of_person_gone(found: Scene) -> str | None:
    match found.row.kind:
        case Kind.ROLLBACK:
            return rollback.ground_gone(found) or await _incident_over(found)
        case Kind.INCIDENT_ROLLBACK:
            return await incident_rollback.ground_gone(found)
    return await change.ground_gone(found)


async def _incident_over(found: Scene) -> str | None:
    """Of a rollback that was signed as one of many."""
    parent = incident_item.part_of(found.row)
    return None if parent is None else await incident_item.ground_gone(found, parent)


async def _rules_still_agree(found: Scene) -> bool:
    """Newer rules judge with the admission's windows: deny revokes, more people means held for what is missing."""
    if found.policy.version == found.row.policy_version:
        return True
    verdict = await _verdict_now(found)
    if verdict.outcome is Outcome.DENY or not await _signed_enough(found, verdict):
        await revoke(found, "policy-stricter")
        return False
    if incident_item.part_of(found.row) is not None:
        return True
    if glass.stands(found.row):
        return verdict.plan is None or await glass.rules_still_allow(found, verdict.plan)
    more = None if verdict.plan is None else missing(found.plan, verdict.plan, found.now, found.policy.end_of)
    if verdict.plan is None or more is None:
        return True
    found.row.lowered_by = sorted({*found.row.lowered_by, *await let_in(found, verdict.plan)})
    found.row.members = {**members(found.policy, verdict.plan), **found.row.members}
    found.row.policy_version = found.policy.version
    found.set_plan(more)
    found.become(Status.HELD)
    found.note("held-again", why="policy-stricter", policy_version=found.policy.version, plan=found.row.plan)
    await found.changed()
    return False


async def _signed_enough(found: Scene, verdict: Verdict) -> bool:
    parent = incident_item.part_of(found.row)
    return parent is None or await incident_item.still_agrees(found, parent, verdict)


async def _verdict_now(found: Scene) -> Verdict:
    match found.row.kind:
        case Kind.ROLLBACK:
            return rollback.verdict_now(found)
        case Kind.INCIDENT_ROLLBACK:
            return await incident_rollback.verdict_now(found)
        case Kind.GOVERNANCE:
            return change.verdict_now(found)
    facts = ask_facts(found.row, found.now)
    verdict = await use_cases.supervised_now(found, facts, found.policy.verdict(facts))
    return await permissions.still_allowing(found, facts, verdict)


async def _votes_still_stand(found: Scene) -> bool:
    if glass.stands(found.row):
        may = await glass.still_may(found)
        if not may:
            await revoke(found, "stale-authority")
        return may
    plan, people = found.plan, await bench(found)
    if plan is None:
        return True
    for index, stage in enumerate(plan.stages):
        votes = people.tally(plan, index)
        said = people.facts.stood.get(index, {})
        lost = {p for p, say in said.items() if say is Say.APPROVE} - votes.approvals
        if not votes.passes(stage.quorum):
            await void_votes(found, index, lost)
            return False
    return True


async def _key_is_free(found: Scene) -> bool:
    key = found.row.conflict_key
    if key is None:
        return await _original_is_over(found)
    await requests.lock_key(found.session, key)
    found.now = await found.ctx.clock.now(found.session)  # the lock may have taken its time
    if await _too_late(found):
        return False
    mine = [found.row.id] if found.original is None else [found.row.id, found.original.id]
    if not await requests.key_is_taken(found.session, key, mine):
        return await _original_is_over(found)
    found.block(_until_next_look(found.now - found.row.updated_at))
    return False


def _until_next_look(waited: timedelta) -> timedelta:
    if waited < BLOCKED_AT_ONCE:
        return BLOCKED_AT_ONCE
    return min(max(BLOCKED_AT_FIRST, waited / 2), BLOCKED_AT_MOST)


async def _original_is_over(found: Scene) -> bool:
    """A rollback has the conflict key of what it undoes, once no call of that can be on its way any more.

    What a bot has reported is its word only: it may call once more until its grant expires.
    """
    if found.original is None or (found.original.status != Status.UNKNOWN and found.original.mode != Mode.BOT):
        return True
    attempt = (await requests.execution_attempts(found.session, found.original.id))[-1]
    earliest = over_at(found.original, attempt)
    if found.now < earliest:
        found.block(earliest - found.now)
        return False
    attempt.holds_key = False
    await found.session.flush()
    return True


async def _again(found: Scene, owner: str) -> Turn:
    """Somebody has started before: wait until that can no longer be running, then go on as the action allows."""
    last = (await requests.execution_attempts(found.session, found.row.id))[-1]
    if last.outcome is None and last.handle_hash is not None:
        return handing.taken_over(found, last, owner)
    action = _action(found)
    not_before = retry_not_before(last, timedelta(milliseconds=(found.row.execution or {})["timeout_ms"]))
    if last.outcome != "not-sent" and found.now < not_before:
        return Turn(found.state(), wait=(not_before - found.now).total_seconds())
    idempotent = action is not None and action.idempotent
    if last.outcome is None and not idempotent:
        return await give_up(found, last, "no-outcome")
    if last.n >= MAX_ATTEMPTS or found.stopped:
        return await give_up(found, last, "no-more-attempts")
    why = "expires-at-passed" if found.now > found.row.expires_at else await _ground_gone(found)
    if why is not None:
        return await give_up(found, last, why)
    if last.outcome is None:
        last.outcome, last.finished_at = "no-outcome", found.now
    last.holds_key = False
    await found.session.flush()
    return await _commit(found, owner, last.n + 1)


def _action(found: Scene) -> Action | None:
    action = found.policy.actions.get(found.row.action)
    return action if action is not None and action.version == found.row.action_version else None


async def _commit(found: Scene, owner: str, n: int) -> Turn:
    action = found.policy.actions[found.row.action]
    grant = grant_for(found, action, n, found.now, http_lifetime(action.reach))
    window = MAX_ATTEMPTS * (action.reach + 2 * MARGIN) + MARGIN
    await add_attempt(found, owner, n, grant, window=window, action=action)
    if action.errand is not None:
        return await handing.handed_over(found, action.errand, action.timeout)
    target = found.policy.targets[action.target]
    go = Go(
        n=n,
        url=found.ctx.target_urls.get(target.name, target.url).rstrip("/") + (action.path or ""),
        parameters=found.row.parameters,
        timeout=action.timeout,
        grant=grant,
        hosts=target.hosts,
        private=target.private,
        committed_at=found.ctx.boottime(),
    )
    return Turn(found.state(), go)


async def _run_here(found: Scene, owner: str) -> Turn:
    """A built-in action: start, effect, outcome and entries commit together."""
    action = found.policy.action(found.row.action)
    await add_attempt(found, owner, 1, None, window=timedelta(0), action=action)
    attempt = (await requests.execution_attempts(found.session, found.row.id))[-1]
    await record(found, attempt, await change.apply(found))
    return Turn(found.state())


async def _run_items(found: Scene, owner: str) -> Turn:
    """The rollback of an incident: each of its items is a request of its own, and its own workflow runs them."""
    action = found.policy.action(found.row.action)
    await add_attempt(found, owner, 1, None, window=incident_run.RUNS_FOR, action=action)
    return await incident_run.begun(found)


async def add_attempt(
    found: Scene, owner: str, n: int, grant: Grant | None, *, window: timedelta, action: Action
) -> None:
    """Write the attempt, its entry and the request's new state; the caller's commit is the start.

    ``grant``: None for a built-in action, which needs none.
    """
    found.session.add(
        ExecutionAttempt(
            request_id=found.row.id,
            n=n,
            owner=owner,
            started_at=found.now,
            finished_at=None,
            outcome=None,
            grant_jti=grant and grant.jti,
            grant_hash=grant and grant.sha256,
            grant_expires_at=grant and grant.expires_at,
            grant_jkt=grant and grant.jkt,
            grant_kid=grant and grant.kid,
            conflict_key=found.row.conflict_key,
            holds_key=True,
        )
    )
    if found.status is Status.APPROVED:
        found.become(Status.EXECUTING)
    found.row.policy_version = found.policy.version
    found.row.execution = {
        "mode": found.row.mode,
        "status": "executing",
        "result": None,
        "error": None,
        "window_s": int(window.total_seconds()),
        "timeout_ms": int(action.reach.total_seconds() * 1000),
        "window_ends": rfc3339(found.now + window),
        "idempotent": action.idempotent,
        "reads": action.reversibility is Reversibility.READ_ONLY,
    }
    bound = {"jkt": grant.jkt} if grant and grant.jkt else {}
    hashes = grant and {"jti": grant.jti, "sha256": grant.sha256, **bound}
    target = action.target or None
    found.note("started", attempt=n, target=target, grant=hashes, policy_version=found.policy.version)
    await found.changed()


def same_grant(found: Scene, action: Action, last: ExecutionAttempt, lifetime: timedelta) -> Grant | None:
    """The grant of a standing attempt once more, the same bytes; None when its key is gone, or it would be another."""
    again = {"jkt": last.grant_jkt, "kid": last.grant_kid}
    try:
        grant = grant_for(found, action, last.n, last.started_at, lifetime, **again)
    except UnknownKey:  # removed in an emergency: what it signed is worth nothing any more
        return None
    return grant if grant.sha256 == last.grant_hash else None


def grant_for(
    found: Scene,
    action: Action,
    n: int,
    at: datetime,
    lifetime: timedelta,
    *,
    jkt: str | None = None,
    kid: str | None = None,
) -> Grant:
    """The grant of attempt ``n``: the same bytes whenever it is minted with the same keys and times.

    ``jkt``: the key that it is bound to; ``kid``: the key that signed it before. Raises `UnknownKey` when that is gone.
    """
    row = found.row
    return mint(
        found.ctx.grants,
        issuer=found.ctx.issuer,
        jti=str(derived_id("grant", str(row.id), str(n))),
        request_id=str(row.id),
        action=row.action,
        audience=found.policy.targets[action.target].audience,
        subject=row.on_behalf_of,
        actor=f"{row.asker_kind}:{found.asker()['id']}",
        digest=row.digest,
        parameters_digest=row.parameters_digest,
        now=at,
        lifetime=lifetime,
        jkt=jkt,
        kid=kid,
    )
