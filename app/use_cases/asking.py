"""What all asks share: one call through the request's workflow, and the answer that stands under its id."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import requests
from app.db.tables import Request
from app.domain.ask import Ask
from app.domain.errors import Closed, IdempotencyKeyReused, Unavailable
from app.use_cases import temporal
from app.use_cases.actors import Actor
from app.use_cases.services import Services
from app.use_cases.views import View, view


@dataclass(frozen=True, slots=True)
class Submitted:
    """A request as its asker sees it; ``created``: False when the same ask came before."""

    view: View
    created: bool


async def through_workflow(services: Services, id_: uuid.UUID, ask: Ask) -> bool:
    """Have an ask admitted by its workflow; True when it was this call that came first.

    Raises Unconfirmed when no answer came in time, Unavailable when Temporal does not answer.
    """
    mark = uuid.uuid4().hex
    admitted = await temporal.admit(services, id_, ask.dumps(), mark)
    return admitted is not None and admitted.mark == mark


async def standing(
    session: AsyncSession, services: Services, who: Actor, ask: Ask, id_: uuid.UUID, *, created: bool
) -> tuple[Request, Submitted]:
    """What stands under the id. Raises IdempotencyKeyReused when another body does; Unavailable when nothing does.

    Closed when its content has been erased: nobody knows any more what was asked.
    """
    row = await requests.by_id(session, id_)
    if row is None:
        raise Unavailable("The request was not admitted. Try again.")
    if row.erased_at is not None:
        raise Closed("This came before, and its content has been erased.", status=row.status)
    secret = await services.ctx.vault.find(session, f"request:{id_}")
    if secret.commit(ask.body()) != row.body_hash:
        raise IdempotencyKeyReused("This Idempotency-Key came before with another body.", status=row.status)
    policy = await services.ctx.rules.in_force(session)
    return row, Submitted(await view(services.ctx, session, policy, who, row), created)
