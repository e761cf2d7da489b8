"""A responder asks to undo what a request did: a request of its own, with a sign-off of its own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

from app.db import requests
from app.db.tables import Request
from app.domain.ask import Ask
from app.domain.digest import request_id as id_of
from app.domain.errors import Conflict, Forbidden, InterlockError, NotReversible, RollbackExists, WindowOver
from app.domain.request import Kind
from app.domain.rollback import EXISTS, NOT_REVERSIBLE, WINDOW_OVER
from app.domain.states import Status
from app.domain.verdict import Verdict
from app.steps.rollback import Undoing, undoing
from app.steps.scene import Scene
from app.use_cases import attempts, refusals
from app.use_cases.access import require
from app.use_cases.actors import Actor, person_id
from app.use_cases.asking import Submitted, standing, through_workflow
from app.use_cases.services import Services

REFUSED: Mapping[str, type[Conflict]] = {
    NOT_REVERSIBLE: NotReversible,
    WINDOW_OVER: WindowOver,
    EXISTS: RollbackExists,
}
"""The verdicts that refuse a rollback, as the caller hears of them."""


async def roll_back(services: Services, who: Actor, request_id: uuid.UUID, key: str, reason: str) -> Submitted:
    """Ask to undo a request; the rollback as its asker sees it. ``key``: its idempotency key.

    What runs is worked out from the original's parameters and outcome. What can be seen at once to be impossible is
    refused, nothing stored; of two who ask at once the second is refused, and its request stands as `denied`.
    Raises NotFound, Forbidden unless one is a responder, NotReversible, WindowOver, RollbackExists,
    IdempotencyKeyReused, RateLimited, Unavailable, Unconfirmed.
    """
    ask = Ask(Kind.ROLLBACK.value, "person", person_id(who), None, "", {}, reason=reason, reverses=str(request_id))
    id_ = id_of(ask.kind, ask.asker_kind, ask.asker_id, key)
    how = None if await _stands(services, id_) else await _how(services, who, request_id, id_)
    created = how is not None and await through_workflow(services, id_, replace(ask, action=how.action.name))
    async with services.ctx.database.transaction() as session:
        row, done = await standing(session, services, who, ask, id_, created=created)
    refuse_denied(row)
    return done


async def looked_at(services: Services, who: Actor, request_id: uuid.UUID) -> Undoing:
    """How a request would be undone now, if this person asked for it. Raises as `roll_back`; a refusal is recorded."""
    async with attempts.opened(services, who, request_id) as found:
        error = await _refusal(found, who)
        how = None if error else await undoing(found.session, found.policy, found.row, found.now)
    if error is not None:
        raise error
    if isinstance(how, Verdict):
        raise REFUSED[how.code](how.reason, status=found.row.status)
    assert how is not None  # noqa: S101  for the type checker: without an error it was asked
    return how


async def _how(services: Services, who: Actor, request_id: uuid.UUID, id_: uuid.UUID) -> Undoing | None:
    """How it would be undone; None when the very same ask was admitted meanwhile. Raises as `roll_back`."""
    try:
        return await looked_at(services, who, request_id)
    except Conflict:
        if await _stands(services, id_):
            return None
        raise


async def _stands(services: Services, id_: uuid.UUID) -> bool:
    async with services.ctx.database.transaction() as session:
        return await requests.by_id(session, id_) is not None


async def _refusal(found: Scene, who: Actor) -> InterlockError | None:
    """The lack of a role, on the ledger. Raises NotFound for what one may not even see."""
    try:
        require(found.policy, who, found.row, "roll back")
    except Forbidden as error:
        limited = await refusals.note(found, who, "roll back", [])
        await found.write_entries()
        return limited or error
    return None


def refuse_denied(row: Request) -> None:
    """What was found impossible only as it was admitted. Raises as `roll_back`."""
    code = row.verdict["code"]
    if row.status == Status.DENIED and code in REFUSED:
        raise REFUSED[code](row.verdict["reason"], status=(row.undoes or {}).get("status"))
