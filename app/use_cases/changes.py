"""A person asks to change Interlock itself: a request of kind governance, decided under the rules before it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, requests
from app.domain.ask import MAX_PARAMETERS, Ask
from app.domain.digest import canonical, request_id
from app.domain.errors import Malformed, NotFound, NotOpenToThis, OffSchema, UnknownAction
from app.domain.request import Kind
from app.governance.built_in import (
    APPROVE,
    BUILT_IN,
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
)
from app.governance.policy import Policy
from app.steps.context import Context
from app.use_cases.actors import Actor, person_id
from app.use_cases.asking import Submitted, standing, through_workflow
from app.use_cases.erasures import check_erasing
from app.use_cases.off_boarding import check_link, check_off_boarding
from app.use_cases.oversight import check_sign_off
from app.use_cases.permissions import check_permission
from app.use_cases.publish import check_publication
from app.use_cases.services import Services
from app.use_cases.use_cases import check_use_case


async def ask_change(
    services: Services, who: Actor, key: str, *, action: str, parameters: dict[str, Any], reason: str
) -> Submitted:
    """Ask for a built-in action; the request as its asker sees it. ``key``: its idempotency key.

    Raises Forbidden for all but persons, and for who may not ask for this; UnknownAction, OffSchema, Malformed,
    NotOpenToThis (nothing to change, or another base), IdempotencyKeyReused, Unavailable, Unconfirmed.
    """
    if len(canonical(parameters)) > MAX_PARAMETERS:
        raise Malformed("The parameters are over 256 KiB.", where="parameters")
    ask = Ask(Kind.GOVERNANCE.value, "person", person_id(who), None, action, parameters, reason=reason)
    id_ = request_id(ask.kind, ask.asker_kind, ask.asker_id, key)
    async with services.ctx.database.transaction() as session:
        stands = await requests.by_id(session, id_) is not None
    if not stands:
        await _check(services.ctx, ask)
    created = False if stands else await through_workflow(services, id_, ask)
    async with services.ctx.database.transaction() as session:
        return (await standing(session, services, who, ask, id_, created=created))[1]


async def resume(services: Services, who: Actor, bot: str | None, key: str | None, reason: str) -> Submitted:
    """Ask to let a suspended bot (None: the installation) go on. Raises NotFound for no such bot; else as `ask_change`.

    ``key``: its idempotency key; None makes every call an ask of its own.
    """
    person_id(who)
    if bot is not None:
        async with services.ctx.database.transaction() as session:
            await _known(session, await services.ctx.rules.in_force(session), bot)
    action, parameters = (RESUME_INSTALLATION, {}) if bot is None else (RESUME_BOT, {"bot": bot})
    key = key or str(uuid.uuid4())
    return await ask_change(services, who, key, action=action, parameters=parameters, reason=reason)


async def _known(session: AsyncSession, policy: Policy, bot: str) -> None:
    if bot not in policy.bots or await governance.bot(session, bot) is None:
        raise NotFound(f"There is no bot {bot}.")


async def _check(ctx: Context, ask: Ask) -> None:
    """What is unknown, off schema, not theirs to ask for, or changes nothing is refused here, nothing stored."""
    if ask.action not in BUILT_IN:
        raise UnknownAction(f"Interlock has no action {ask.action!r:.80} of its own.", where="action")
    BUILT_IN[ask.action].schema.check(ask.parameters)
    await CHECKS[ask.action](ctx, ask)


async def _check_resumption(ctx: Context, ask: Ask) -> None:
    bot = bot_of(ask.parameters)
    async with ctx.database.transaction() as session:
        try:
            row = await governance.installation(session) if bot is None else await governance.bot(session, bot)
            if bot is not None:
                await _known(session, await ctx.rules.in_force(session), bot)
        except NotFound as error:
            raise OffSchema(str(error), where="parameters.bot") from error
    if row is None or row.suspended_at is None:
        raise NotOpenToThis(f"{bot or 'The installation'} is not suspended: there is nothing to resume.")


CHECKS: Mapping[str, Callable[[Context, Ask], Awaitable[None]]] = {
    PUBLISH: check_publication,
    PERMIT: check_permission,
    OFF_BOARD: check_off_boarding,
    LINK: check_link,
    APPROVE: check_use_case,
    ERASE: check_erasing,
    HOLD: check_erasing,
    RELEASE: check_erasing,
    SIGN_OFF: check_sign_off,
    RESUME_BOT: _check_resumption,
    RESUME_INSTALLATION: _check_resumption,
}
"""What an ask for each built-in action must be, beyond its schema."""
