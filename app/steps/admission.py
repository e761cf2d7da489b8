"""What an ask comes to, whatever its kind; and the row, entry and secret that are made of it."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance
from app.db.governance import InForce
from app.db.tables import Request
from app.domain.ask import Ask
from app.domain.clocks import rfc3339
from app.domain.digest import sha256
from app.domain.plan import PlanRule, begin, reach
from app.domain.plan_rows import plan_as_json
from app.domain.request import Mode, Reversibility, Risk, word
from app.domain.states import Status
from app.domain.verdict import Outcome, Verdict
from app.governance.catalogue import Action
from app.governance.policy import Policy
from app.steps.context import Context
from app.steps.crowd import crowd
from app.steps.digest import digest_of
from app.steps.scene import Scene


@dataclass(frozen=True, slots=True)
class Asked:
    """An ask under consideration, what holds for it, and the locks held. ``original``: what a rollback undoes."""

    ctx: Context
    session: AsyncSession
    id: uuid.UUID
    ask: Ask
    in_force: InForce
    policy: Policy
    original: Request | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """What an ask comes to. ``ask``: as it stands in the end; ``risk`` and ``reversibility``: what it is judged by.

    ``bot_owners`` and ``subjects`` (who benefits): persons and subjects that must not decide it. ``about_bot``,
    ``undoes``, ``ground``, ``lowered_by``: see `Request`; ``credential_maker``: of the credential that asked, or that
    asked for what it undoes.
    """

    ask: Ask
    verdict: Verdict
    action: Action | None
    now: datetime
    expires_at: datetime
    risk: Risk
    reversibility: Reversibility
    chain_length: int = 1
    conflict_key: str | None = None
    subjects: frozenset[str] = frozenset()
    bot_owners: frozenset[str] = frozenset()
    credential_maker: str | None = None
    windows: Mapping[str, int] = field(default_factory=dict)
    about_bot: str | None = None
    undoes: Mapping[str, Any] | None = None
    ground: Mapping[str, Any] | None = None
    lowered_by: frozenset[str] = frozenset()


async def write(asked: Asked, admission: Admission, *, has_workflow: bool) -> Scene:
    """Write the request as admitted, with its entry; the caller marks what must be told."""
    row = _row(asked, admission, has_workflow=has_workflow)
    secret = await asked.ctx.vault.create(asked.session, f"request:{row.id}")
    row.body_hash, row.digest = secret.commit(admission.ask.body()), digest_of(row)
    asked.session.add(row)
    await asked.session.flush()
    everybody = await crowd(asked.session, admission.now)
    found = Scene(
        asked.ctx,
        asked.session,
        row,
        admission.now,
        asked.in_force,
        asked.policy,
        everybody,
        secret,
        original=asked.original,
    )
    found.note("admitted", _personal(row), **_facts(found, admission.verdict))
    return found


def expiry(now: datetime, verdict: Verdict, allowed: datetime) -> datetime:
    """The last instant at which execution may start. ``allowed``: of what need not wait."""
    if verdict.plan is not None:
        return now + verdict.plan.expires
    return now if verdict.outcome is Outcome.DENY else allowed


async def credential_maker(session: AsyncSession, ask: Ask) -> str | None:
    """Who made the credential that an ask came with."""
    known = await governance.credential(session, ask.client_id) if ask.client_id else None
    return None if known is None else known.made_by


def _status(verdict: Verdict) -> Status:
    if verdict.code == "late":
        return Status.EXPIRED
    return {Outcome.ALLOW: Status.APPROVED, Outcome.HOLD: Status.HELD, Outcome.DENY: Status.DENIED}[verdict.outcome]


def _row(asked: Asked, admission: Admission, *, has_workflow: bool) -> Request:
    ask, action, verdict = admission.ask, admission.action, admission.verdict
    return Request(
        id=asked.id,
        kind=ask.kind,
        asker_kind=ask.asker_kind,
        asker_id=ask.asker_id,
        about_bot=admission.about_bot,
        client_id=ask.client_id,
        credential_maker=admission.credential_maker,
        body_hash="",
        action=ask.action,
        action_version=action.version if action else "",
        mode=(action.mode if action else Mode.HTTP).value,
        risk=word(admission.risk),
        reversibility=word(admission.reversibility),
        chain_length=admission.chain_length,
        parameters=ask.parameters,
        parameters_digest=sha256(ask.parameters),
        reason=ask.reason,
        on_behalf_of=ask.on_behalf_of,
        triggered_by=ask.triggered_by,
        context=ask.context,
        parent=ask.parent and uuid.UUID(ask.parent),
        supersedes=ask.supersedes and uuid.UUID(ask.supersedes),
        reverses=ask.reverses and uuid.UUID(ask.reverses),
        undoes=None if admission.undoes is None else dict(admission.undoes),
        ground=None if admission.ground is None else dict(admission.ground),
        lowered_by=sorted(admission.lowered_by),
        beneficiaries=sorted(admission.subjects),
        bot_owners=sorted(admission.bot_owners),
        conflict_key=admission.conflict_key,
        windows=dict(admission.windows),
        environment=asked.ctx.environment,
        nonce=secrets.token_hex(16),
        digest="",
        expires_at=admission.expires_at,
        created_at=admission.now,
        has_workflow=has_workflow,
        stop_epochs=asked.in_force.stop_epochs,
        version=0,
        status=_status(verdict).value,
        verdict=verdict.as_json(asked.policy.version),
        policy_version=asked.policy.version,
        plan=None if verdict.plan is None else plan_as_json(begin(verdict.plan, admission.now, asked.policy.end_of)),
        members={} if verdict.plan is None else members(asked.policy, verdict.plan),
        execution=None,
        ended_why="late" if verdict.code == "late" else None,
        due_at=None,
        updated_at=admission.now,
    )


def members(policy: Policy, plan: PlanRule) -> dict[str, list[str]]:
    """Everybody, as of now, in every group that a plan can reach."""
    return {group: sorted(policy.members(group)) for group in sorted(reach(plan))}


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
    facts = {
        "kind": row.kind,
        "asker": found.asker(),
        "client_id": row.client_id,
        "credential_maker": found.pid(row.credential_maker) if row.credential_maker in found.crowd.pids else None,
        "action": row.action,
        "action_version": row.action_version,
        "environment": row.environment,
        "digest": row.digest,
        "body_hash": row.body_hash,
        "keys": found.secret.fingerprints(),
        "parent": row.parent and str(row.parent),
        "supersedes": row.supersedes and str(row.supersedes),
        "expires_at": rfc3339(row.expires_at),
        "verdict": verdict.as_json(row.policy_version),
        "plan": row.plan,
        "members": {group: _pids(found, members) for group, members in row.members.items()},
        "bot_owners": _pids(found, row.bot_owners),
    }
    if row.lowered_by:
        facts["lowered_by"] = _pids(found, row.lowered_by)
    return facts if row.kind == "action" else {**facts, **_of_person(found)}


def _of_person(found: Scene) -> dict[str, Any]:
    """What only the requests of persons have: the bot that it is about, what it undoes, and as part of what."""
    row, undoes = found.row, found.row.undoes or {}
    return {
        "bot": row.about_bot,
        "reverses": row.reverses and str(row.reverses),
        "reversed_status": undoes.get("status"),
        "reversed_approvers": _pids(found, undoes.get("approved_by", ())),
        **{name: undoes[name] for name in ("incident", "part_of") if name in undoes},
    }


def _pids(found: Scene, persons: Sequence[str]) -> list[str]:
    return sorted(found.crowd.pids[person] for person in persons if person in found.crowd.pids)
