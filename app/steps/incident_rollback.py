"""The rollback of an incident: one request that undoes many, under one digest and one sign-off.

What each of them comes to is worked out at admission, and stands in the request's parameters: that is what people sign.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import incidents, requests
from app.db.incident_tables import Incident
from app.db.incidents import Scope, Started
from app.db.tables import Request
from app.domain import rollback
from app.domain.ask import Ask
from app.domain.clocks import moment
from app.domain.incident import Deed, Standing, dependencies, in_order
from app.domain.plan import merge
from app.domain.request import Kind, Reversibility, Risk
from app.domain.rollback import EXISTS, NOT_REVERSIBLE
from app.domain.states import Status
from app.domain.verdict import Outcome, Verdict, denied
from app.governance.built_in import UNDO
from app.governance.catalogue import covers
from app.governance.policy import Policy
from app.steps.access import MAY, roles
from app.steps.admission import Admission, Asked, expiry
from app.steps.asking import LATE, TOO_LATE
from app.steps.facts import owners
from app.steps.lowering import Judged, lowered_by
from app.steps.rollback import Undoing, approvers_of, judged_as, values_of, worked_out
from app.steps.scene import Scene

MOST = 1000
"""Of how many requests one rollback may consist; the rest is undone by the next."""

LIVE = frozenset({Status.HELD, Status.APPROVED, Status.EXECUTING})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One request that an incident is about. ``how``: what undoes it now, or why nothing does.

    ``at``: when it was started; ``until``: until when a rollback may be asked for, if ever.
    """

    row: Request
    at: datetime
    how: Undoing | Verdict
    until: datetime | None

    @property
    def meant_by_all(self) -> bool:
        """Whether ``"all"`` means it: what can be undone, and did not fail. Most of what failed has changed nothing."""
        return isinstance(self.how, Undoing) and self.row.status != Status.FAILED

    @property
    def undoing(self) -> Undoing:
        """How it is undone. Only of one that can be."""
        assert isinstance(self.how, Undoing)  # noqa: S101  for the type checker: the caller has looked
        return self.how


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is read of the requests that an incident is about. ``undone``: by the rollback that stands, where one does.

    ``ended``: when their last attempts did.
    """

    found: Sequence[Started]
    ended: Mapping[uuid.UUID, datetime | None]
    undone: Mapping[uuid.UUID, uuid.UUID]


async def candidates(
    session: AsyncSession,
    policy: Policy,
    incident: Incident,
    now: datetime,
    *,
    limit: int = MOST,
    only: Collection[uuid.UUID] | None = None,
) -> list[Candidate]:
    """What an incident is about, the newest first; what only reads is not. ``only``: of these requests."""
    return judged(policy, await gathered(session, policy, incident, limit=limit, only=only), now)


async def gathered(
    session: AsyncSession,
    policy: Policy,
    incident: Incident,
    *,
    limit: int = MOST,
    only: Collection[uuid.UUID] | None = None,
) -> Gathered:
    """As `candidates`, not yet worked out: for a thousand of them that takes longer than a transaction should."""
    found = await incidents.started(session, scope_of(policy, incident), limit=limit, only=only)
    ids = [one.row.id for one in found]
    ended = {id_: last.finished_at for id_, last in (await incidents.last_attempts(session, ids)).items()}
    standing = await requests.live_rollbacks(session, ids)
    return Gathered(found, ended, {row.reverses: row.id for row in standing if row.reverses is not None})


def judged(policy: Policy, seen: Gathered, now: datetime) -> list[Candidate]:
    """What undoes each of them now, or why nothing does."""
    return [_candidate(policy, one, seen.ended[one.row.id], one.row.id in seen.undone, now) for one in seen.found]


def _candidate(policy: Policy, one: Started, ended_at: datetime | None, undone: bool, now: datetime) -> Candidate:
    original = judged_as(policy, one.row, ended_at, rolled_back=undone)
    refused = rollback.refusal(original, now)
    return Candidate(one.row, one.at, refused or worked_out(policy, one.row), original.until)


def scope_of(policy: Policy, incident: Incident) -> Scope:
    """Whose requests, for what, and of when. Patterns cover what the catalogue has now; what only reads is out."""
    names = {name for name in policy.actions if any(covers(pattern, name) for pattern in incident.actions)}
    return Scope(
        since=incident.since,
        until=incident.until,
        bots=incident.bots or None,
        actions=None if not incident.actions else names | set(incident.actions),
        but=[name for name, action in policy.actions.items() if action.reversibility is Reversibility.READ_ONLY],
    )


async def consider_incident(asked: Asked, waited: Any) -> Admission:
    """What a person's ask to undo what an incident is about comes to."""
    incident = await incidents.locked(asked.session, uuid.UUID(_about(asked)["id"]))
    now = await asked.ctx.clock.now(asked.session)
    refused = TOO_LATE if waited > LATE else await _refusal(asked.session, incident)
    found = refused or await _chosen(asked, incident, now)
    if isinstance(found, Verdict) or incident is None:
        none = denied(NOT_REVERSIBLE, "There is no such incident.")
        return _refused(asked, now, found if isinstance(found, Verdict) else none)
    admission = await _admission(asked, now, found)
    if admission.verdict.outcome is Outcome.HOLD:
        incident.rollback = asked.id
        incident.version += 1
    return admission


def _about(asked: Asked) -> dict[str, Any]:
    """``{"id", "requests"}``: which incident, and what of it."""
    return asked.ask.incident or {}


async def _refusal(session: AsyncSession, incident: Incident | None) -> Verdict | None:
    if incident is None or incident.status == Standing.CLOSED:
        return denied(NOT_REVERSIBLE, "This incident is closed, or was never opened.")
    last = None if incident.rollback is None else await requests.by_id(session, incident.rollback)
    if last is not None and Status(last.status) in LIVE:
        return denied(EXISTS, "Another rollback of this incident stands; it must end first.")
    return None


async def _chosen(asked: Asked, incident: Incident | None, now: datetime) -> list[Candidate] | Verdict:
    said = _about(asked)["requests"]
    only = None if said == "all" else [uuid.UUID(id_) for id_ in said]
    assert incident is not None  # noqa: S101  for the type checker: `_refusal` has looked
    found = await candidates(asked.session, asked.policy, incident, now, only=only)
    lost = next((one for one in found if only is not None and isinstance(one.how, Verdict)), None)
    if lost is not None and isinstance(lost.how, Verdict):
        return denied(lost.how.code, f"{lost.row.id}: {lost.how.reason}")
    found = [one for one in found if only is not None or one.meant_by_all]
    if not found or (only is not None and len(found) != len(set(only))):
        return denied(NOT_REVERSIBLE, "Nothing of what was chosen can be undone now.")
    return found


def _refused(asked: Asked, now: datetime, verdict: Verdict) -> Admission:
    action = asked.policy.action(UNDO)
    return Admission(
        ask=replace(asked.ask, parameters={"incident": _about(asked)["id"], "items": []}),
        verdict=verdict,
        action=action,
        now=now,
        expires_at=now,
        risk=action.risk,
        reversibility=action.reversibility,
        undoes={"incident": _about(asked)["id"], "of": [], "statuses": [], "approved_by": []},
    )


async def _admission(asked: Asked, now: datetime, found: Sequence[Candidate]) -> Admission:
    """It has the exclusions of all that it undoes."""
    subjects, keys = set[str](), dict[str, str | None]()
    for one in found:
        rollback_of = replace(asked.ask, action=one.undoing.action.name, parameters=one.undoing.parameters)
        ask = replace(rollback_of, on_behalf_of=one.row.on_behalf_of, triggered_by=one.row.triggered_by)
        benefit, key, error = values_of(asked, ask, one.row, now)
        if error is not None:
            return _refused(asked, now, denied(error.code, f"{one.row.id}: {error.reason}"))
        subjects |= benefit | _near(one.row)
        keys[str(one.row.id)] = one.row.conflict_key or key
    items, of = _items(found, keys), sorted({pair for one in found for pair in _pairs(one)})
    near = await _approvers(asked.session, found)
    judged = _judged(asked.policy, found)
    bots = {one.row.bot for one in found}
    return Admission(
        ask=replace(asked.ask, action=UNDO, parameters={"incident": _about(asked)["id"], "items": items}),
        verdict=judged.verdict,
        action=asked.policy.action(UNDO),
        now=now,
        expires_at=expiry(now, judged.verdict, now),
        risk=judged.risk,
        reversibility=max(Reversibility[one.row.reversibility.upper()] for one in found),
        subjects=frozenset(subjects),
        bot_owners=judged.owners.union(*(one.row.bot_owners for one in found)),
        about_bot=bots.pop() if len(bots) == 1 else None,
        undoes={
            "incident": _about(asked)["id"],
            "of": [list(pair) for pair in of],
            "statuses": sorted({one.row.status for one in found}),
            "approved_by": near,
        },
        lowered_by=await lowered_by(asked, now, judged, _under(found)),
    )


def _near(row: Request) -> set[str]:
    """Whom a request was for, and who set it off: none of them signs the rollback of many."""
    return {*row.beneficiaries, *(s for s in (row.on_behalf_of, row.triggered_by) if s is not None)}


def _pairs(one: Candidate) -> set[tuple[str, str]]:
    return {(one.row.bot or "", one.row.action), (one.row.bot or "", one.undoing.action.name)}


async def _approvers(session: AsyncSession, found: Sequence[Candidate]) -> list[str]:
    """Who approved any of them, or made the credential that asked for one."""
    made = await requests.decisions_of(session, [one.row.id for one in found])
    near = {one.row.credential_maker for one in found if one.row.credential_maker is not None}
    return sorted(near.union(*(approvers_of(one.row, made.get(one.row.id, [])) for one in found)))


def _items(found: Sequence[Candidate], keys: dict[str, str | None]) -> list[dict[str, Any]]:
    """What will run, in its order; ``after``: the numbers, from 1, of those that must have been undone before."""
    by_id = {str(one.row.id): one for one in found}
    deeds = in_order(
        Deed(id_, one.at, keys[id_], None if one.row.parent is None else str(one.row.parent))
        for id_, one in by_id.items()
    )
    return [
        {
            "request": deed.request,
            "of": by_id[deed.request].row.action,
            "status": by_id[deed.request].row.status,
            "after": list(after),
            **what_runs(by_id[deed.request].undoing),
        }
        for deed, after in zip(deeds, dependencies(deeds), strict=True)
    ]


def what_runs(how: Undoing) -> dict[str, Any]:
    """What is signed of how an item is undone, and must be so still when it is its turn."""
    return {"action": how.action.name, "action_version": how.action.version, "parameters": how.parameters}


def _judged(policy: Policy, found: Sequence[Candidate]) -> Judged:
    risk = max(max(Risk[one.row.risk.upper()], one.undoing.action.risk) for one in found)
    near = [owners(policy, *pair) for one in found for pair in _pairs(one)]
    plan = merge(one.undoing.plan for one in found)
    doubtful = sum(one.row.status != Status.SUCCEEDED for one in found)
    doubt = f" Of {doubtful} of them nobody knows that they happened." if doubtful else ""
    reason = f"Held under the plan {plan.name}, the strictest of the {len(found)} that it undoes.{doubt}"
    return Judged(Verdict(Outcome.HOLD, "rollback", reason, (), plan), risk, frozenset().union(*near))


def _under(found: Sequence[Candidate]) -> Any:
    async def under(policy: Policy) -> Judged:
        """What other rules would have asked; where they undo one of them in no way, they refuse it all."""
        again = [replace(one, how=worked_out(policy, one.row)) for one in found]
        lost = next((one.how for one in again if isinstance(one.how, Verdict)), None)
        return Judged(lost, max(Risk[one.row.risk.upper()] for one in found)) if lost else _judged(policy, again)

    return under


async def ground_gone(found: Scene) -> str | None:
    """Why what was signed must not run any more; None while the incident is open and who asked may still ask."""
    incident = await incidents.of_rollback(found.session, found.row.id)
    if incident is None or incident.status == Standing.CLOSED:
        return "incident-closed"
    asker = found.row.asker_id
    may = roles(found.policy, "person", asker, found.row) & MAY["roll back"]
    return None if found.crowd.active.get(asker, False) and may else "not-entitled"


async def verdict_now(found: Scene) -> Verdict:
    """What the rules in force ask of what was signed; what they undo otherwise, or not at all, will be left alone."""
    rows = await requests.by_ids(found.session, [uuid.UUID(item["request"]) for item in found.row.parameters["items"]])
    plans = [how.plan for how in (worked_out(found.policy, row) for row in rows) if isinstance(how, Undoing)]
    if not plans:
        return denied(NOT_REVERSIBLE, "Nothing of it can be undone any more.")
    return Verdict(Outcome.HOLD, "rollback", "", (), merge(plans))


def is_signed(parent: Request | None, ask: Ask) -> dict[str, Any] | None:
    """The item that this ask is, as it was signed; None when its rollback is not running, or has no such item."""
    part = ask.part_of or {}
    if parent is None or parent.kind != Kind.INCIDENT_ROLLBACK or parent.status != Status.EXECUTING:
        return None
    signed: list[dict[str, Any]] = parent.parameters["items"]
    item = signed[part["n"] - 1] if 0 < part["n"] <= len(signed) else None
    return item if item is not None and item["request"] == ask.reverses else None


def runs_until(parent: Request) -> datetime:
    """Until when the items of a rollback may start."""
    return moment((parent.execution or {})["window_ends"])
