"""Standing permissions at work: what would be held is allowed by one, and its use counted in the same transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.db import permissions
from app.db.permissions import Stored
from app.domain.clocks import rfc3339
from app.domain.permission import amount
from app.domain.verdict import AskFacts, Outcome, Verdict
from app.governance.errors import ExpressionInvalid, RuleError
from app.governance.policy import Policy
from app.steps.admission import Asked
from app.steps.crowd import crowd
from app.steps.scene import Scene


async def locked(asked: Asked) -> Sequence[Stored]:
    """Those that may allow this ask, locked: after the windows and budgets, and before the time is read."""
    return await permissions.to_use(asked.session, asked.ask.asker_id, asked.ask.action)


async def allowing(
    asked: Asked, found: Sequence[Stored], facts: AskFacts, verdict: Verdict, beneficiaries: frozenset[str]
) -> Verdict:
    """The verdict of the rules; or for what they hold that of the permission, of those that apply, that ends first.

    ``beneficiaries``: subjects that the ask is for. Who granted a permission does not profit by it: `self-dealing` by
    a signature given beforehand is none the less.
    """
    if verdict.outcome is not Outcome.HOLD or not found:
        return verdict
    near = await _near(asked, facts, beneficiaries)
    for one in sorted(found, key=lambda one: (one.expires_at, one.id)):
        room = permissions.as_domain(one).room(facts.parameters)
        if room and near.isdisjoint(one.granted_by) and _applies(one, asked.policy, facts, facts.now):
            return _allowed(one, verdict)
    return verdict


async def _near(asked: Asked, facts: AskFacts, beneficiaries: frozenset[str]) -> frozenset[str]:
    """The persons that an ask is for, or who have set it off."""
    subjects = {*beneficiaries, facts.on_behalf_of, facts.triggered_by}
    everybody = await crowd(asked.session, facts.now)
    return frozenset(id_ for id_, known in everybody.subjects.items() if not known.isdisjoint(subjects))


def _allowed(one: Stored, verdict: Verdict) -> Verdict:
    reason = f"Allowed by the standing permission {one.id}, until {rfc3339(one.expires_at)}."
    return replace(
        verdict, outcome=Outcome.ALLOW, code="standing-permission", reason=reason, plan=None, permission=str(one.id)
    )


def count(found: Sequence[Stored], verdict: Verdict, facts: AskFacts) -> None:
    """Count the use that a verdict is; it is never given back, whatever comes of the request."""
    for one in found:
        if str(one.id) == verdict.permission:
            one.uses += 1
            one.total += 0 if one.max_parameter is None else amount(one.max_parameter, facts.parameters) or 0


def _applies(one: Stored, policy: Policy, facts: AskFacts, now: datetime) -> bool:
    """True when it has not ended, was granted for the action as it is now, and its condition is true.

    What cannot be worked out is no permission.
    """
    action = policy.actions.get(facts.action)
    if action is None or (one.bot, one.action, one.action_version) != (facts.bot, facts.action, action.version):
        return False
    if not permissions.as_domain(one).live(now) or not policy.open_to_permissions(facts):
        return False
    try:
        return policy.permits(one.condition, facts)
    except (RuleError, ExpressionInvalid):
        return False


async def ended(found: Scene) -> str | None:
    """Why what a permission has allowed must not start; until the transaction's end nobody can revoke it.

    None as well for what was held since and people have approved: it needs no permission any more.
    """
    one = await _of(found)
    if one is None:
        return None
    found.now = await found.ctx.clock.now(found.session)  # the lock may have taken its time
    if one.revoked_at is not None:
        return "permission-revoked"
    return None if permissions.as_domain(one).live(found.now) else "permission-expired"


async def _of(found: Scene) -> Stored | None:
    named = found.row.verdict.get("permission")
    if named is None or found.row.plan is not None:
        return None
    return await permissions.shared(found.session, uuid.UUID(named))


async def still_allowing(found: Scene, facts: AskFacts, verdict: Verdict) -> Verdict:
    """The verdict of newer rules; or for what they hold that of the permission it was admitted by, if it applies."""
    one = await _of(found)
    if verdict.outcome is not Outcome.HOLD or one is None or not _applies(one, found.policy, facts, found.now):
        return verdict
    return _allowed(one, verdict)
