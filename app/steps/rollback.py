"""A rollback: a request that undoes another, worked out from what that asked for and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import requests
from app.db.tables import Decision, Request
from app.domain import rollback
from app.domain.ask import Ask
from app.domain.errors import OffSchema, UnknownAction
from app.domain.plan import PlanRule, as_rule, merge
from app.domain.plan_rows import plan_from_json
from app.domain.request import Kind, Mode, Reversibility, Risk, Say
from app.domain.rollback import NOT_REVERSIBLE, WARNINGS, Original
from app.domain.states import Status
from app.domain.verdict import AskFacts, Outcome, Verdict, denied
from app.governance.catalogue import Action
from app.governance.errors import RuleError
from app.governance.policy import Policy
from app.steps.access import MAY, roles
from app.steps.admission import Admission, Asked, expiry
from app.steps.asking import LATE, TOO_LATE
from app.steps.facts import owners
from app.steps.lowering import Judged, lowered_by
from app.steps.scene import Scene


@dataclass(frozen=True, slots=True)
class Undoing:
    """How a request is undone: the compensating action, its parameters, and the plan that must be passed."""

    action: Action
    parameters: dict[str, Any]
    plan: PlanRule


async def undoing(session: AsyncSession, policy: Policy, row: Request, now: datetime) -> Undoing | Verdict:
    """How a request would be undone now; or the verdict that says why it cannot be."""
    refused = rollback.refusal(await original_of(session, policy, row), now)
    return refused or worked_out(policy, row)


async def original_of(session: AsyncSession, policy: Policy, row: Request) -> Original:
    """What is judged of a request that is to be undone."""
    tries = [] if row.execution is None else await requests.execution_attempts(session, row.id)
    standing = await requests.live_rollbacks(session, [row.id])
    return judged_as(policy, row, tries[-1].finished_at if tries else None, rolled_back=bool(standing))


def judged_as(policy: Policy, row: Request, ended_at: datetime | None, *, rolled_back: bool) -> Original:
    """The same of what the caller has read: when its last attempt ended, and whether another rollback of it stands."""
    action = policy.actions.get(row.action)
    rule = None if action is None else action.rollback
    within = None if rule is None else rule.within
    return Original(Kind(row.kind), Status(row.status), ended_at, within, rolled_back)


def worked_out(policy: Policy, row: Request) -> Undoing | Verdict:
    """How the rules in force undo this outcome, whenever that was; or the verdict that says why they do not."""
    action = policy.actions.get(row.action)
    if row.erased_at is not None:
        return denied(NOT_REVERSIBLE, "Its content has been erased: nobody knows any more what there is to undo.")
    if action is None or action.rollback is None:
        return denied(NOT_REVERSIBLE, "Nothing undoes this action: its catalogue entry has no rollback.")
    undo = policy.actions[action.rollback.action]
    if undo.mode not in (Mode.HTTP, Mode.TEMPORAL):
        return denied(NOT_REVERSIBLE, f"{undo.name} is run by a bot; Interlock must run a rollback itself.")
    plan = _plan(policy, row, action.rollback.plan or "", undo)
    result = (row.execution or {}).get("result")
    try:
        parameters = policy.rollback_parameters(row.action, row.parameters, status=row.status, result=result)
    except (RuleError, OffSchema, UnknownAction) as error:
        return denied(NOT_REVERSIBLE, f"What came of it does not say how to undo it with {undo.name}: {error}")
    if plan is None:
        return denied(NOT_REVERSIBLE, f"No plan says who signs a rollback with {undo.name}.")
    return Undoing(undo, parameters, plan)


def _plan(policy: Policy, row: Request, named: str, undo: Action) -> PlanRule | None:
    """The rollback's own plan; else what the original passed, if its groups are still there; else the action's."""
    if named in policy.plans:
        return policy.plans[named]
    passed = None if row.plan is None else as_rule(plan_from_json(row.plan), expires=row.expires_at - row.created_at)
    if passed is not None and all(stage.group in policy.groups for stage in passed.stages):
        return merge([passed])  # held again, it may have asked one group twice
    return policy.plans.get(undo.default_plan or "")


async def consider_rollback(asked: Asked, row: Request, waited: timedelta) -> Admission:
    """What a person's ask to undo ``row`` comes to; its lock is held. Its parameters are worked out here."""
    now = await asked.ctx.clock.now(asked.session)
    found = TOO_LATE if waited > LATE else await undoing(asked.session, asked.policy, row, now)
    if isinstance(found, Verdict):
        return await admission_of(asked, row, now, asked.policy.actions.get(asked.ask.action), found)
    asked = replace(asked, ask=replace(asked.ask, action=found.action.name, parameters=found.parameters))
    admission = await admission_of(asked, row, now, found.action, _hold(found.plan, Status(row.status)))

    async def under(policy: Policy) -> Judged:
        return _judged_under(policy, row)

    return replace(admission, lowered_by=await lowered_by(asked, now, _judged(asked.policy, row, found), under))


def _judged_under(policy: Policy, row: Request) -> Judged:
    """What other rules would have asked of the rollback."""
    found = worked_out(policy, row)
    return Judged(found, Risk[row.risk.upper()]) if isinstance(found, Verdict) else _judged(policy, row, found)


def _judged(policy: Policy, row: Request, found: Undoing) -> Judged:
    near = [owners(policy, row.bot, name) for name in (row.action, found.action.name)]
    risk = max(Risk[row.risk.upper()], found.action.risk)
    return Judged(_hold(found.plan, Status(row.status)), risk, frozenset().union(*near))


def _hold(plan: PlanRule, status: Status) -> Verdict:
    warning = f" {WARNINGS[status]}" if status in WARNINGS else ""
    return Verdict(
        Outcome.HOLD, "rollback", f"Held under the plan {plan.name}, as every rollback is.{warning}", (), plan
    )


async def admission_of(asked: Asked, row: Request, now: datetime, undo: Action | None, verdict: Verdict) -> Admission:
    """What an ask to undo ``row`` comes to under this verdict: it has the exclusions and the conflict key of that."""
    ask = replace(asked.ask, on_behalf_of=row.on_behalf_of, triggered_by=row.triggered_by)
    risk, reversibility = Risk[row.risk.upper()], Reversibility[row.reversibility.upper()]
    if undo is not None:
        risk, reversibility = max(risk, undo.risk), undo.reversibility
    subjects, conflict_key, error = values_of(asked, ask, row, now)
    verdict = verdict if verdict.outcome is Outcome.DENY else error or verdict
    approved_by = approvers_of(row, await requests.decisions(asked.session, row.id))
    return Admission(
        ask=ask,
        verdict=verdict,
        action=undo,
        now=now,
        expires_at=expiry(now, verdict, now),
        risk=risk,
        reversibility=reversibility,
        conflict_key=row.conflict_key or conflict_key,
        subjects=frozenset(row.beneficiaries) | subjects,
        bot_owners=frozenset(row.bot_owners).union(
            *(owners(asked.policy, row.bot, n) for n in (row.action, ask.action))
        ),
        credential_maker=row.credential_maker,
        about_bot=row.bot,
        undoes={"action": row.action, "status": row.status, "approved_by": sorted(approved_by)},
    )


def approvers_of(row: Request, made: Sequence[Decision]) -> set[str]:
    """Who ever approved a request, or released it alone; those for whom they stood in as well."""
    approved = {person for d in made if d.say == Say.APPROVE for person in (d.person_id, *d.stands_for)}
    return approved | ({row.break_glass["by"]} if row.break_glass is not None else set())


def values_of(asked: Asked, ask: Ask, row: Request, now: datetime) -> tuple[frozenset[str], str | None, Verdict | None]:
    """Who benefits from the compensating action itself, what it conflicts with; or why that cannot be worked out."""
    if ask.action not in asked.policy.actions:
        return frozenset(), None, None
    facts = AskFacts(
        action=ask.action,
        parameters=ask.parameters,
        bot=row.bot or "",
        now=now,
        environment=asked.ctx.environment,
        on_behalf_of=ask.on_behalf_of,
        triggered_by=ask.triggered_by,
    )
    try:
        return asked.policy.beneficiaries(facts), asked.policy.conflict_key(facts), None
    except RuleError as error:
        return frozenset(), None, denied(NOT_REVERSIBLE, f"{ask.action}: {error}")


def ground_gone(found: Scene) -> str | None:
    """Why a signed rollback must not run any more; None when the original and the rules say what they said."""
    original, undoes = found.original, found.row.undoes or {}
    if original is None or original.status != undoes.get("status"):
        return "outcome-changed"
    if not _may_ask_still(found, original):
        return "not-entitled"
    again = worked_out(found.policy, original)
    if isinstance(again, Verdict):
        return NOT_REVERSIBLE
    return (
        None if (again.action.name, again.parameters) == (found.row.action, found.row.parameters) else "action-changed"
    )


def _may_ask_still(found: Scene, original: Request) -> bool:
    """Who asked is there still, and a responder towards that which is to be undone."""
    asker = found.row.asker_id
    return found.crowd.active.get(asker, False) and bool(
        roles(found.policy, "person", asker, original) & MAY["roll back"]
    )


def verdict_now(found: Scene) -> Verdict:
    """What the rules in force ask of a signed rollback."""
    original = found.original
    assert original is not None  # noqa: S101  for the type checker: `ground_gone` was asked first
    again = worked_out(found.policy, original)
    return again if isinstance(again, Verdict) else _hold(again.plan, Status(original.status))
