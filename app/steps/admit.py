"""`admit`: one transaction that writes a request with its verdict and plan, or finds the one that stands."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, requests
from app.db.tables import Request
from app.domain.ask import Ask
from app.domain.errors import NotFound
from app.domain.request import Kind
from app.domain.states import Status
from app.domain.verdict import Outcome
from app.governance.built_in import PUBLISH, bot_of
from app.steps import facts as step_facts
from app.steps.act import begin_for_bot
from app.steps.admission import Admission, Asked, write
from app.steps.asking import consider_action
from app.steps.change import consider_change
from app.steps.context import Context
from app.steps.drafts import read_ahead
from app.steps.incident_item import consider_item
from app.steps.incident_rollback import consider_incident
from app.steps.progress import go_on
from app.steps.rollback import consider_rollback
from app.steps.scene import on_locked, revoke_if_stopped
from app.steps.start import may_start
from app.steps.supersede import supersede, to_supersede
from workflows.contracts import Admitted


class Held(Exception):
    """The fast path met a hold: nothing was written, and the ask goes through a workflow."""


async def admit(
    ctx: Context,
    request_id: uuid.UUID,
    ask: Ask | None,
    *,
    waited: timedelta,
    fast: bool = False,
    mark: str = "",
    jkt: str | None = None,
) -> Admitted:
    """Admit an ask, or take over the row that stands under its id.

    ``waited``: how long after its start. ``fast``: without a workflow; raises Held, nothing written, if it must wait.
    ``mark``: given back when this call wrote the row, not when it found it. ``jkt``: what its grant is bound to.
    Raises NotFound when there is neither row nor ask.
    """
    if ask is not None and ask.action == PUBLISH:
        await read_ahead(ask.parameters)
    many = ask is not None and ask.kind == Kind.INCIDENT_ROLLBACK  # whose working out may take longer than a step has
    async with (ctx.database.urgent if many else ctx.database.transaction)() as session:
        bot = await _bot(session, request_id, ask)
        await governance.shared_stop_locks(session, bot)
        await requests.lock_admission(session, request_id)
        row = await requests.locked(session, request_id)
        if row is not None:
            return await _take_over(ctx, session, row)
        assert ask is not None  # noqa: S101  for the type checker: without an ask there was a row
        in_force = await governance.in_force(session, bot)
        policy = await ctx.rules.named(session, in_force.policy)
        admitted = await _admit_new(Asked(ctx, session, request_id, ask, in_force, policy), waited, fast, jkt)
        return replace(admitted, mark=mark)


async def _bot(session: AsyncSession, request_id: uuid.UUID, ask: Ask | None) -> str | None:
    """The bot whose stop this must not overlook. Raises NotFound when there is neither row nor ask."""
    if ask is not None and ask.kind == Kind.ACTION:
        return ask.asker_id
    if ask is not None and ask.kind == Kind.GOVERNANCE:
        return bot_of(ask.parameters)
    if ask is not None and ask.kind == Kind.INCIDENT_ROLLBACK:
        return None
    known = await requests.bot_of(session, uuid.UUID(ask.reverses) if ask and ask.reverses else request_id)
    if known is None:
        raise NotFound(f"request {request_id} was never admitted")
    return known[0]


async def _take_over(ctx: Context, session: AsyncSession, row: Request) -> Admitted:
    found = await on_locked(ctx, session, row)
    await revoke_if_stopped(found)
    return Admitted(found.state(), row.body_hash)


async def _admit_new(asked: Asked, waited: timedelta, fast: bool, jkt: str | None) -> Admitted:
    if asked.ask.reverses is not None:
        asked = replace(asked, original=await requests.locked(asked.session, uuid.UUID(asked.ask.reverses)))
    old, may_supersede = await to_supersede(asked.session, asked.ask)
    admission = await _consider(asked, waited, may_supersede=may_supersede)
    if fast and admission.verdict.outcome is Outcome.HOLD:
        raise Held
    if old is not None and admission.verdict.outcome is not Outcome.DENY:
        await supersede(asked.session, asked.ctx, old)
    found = await write(asked, admission, has_workflow=not fast)
    if found.status is Status.HELD:
        await go_on(found, await step_facts.bench(found))
    await found.changed()
    if fast and found.status is Status.APPROVED and await may_start(found):
        await begin_for_bot(found, jkt)
    return Admitted(found.state(), found.row.body_hash)


async def _consider(asked: Asked, waited: timedelta, *, may_supersede: bool) -> Admission:
    if asked.original is not None and asked.ask.part_of is not None:
        return await consider_item(asked, asked.original)
    if asked.original is not None:
        return await consider_rollback(asked, asked.original, waited)
    if asked.ask.kind == Kind.INCIDENT_ROLLBACK:
        return await consider_incident(asked, waited)
    if asked.ask.kind == Kind.GOVERNANCE:
        return await consider_change(asked, waited)
    return await consider_action(asked, waited, may_supersede=may_supersede)
