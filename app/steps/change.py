"""A change of Interlock itself, asked for by a person: what it comes to, and its effect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger
from app.domain.outcome import Answer, Sent
from app.domain.verdict import AskFacts, Verdict, denied
from app.governance.built_in import RESUME_INSTALLATION
from app.governance.policy import Policy
from app.steps.admission import Admission, Asked, expiry
from app.steps.asking import LATE, TOO_LATE
from app.steps.facts import owners_of_change
from app.steps.scene import Scene

NOT_SUSPENDED = denied("not-suspended", "It is not suspended: there is nothing to resume.")


def bot_of(parameters: Mapping[str, Any]) -> str | None:
    """The bot that a change is about; None: the installation."""
    named = parameters.get("bot")
    return named if isinstance(named, str) else None


async def consider_change(asked: Asked, waited: timedelta) -> Admission:
    """What a person's ask to change Interlock comes to, under the rules in force."""
    now, ask, bot = await asked.ctx.clock.now(asked.session), asked.ask, bot_of(asked.ask.parameters)
    action = asked.policy.action(ask.action)
    verdict = await _before_rules(asked, waited) or _verdict(
        asked.policy, ask.action, ask.parameters, now, asked.ctx.environment
    )
    return Admission(
        ask=ask,
        verdict=verdict,
        action=action,
        now=now,
        expires_at=expiry(now, verdict, now),
        risk=action.risk,
        reversibility=action.reversibility,
        bot_owners=owners_of_change(asked.policy, bot),
        about_bot=bot,
    )


async def _before_rules(asked: Asked, waited: timedelta) -> Verdict | None:
    if waited > LATE:
        return TOO_LATE
    return None if await _stopped(asked.session, bot_of(asked.ask.parameters)) else NOT_SUSPENDED


async def _stopped(session: AsyncSession, bot_id: str | None) -> bool:
    row = await (governance.installation(session) if bot_id is None else governance.bot(session, bot_id))
    return row is not None and row.suspended_at is not None


def ground_gone(found: Scene) -> str | None:
    """Why a signed resumption must not run any more: somebody has pressed stop again since it was asked for."""
    which = 0 if found.row.action == RESUME_INSTALLATION else 1
    return "stopped-again" if found.in_force.stop_epochs[which] != found.row.stop_epochs[which] else None


def verdict_now(found: Scene) -> Verdict:
    """What the rules in force ask of a signed change."""
    row = found.row
    return _verdict(found.policy, row.action, row.parameters, found.now, row.environment)


def _verdict(policy: Policy, action: str, parameters: dict[str, Any], now: datetime, environment: str) -> Verdict:
    bot = bot_of(parameters)
    facts = AskFacts(action=action, parameters=parameters, bot=bot or "", now=now, environment=environment)
    return policy.change_verdict(facts, bot)


async def apply(found: Scene) -> Answer:
    """Make the change, in the transaction that records its outcome."""
    bot_id = bot_of(found.row.parameters)
    session, stream = found.session, "installation" if bot_id is None else f"bot:{bot_id}"
    await ledger.lock_stream(session, stream)
    row = await (governance.installation(session) if bot_id is None else governance.bot(session, bot_id))
    if row is None or row.suspended_at is None:
        return Answer(Sent.FAILED, None, None, {"status": None, "body": "It is not suspended any more."})
    row.suspended_at = None
    await session.flush()
    facts = {"request": str(found.row.id), "stop_epoch": row.stop_epoch}
    await ledger.append(session, stream, "resumed", found.now, facts)
    return Answer(Sent.SUCCEEDED, None, {"resumed": bot_id or "installation"}, None)
