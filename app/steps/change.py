"""A change of Interlock itself, asked for by a person: what it comes to, and its effect. A handler per action."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from app.domain.outcome import Answer
from app.domain.verdict import AskFacts, Verdict
from app.governance.built_in import (
    APPROVE,
    ERASE,
    HOLD,
    LINK,
    OFF_BOARD,
    PERMIT,
    PUBLISH,
    RELEASE,
    RESUME_BOT,
    RESUME_INSTALLATION,
    SIGN_OFF,
    bot_of,
    person_of,
    subjects_of,
)
from app.governance.policy import Policy
from app.steps.admission import Admission, Asked, expiry
from app.steps.approving import APPROVING
from app.steps.asking import LATE, TOO_LATE
from app.steps.erasing import ERASING
from app.steps.facts import owners_of_change
from app.steps.handler import Handler
from app.steps.linking import LINKING
from app.steps.lowering import Judged, lowered_by
from app.steps.off_boarding import OFF_BOARDING
from app.steps.overseeing import OVERSEEING
from app.steps.permitting import PERMITTING
from app.steps.publishing import PUBLISHING
from app.steps.resuming import RESUMING
from app.steps.scene import Scene

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        RESUME_BOT: RESUMING,
        RESUME_INSTALLATION: RESUMING,
        PUBLISH: PUBLISHING,
        PERMIT: PERMITTING,
        OFF_BOARD: OFF_BOARDING,
        LINK: LINKING,
        APPROVE: APPROVING,
        ERASE: ERASING,
        HOLD: ERASING,
        RELEASE: ERASING,
        SIGN_OFF: OVERSEEING,
    }
)
"""By the built-in action."""


async def consider_change(asked: Asked, waited: timedelta) -> Admission:
    """What a person's ask to change Interlock comes to, under the rules in force."""
    now, ask, bot = await asked.ctx.clock.now(asked.session), asked.ask, bot_of(asked.ask.parameters)
    action, handler = asked.policy.action(ask.action), HANDLERS[ask.action]
    refused = TOO_LATE if waited > LATE else await handler.refusal(asked)

    async def under(policy: Policy) -> Judged:
        return _judged(policy, asked, now)

    judged = await under(asked.policy)
    verdict = refused or judged.verdict
    return Admission(
        ask=ask,
        verdict=verdict,
        action=action,
        now=now,
        expires_at=expiry(now, verdict, now),
        risk=action.risk,
        reversibility=action.reversibility,
        bot_owners=judged.owners,
        subjects=subjects_of(ask.action, ask.parameters),
        about_bot=bot,
        lowered_by=frozenset() if refused else await lowered_by(asked, now, judged, under),
        ground=None if refused else await handler.ground(asked),
    )


def _judged(policy: Policy, asked: Asked, now: datetime) -> Judged:
    ask = asked.ask
    verdict = _verdict(policy, ask.action, ask.parameters, now, asked.ctx.environment)
    near = owners_of_change(policy, ask.action, bot_of(ask.parameters)) | person_of(ask.action, ask.parameters)
    return Judged(verdict, policy.action(ask.action).risk, near)


async def ground_gone(found: Scene) -> str | None:
    """Why a signed change must not run any more; None when nothing has come between."""
    return await HANDLERS[found.row.action].ground_gone(found)


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
    return await HANDLERS[found.row.action].apply(found)
