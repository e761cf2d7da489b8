"""A request as one who may see it sees it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, requests, reviews, stops
from app.db.tables import Decision, ExecutionAttempt, Request, Settlement
from app.domain.clocks import rfc3339
from app.domain.plan_rows import plan_as_json, plan_from_json
from app.domain.request import Kind, Reversibility
from app.domain.rollback import HAS_OUTCOME, WARNINGS
from app.domain.states import Status
from app.governance.policy import Policy
from app.steps.access import MAY, roles
from app.steps.away import absent
from app.steps.context import Context
from app.steps.crowd import Crowd, crowd
from app.steps.facts import bench_with
from app.use_cases.access import received
from app.use_cases.actors import Actor

View = dict[str, Any]


async def view(
    ctx: Context, session: AsyncSession, policy: Policy, who: Actor, row: Request, *, everybody: Crowd | None = None
) -> View:
    """The JSON of a request (DESIGN.md section 6). A bot's view has no people in it.

    ``everybody``: give it when several requests are shown in one transaction.
    """
    given = await received(ctx, session, who) if everybody is None else everybody.received(who.id or "")
    held = roles(policy, who.kind, who.id, row, given)
    made = await requests.decisions(session, row.id)
    tries = [] if row.execution is None else await requests.execution_attempts(session, row.id)
    shown = {**_ask(row), **_judged(row), "plan": _plan(row, made), "execution": _execution(row, tries)}
    shown |= await _undoing(session, policy, row, tries)
    shown["refusals"] = await requests.refusal_count(session, row.id)
    if held & MAY["see-people"]:
        shown |= {"ended_reason": row.ended_reason, "original": await _original(session, row)}
        shown |= {key: (row.ground or {}).get(key) for key in ("changes", "changes_left")}
        shown |= await _asked(ctx, session, policy, row, made, everybody=everybody)
        shown["break_glass"] = await _break_glass(session, row)
        shown["decisions"] = [_decision(row, decision) for decision in made]
        settled = [] if row.execution is None else await requests.settlements(session, row.id)
        shown["settlements"] = [_settlement(said) for said in settled]
    if held & MAY["see-digest-inputs"]:
        shown |= {"action_version": row.action_version, "environment": row.environment, "nonce": row.nonce}
    return await _as_stopped(session, row, shown)


async def _as_stopped(session: AsyncSession, row: Request, shown: View) -> View:
    """What a stop has revoked reads so at once, in the version that it has once that is recorded."""
    if row.status not in (Status.HELD, Status.APPROVED) or not await stops.is_stopped(session, row.id):
        return shown
    in_force = await governance.in_force(session, row.bot)
    plan = None if row.plan is None else plan_as_json(plan_from_json(row.plan).closed())
    now = ("status", "remind_at", "reminded_at")
    stages = [] if plan is None else [{key: stage[key] for key in now} for stage in plan["stages"]]
    revoked = {"status": Status.REVOKED.value, "version": row.version + 1, "ended_why": "stopped"}
    if plan is not None:
        revoked["plan"] = {
            **shown["plan"],
            "stages": [{**was, **then} for was, then in zip(shown["plan"]["stages"], stages, strict=True)],
        }
    if "may_decide" in shown:
        revoked |= {"may_decide": [], "away": [], "ended_reason": in_force.why_stopped(row.stop_epochs)}
    return {**shown, **revoked}


async def _undoing(session: AsyncSession, policy: Policy, row: Request, tries: Sequence[ExecutionAttempt]) -> View:
    """What undoes it, until when; what has; and what whoever acts on it must be told."""
    action = policy.actions.get(row.action)
    rule = None if action is None else action.rollback
    over = Status(row.status) in HAS_OUTCOME
    ended_at = tries[-1].finished_at if tries and over else None
    rollback = rule and {
        "action": rule.action,
        "within_s": int(rule.within.total_seconds()),
        "until": _time(ended_at and ended_at + rule.within),
    }
    standing = await requests.live_rollbacks(session, [row.id]) if over else []
    return {"rollback": rollback, "reversed_by": [str(one.id) for one in standing], "warnings": warnings(policy, row)}


async def _original(session: AsyncSession, row: Request) -> View | None:
    """What a rollback undoes: who signs that may see it, whether or not they may see the request itself."""
    original = None if row.reverses is None else await requests.by_id(session, row.reverses)
    if original is None:
        return None
    tries = await requests.execution_attempts(session, original.id)
    execution = original.execution or {}
    return {
        "id": str(original.id),
        "action": original.action,
        "parameters": original.parameters if original.erased_at is None else None,
        "reason": original.reason,
        "status": original.status,
        "result": execution.get("result"),
        "error": execution.get("error"),
        "ended_at": _time(tries[-1].finished_at) if tries else None,
    }


async def _break_glass(session: AsyncSession, row: Request) -> View | None:
    """Who released it alone, and how far its review is."""
    broken = row.break_glass
    review = None if broken is None else await reviews.by_id(session, uuid.UUID(broken["review"]))
    if broken is None or review is None:
        return None
    return {
        "person": broken["by"],
        "reason": broken["reason"],
        "at": broken["at"],
        "void_at": broken["void_at"],
        "review": {
            "id": str(review.id),
            "reviewers": review.reviewers,
            "due_at": rfc3339(review.due_at),
            "done_at": _time(review.done_at),
            "finding": review.finding,
        },
    }


def warnings(policy: Policy, row: Request) -> list[str]:
    """Sentences that whoever decides on it, or asked for it, must read."""
    if row.undoes is not None:
        statuses = row.undoes["statuses"] if "statuses" in row.undoes else [row.undoes["status"]]
        return [WARNINGS[Status(status)] for status in statuses if status in WARNINGS]
    action = policy.actions.get(row.action)
    if row.kind != Kind.ACTION or action is None or action.reversibility is Reversibility.READ_ONLY:
        return []
    return [] if action.rollback else ["Nothing undoes this action."]


async def _asked(
    ctx: Context,
    session: AsyncSession,
    policy: Policy,
    row: Request,
    made: Sequence[Decision],
    *,
    everybody: Crowd | None,
) -> View:
    """Who is asked to decide now, and who would be but is away."""
    if row.status != Status.HELD:  # no stage is open: nobody need be read
        return {"may_decide": [], "away": []}
    everybody = everybody or await crowd(session, await ctx.clock.now(session))
    people = bench_with(made, row, policy, everybody)
    away = [
        {"person": one.person, "until": rfc3339(one.until), "delegate": one.delegate}
        for one in absent(people, policy, everybody)
    ]
    return {"may_decide": people.may_decide(), "away": away}


def _ask(row: Request) -> View:
    return {
        "id": str(row.id),
        "version": row.version,
        "kind": row.kind,
        "status": row.status,
        "asker": {"kind": row.asker_kind, "id": row.asker_id},
        "bot": row.bot,
        "action": row.action,
        "parameters": row.parameters if row.erased_at is None else None,
        "reason": row.reason,
        "on_behalf_of": row.on_behalf_of,
        "triggered_by": row.triggered_by,
        "context": row.context,
        "parent": row.parent and str(row.parent),
        "supersedes": row.supersedes and str(row.supersedes),
        "reverses": row.reverses and str(row.reverses),
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
        "erased_at": _time(row.erased_at),
    }


def _judged(row: Request) -> View:
    return {
        "digest": row.digest,
        "verdict": row.verdict,
        "risk": row.risk,
        "reversibility": row.reversibility,
        "expires_at": rfc3339(row.expires_at),
        "ended_why": row.ended_why,
    }


def _plan(row: Request, made: Sequence[Decision]) -> View | None:
    if row.plan is None:
        return None
    stages = [
        {
            "name": stage["name"],
            "group": stage["group"],
            "groups": stage["groups"],
            "quorum": stage["quorum"],
            "level": stage["level"],
            "reason_required": stage["reason_required"],
            "approvals": sum(1 for d in made if d.standing and d.stage == index and d.say == "approve"),
            "status": stage["status"],
            "opened_at": stage["opened_at"],
            "closes_at": stage["closes_at"],
            "notify": "direct" if stage.get("direct") else "channel",
            "remind_at": stage.get("remind_at", []),
            "reminded": stage.get("reminded", 0),
            "reminded_at": stage.get("reminded_at"),
            "escalations": stage.get("escalations", []),
        }
        for index, stage in enumerate(row.plan["stages"])
    ]
    return {"name": row.plan["name"], "stages": stages}


def _execution(row: Request, tries: Sequence[ExecutionAttempt]) -> View | None:
    if row.execution is None:
        return None
    attempts = [
        {"n": t.n, "started_at": rfc3339(t.started_at), "finished_at": _time(t.finished_at), "outcome": t.outcome}
        for t in tries
    ]
    kept = {key: row.execution.get(key) for key in ("mode", "status", "result", "error")}
    return {**kept, "attempts": attempts}


def _decision(row: Request, made: Decision) -> View:
    stages = (row.plan or {"stages": []})["stages"]
    return {
        "id": str(made.id),
        "person": made.person_id,
        "decision": made.say,
        "reason": made.reason,
        "stage": stages[made.stage]["name"] if made.stage < len(stages) else None,
        "via": made.via,
        "assurance": made.level,
        "at": rfc3339(made.at),
        "standing": made.standing,
        "stands_for": made.stands_for,
    }


def _settlement(said: Settlement) -> View:
    return {"person": said.person_id, "status": said.status, "reason": said.reason, "at": rfc3339(said.at)}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
