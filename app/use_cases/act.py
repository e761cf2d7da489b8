"""What else can be done to a request: cancel it, fetch its grant, report its outcome, settle it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from app.db import requests
from app.db.tables import Attempt, Request
from app.domain.clocks import rfc3339
from app.domain.errors import Forbidden, InterlockError, NotOpenToThis
from app.domain.states import Status
from app.steps import act
from app.steps import settle as settling
from app.steps.scene import Scene
from app.use_cases import attempts, refusals
from app.use_cases.access import require
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services
from app.use_cases.views import View, view


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing to do: its update and attempt, the line of `access.MAY` that it needs, its step.

    ``check``: what speaks against it; ``stands``: whether it is so already, and nothing is left to do; ``too_late``:
    what to write down when the request is no longer open to it; ``blocked``: why it must wait, asked before each try.
    """

    op: str
    needs: str
    step: attempts.Step
    check: Callable[[Request], InterlockError | None]
    stands: Callable[[Request], bool]
    too_late: Callable[[Scene], Awaitable[None]] | None = None
    blocked: Callable[[Scene], Awaitable[InterlockError | None]] | None = None


async def cancel(services: Services, who: Actor, request_id: uuid.UUID, reason: str | None) -> View:
    """Cancel what has not started; again: the same answer. Raises NotFound, Forbidden, Closed."""

    def error(row: Request) -> InterlockError | None:
        return act.cancel_error(row.status)

    deed = Deed("cancel", "cancel", act.cancel, error, _is(Status.CANCELLED))
    return await _act(services, who, request_id, deed, {"reason": reason})


async def report(
    services: Services, who: Actor, request_id: uuid.UUID, *, status: str, detail: str | None, result: Any
) -> View:
    """The outcome of an action that the bot runs itself; again: the same. Raises NotFound, Forbidden, NotOpenToThis."""
    body = {"status": status, "detail": detail, "result": result}

    def error(row: Request) -> InterlockError | None:
        return act.report_error(row, body)

    async def too_late(found: Scene) -> None:
        await act.note_late_report(found, who.identity, body)

    deed = Deed("report", "report", act.report, error, lambda row: row.status != Status.EXECUTING, too_late)
    return await _act(services, who, request_id, deed, body)


async def grant(services: Services, who: Actor, request_id: uuid.UUID, jkt: str | None = None) -> dict[str, str]:
    """``{grant, expires_at}`` of an approved action that the bot runs: its start. The same one until it expires.

    ``jkt``: the thumbprint of a key that the bot has proven: it is bound to that, if this is what starts it.
    """

    def error(row: Request) -> InterlockError | None:
        return act.begin_error(row.mode, row.status)

    deed = Deed("begin", "grant", act.begin, error, _is(Status.EXECUTING), blocked=act.begin_blocked)
    await _act(services, who, request_id, deed, {} if jkt is None else {"jkt": jkt})
    async with attempts.opened(services, who, request_id) as found:
        given = await act.grant_again(found, jkt)
        if await act.bound_to_another(found, jkt):
            raise NotOpenToThis("Its grant is bound to another key: prove that one, by DPoP.", status=found.row.status)
        if given is None:
            raise await act.no_grant(found)
    return {"grant": given.token, "expires_at": rfc3339(given.expires_at)}


def _is(status: Status) -> Callable[[Request], bool]:
    return lambda row: row.status == status


async def _act(services: Services, who: Actor, request_id: uuid.UUID, deed: Deed, body: dict[str, Any]) -> View:
    """Judge first, record in order, read back what stands."""
    attempt = None
    async with attempts.opened(services, who, request_id) as found:
        refused = await _refusal(found, who, deed)
        if refused is None and deed.blocked is not None:
            refused = await deed.blocked(found)
        if refused is None and not deed.stands(found.row):
            attempt = await requests.store_attempt(found.session, attempts.build(found, who, deed.op, None, body))
        elif isinstance(refused, NotOpenToThis) and deed.too_late is not None:
            await deed.too_late(found)
    if refused is not None:
        raise refused
    if attempt is not None:
        await attempts.send(services, request_id, attempt, has_workflow=found.row.has_workflow, step=deed.step)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        row = require(policy, who, await requests.by_id(session, request_id), "read")
        recorded = None if attempt is None else await session.get(Attempt, attempt.id)
        if recorded is not None and (recorded.ruling or {}).get("word") == "refused":
            raise Forbidden("You may not do this any more: your role has changed meanwhile.")
        error = deed.check(row)
        if error is not None:
            raise error
        return await view(services.ctx, session, policy, who, row)


async def _refusal(found: Scene, who: Actor, deed: Deed) -> InterlockError | None:
    """What speaks against it; the lack of a role is on the ledger. Raises NotFound for what one may not even see."""
    try:
        return deed.check(require(found.policy, who, found.row, deed.needs))
    except Forbidden as error:
        limited = await refusals.note(found, who, deed.op, [])
        await found.write_entries()
        return limited or error


async def settle(
    services: Services, who: Actor, request_id: uuid.UUID, *, status: str, reason: str
) -> tuple[View, bool]:
    """Say what an unknown outcome was. True beside the view: it is settled; False: a second person must say the same.

    Raises NotFound, Forbidden with violations, TooEarly, SettlementDiffers, Closed, NotOpenToThis.
    """
    person = person_id(who)
    async with attempts.opened(services, who, request_id) as found:
        refused = await _settle_refusal(found, who, person)
        have = 0 if refused else await settling.settle(found, person, Status(status), reason)
    if refused is not None:
        raise refused
    services.waiters.wake(request_id)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        row = require(policy, who, await requests.by_id(session, request_id), "read")
        shown = await view(services.ctx, session, policy, who, row)
        wanted = settling.need(row.risk)
        return {**shown, "settle": {"status": status, "have": have, "need": wanted}}, have >= wanted


async def _settle_refusal(found: Scene, who: Actor, person: str) -> InterlockError | None:
    """Who may not settle, or stands too close: on the ledger. Raises NotFound for what one may not even see."""
    try:
        require(found.policy, who, found.row, "settle")
        broken = await settling.settling_violations(found, person) if found.status is Status.UNKNOWN else []
        if not broken:
            return None
        error = Forbidden(" ".join(v.sentence for v in broken), broken)
    except Forbidden as lacking:
        error = lacking
    limited = await refusals.note(found, who, "settle", [v.invariant for v in error.violations])
    await found.write_entries()
    return limited or error
