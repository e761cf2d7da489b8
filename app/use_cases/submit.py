"""A bot asks. One call that answers at once: allowed, held, or refused."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import requests
from app.db.tables import Request
from app.domain.ask import MAX_CHAIN, MAX_PARAMETERS, Ask
from app.domain.clocks import rfc3339
from app.domain.digest import canonical, request_id
from app.domain.errors import Malformed, OffSchema, UnknownAction
from app.domain.request import Kind, Mode
from app.domain.subjects import subject
from app.governance.policy import Policy
from app.steps.act import grant_again
from app.steps.admit import Held, admit
from app.steps.scene import scene
from app.use_cases.actors import Actor, bot_id
from app.use_cases.asking import Submitted, standing, through_workflow
from app.use_cases.services import Services
from app.use_cases.views import View


async def submit(services: Services, who: Actor, key: str, fields: dict[str, Any], jkt: str | None = None) -> Submitted:
    """Submit an ask. ``key``: its idempotency key; ``fields``: the body of ``POST /v1/requests``, validated in shape.
    ``jkt``: the thumbprint of a key that the bot has proven, to which a grant in the answer is bound.

    Raises UnknownAction, OffSchema, Malformed (nothing stored), IdempotencyKeyReused, Unavailable, Unconfirmed.
    """
    ask = _ask(who, fields)
    id_ = request_id(ask.kind, ask.asker_kind, ask.asker_id, key)
    async with services.ctx.database.transaction() as session:
        if await requests.by_id(session, id_) is None:
            policy = await services.ctx.rules.in_force(session)
            action = await _check(session, policy, ask)
            bot_runs = action.mode is Mode.BOT
        else:
            return (await standing(session, services, who, ask, id_, created=False))[1]
    created = await _admit(services, id_, ask, bot_runs=bot_runs, jkt=jkt)
    async with services.ctx.database.transaction() as session:
        answer = (await standing(session, services, who, ask, id_, created=created))[1]
    if not created:
        return answer
    return replace(answer, view={**answer.view, "grant": await _grant(services, answer.view, jkt)})


def _ask(who: Actor, fields: dict[str, Any]) -> Ask:
    subjects = {name: _subject(name, fields.get(name)) for name in ("on_behalf_of", "triggered_by")}
    if len(canonical(fields["parameters"])) > MAX_PARAMETERS:
        raise Malformed("The parameters are over 256 KiB.", where="parameters")
    given = {name: value for name, value in fields.items() if value is not None}
    return Ask(Kind.ACTION.value, "bot", bot_id(who), who.client_id, **{**given, **subjects})


def _subject(name: str, text: str | None) -> str | None:
    try:
        return None if text is None else subject(text)
    except ValueError as error:
        raise Malformed(f"{name}: {error}.", where=name) from error


async def _check(session: AsyncSession, policy: Policy, ask: Ask) -> Any:
    """What is malformed, unknown, off schema or not the bot's own is refused here, nothing stored."""
    action = policy.actions.get(ask.action)
    if action is None:
        raise UnknownAction(f"The catalogue has no action {ask.action}.", where="action")
    policy.check_parameters(action, ask.parameters)
    if action.on_behalf_of_required and ask.on_behalf_of is None:
        raise OffSchema(f"{ask.action} must say on whose behalf it is asked.", where="on_behalf_of")
    parent = await _own(session, ask, "parent")
    await _own(session, ask, "supersedes")
    if parent is not None and parent.chain_length >= MAX_CHAIN:
        raise OffSchema(f"A chain of requests is at most {MAX_CHAIN} long.", where="parent")
    return action


async def _own(session: AsyncSession, ask: Ask, name: str) -> Request | None:
    named = getattr(ask, name)
    row = None if named is None else await requests.by_id(session, uuid.UUID(named))
    if named is not None and (row is None or (row.asker_kind, row.asker_id) != (ask.asker_kind, ask.asker_id)):
        raise OffSchema("It names no request of this bot.", where=name)
    return row


async def _admit(services: Services, id_: uuid.UUID, ask: Ask, *, bot_runs: bool, jkt: str | None) -> bool:
    """The fast path for what the bot runs itself; a hold, and everything else, through a workflow.

    True when it was this call that came first, of those that sent the same at once.
    """
    if bot_runs:
        mark = uuid.uuid4().hex
        try:
            admitted = await admit(services.ctx, id_, ask, waited=timedelta(0), fast=True, mark=mark, jkt=jkt)
        except Held:
            pass
        else:
            services.waiters.wake(id_)
            return admitted.mark == mark
    return await through_workflow(services, id_, ask)


async def _grant(services: Services, shown: View, jkt: str | None) -> dict[str, str] | None:
    if shown["execution"] is None or shown["execution"]["mode"] != Mode.BOT:
        return None
    async with scene(services.ctx, uuid.UUID(shown["id"])) as found:
        grant = await grant_again(found, jkt)
    return None if grant is None else {"grant": grant.token, "expires_at": rfc3339(grant.expires_at)}
