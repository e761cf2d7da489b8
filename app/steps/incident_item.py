"""One of the many that the rollback of an incident undoes: a rollback of its own, under the signature of all."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.db import incidents, requests
from app.db.tables import Request
from app.domain import rollback
from app.domain.ask import Ask
from app.domain.digest import derived_id
from app.domain.incident import Standing
from app.domain.plan import PlanRule, missing
from app.domain.plan_rows import plan_from_json
from app.domain.request import Kind
from app.domain.rollback import NOT_REVERSIBLE
from app.domain.states import Status
from app.domain.verdict import Outcome, Verdict, denied
from app.governance.catalogue import Action
from app.governance.policy import Policy
from app.steps.admission import Admission, Asked
from app.steps.facts import Bench, bench_of
from app.steps.incident_rollback import is_signed, runs_until, what_runs
from app.steps.rollback import Undoing, admission_of, original_of, worked_out
from app.steps.scene import Scene

LOOK_AGAIN = timedelta(minutes=5)
"""How long an item waits while its incident is paused before it looks; who lets it go on wakes it."""


def undo_id(request_id: uuid.UUID, n: int) -> uuid.UUID:
    """The id of the rollback that is this item. Of a namespace in which nobody's idempotency key can be."""
    return derived_id("incident-item", str(request_id), str(n))


def ask_of(parent: Request, n: int) -> Ask:
    """What the rollback of an incident asks for its ``n``-th item, in the name of who asked for them all."""
    return Ask(
        Kind.ROLLBACK.value,
        parent.asker_kind,
        parent.asker_id,
        None,
        parent.parameters["items"][n - 1]["action"],
        {},
        reason=parent.reason,
        reverses=parent.parameters["items"][n - 1]["request"],
        part_of={"request": str(parent.id), "n": n},
    )


async def consider_item(asked: Asked, row: Request) -> Admission:
    """What it comes to; the lock of ``row``, which it undoes, is held. It is what was signed, or it is denied.

    How late this is does not matter: the signature holds until `runs_until`.
    """
    now, part = await asked.ctx.clock.now(asked.session), asked.ask.part_of or {}
    parent = await requests.by_id(asked.session, uuid.UUID(part["request"]))
    signed = is_signed(parent, asked.ask)
    verdict, action = await _judged(asked, row, parent, now)
    if signed is not None:
        asked = replace(asked, ask=replace(asked.ask, action=signed["action"], parameters=signed["parameters"]))
    admission = await admission_of(asked, row, now, action, verdict)
    expires_at = now if parent is None or parent.execution is None else max(now, runs_until(parent))
    return replace(admission, expires_at=expires_at, undoes={**(admission.undoes or {}), "part_of": part})


async def _judged(asked: Asked, row: Request, parent: Request | None, now: datetime) -> tuple[Verdict, Action | None]:
    signed = is_signed(parent, asked.ask)
    if parent is None or signed is None or asked.id != undo_id(parent.id, (asked.ask.part_of or {})["n"]):
        return denied("not-signed", "It is no part of a rollback that is running."), None
    if now > runs_until(parent):
        return denied("too-late", "The time in which what was signed may run is over."), None
    refused = rollback.refusal(await original_of(asked.session, asked.policy, row), parent.created_at)
    found = refused or worked_out(asked.policy, row)
    if isinstance(found, Verdict):
        return found, None
    if asked.policy.version != parent.policy_version and not _covers(parent, found.plan, now, asked.policy):
        return denied("policy-stricter", "The rules in force ask for more than was signed."), None
    differs = _differs(found, row, signed)
    if differs is not None:
        return differs, None
    reason = f"Signed as number {(asked.ask.part_of or {})['n']} of the rollback {parent.id}."
    return Verdict(Outcome.ALLOW, "incident", reason, ()), found.action


def _differs(found: Undoing, row: Request, signed: dict[str, Any]) -> Verdict | None:
    """What has become another since the signature: what came of the original, or how it would be undone."""
    was = signed.get("status", row.status)
    if row.status != was:
        return denied("outcome-changed", f"It was {was} when this was signed, and is {row.status} now.")
    if not what_runs(found).items() <= signed.items():
        return denied(NOT_REVERSIBLE, "The rules in force undo it otherwise than was signed.")
    return None


def part_of(row: Request) -> uuid.UUID | None:
    """The rollback of an incident that this is part of."""
    part = (row.undoes or {}).get("part_of")
    return None if part is None else uuid.UUID(part["request"])


async def still_agrees(found: Scene, parent_id: uuid.UUID, verdict: Verdict) -> bool:
    """Whether what was signed for all is as much as the rules in force ask for this one."""
    parent = await requests.by_id(found.session, parent_id)
    return parent is not None and verdict.plan is not None and _covers(parent, verdict.plan, found.now, found.policy)


def _covers(parent: Request, plan: PlanRule, now: datetime, policy: Policy) -> bool:
    return parent.plan is not None and missing(plan_from_json(parent.plan), plan, now, policy.end_of) is None


async def ground_gone(found: Scene, parent_id: uuid.UUID) -> str | None:
    """Why it must not run any more; None while its rollback runs, and those who signed that still may."""
    parent = await requests.by_id(found.session, parent_id)
    if parent is None or parent.status != Status.EXECUTING:
        return "incident-over"
    if found.now > runs_until(parent):
        return "too-late"
    incident = await incidents.of_rollback(found.session, parent_id)
    if incident is None or incident.status == Standing.CLOSED:
        return "incident-closed"
    people = await bench_of(found.session, parent, found.policy, found.crowd)
    return None if signed_still(parent, people) else "stale-authority"


def signed_still(parent: Request, people: Bench) -> bool:
    """Whether every stage of the rollback has its quorum of those who may still sign. ``people``: its bench."""
    if parent.plan is None:
        return False
    plan = plan_from_json(parent.plan)
    return all(people.tally(plan, index).passes(stage.quorum) for index, stage in enumerate(plan.stages))


async def goes_on(found: Scene, parent_id: uuid.UUID) -> bool:
    """Whether the incident is not paused; then no pause comes before this transaction has ended."""
    await incidents.share_items(found.session, parent_id)
    incident = await incidents.of_rollback(found.session, parent_id)
    if incident is not None and incident.status == Standing.ROLLING_BACK:
        return True
    found.block(LOOK_AGAIN)
    return False
