"""The stop switch: suspend a bot, or all of them, now; ask to let them act again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api import bodies, shapes
from app.api.documented import answers, created, json_body
from app.api.door import Behind, UrgentWho, Who
from app.api.located import located
from app.api.queries import BotId, OptionalKey
from app.api.reading import body_of
from app.use_cases import changes, stop

router = APIRouter(prefix="/v1", tags=["stops"])

SuspendBody = Annotated[bodies.Suspend, Depends(body_of(bodies.Suspend))]
ResumeBody = Annotated[bodies.Resume, Depends(body_of(bodies.Resume))]

_STOPPED = "Suspended, now or before: `suspended_at` is the first time."
_RESUMING = (
    "A request of kind `governance`: held, or `denied` by a rule.",
    "The same came before: that request as it stands now.",
)
_NO_RESUME = ("violations", "not-open-to-this", "idempotency-key-reused", "idempotency-key-missing")


@router.post(
    "/bots/{id}/suspend",
    summary="Stop a bot now",
    responses=answers(shapes.Stopped, _STOPPED, "forbidden", "violations", "not-found", body=True),
    openapi_extra=json_body(bodies.Suspend),
)
async def suspend_bot(behind: Behind, who: UrgentWho, bot: BotId, body: SuspendBody) -> JSONResponse:
    """For responders and holders of the bot's `security` seat. Works with Temporal down.

    Once this has answered, nothing that the bot asked for starts any more: its held and approved requests are
    `revoked`, also after it is resumed, and new ones `denied`. `in_flight` are those that had started before and have
    no outcome yet: only they can still reach a target. Rollbacks go on.
    """
    return JSONResponse(await stop.suspend(behind.services, who, bot, body.reason))


@router.post(
    "/installation/suspend",
    summary="Stop all bots now",
    responses=answers(shapes.Stopped, _STOPPED, "forbidden", "violations", body=True),
    openapi_extra=json_body(bodies.Suspend),
)
async def suspend_all(behind: Behind, who: UrgentWho, body: SuspendBody) -> JSONResponse:
    """As for one bot, for all of them. For responders and holders of any bot's `security` seat."""
    return JSONResponse(await stop.suspend(behind.services, who, None, body.reason))


@router.post(
    "/bots/{id}/resume",
    summary="Ask to let a bot act again",
    responses=created(*_RESUMING, "not-found", *_NO_RESUME),
    openapi_extra=json_body(bodies.Resume),
)
async def resume_bot(behind: Behind, who: Who, bot: BotId, key: OptionalKey, body: ResumeBody) -> JSONResponse:
    """For people. Somebody else decides: a holder of the bot's `security` seat or who may administer.

    Nor may they have deployed the bot or be its business owner. What was revoked stays revoked. 409 `not-open-to-this`:
    it is not suspended.
    """
    return located(await changes.resume(behind.services, who, bot, key, body.reason))


@router.post(
    "/installation/resume",
    summary="Ask to let all bots act again",
    responses=created(*_RESUMING, *_NO_RESUME),
    openapi_extra=json_body(bodies.Resume),
)
async def resume_all(behind: Behind, who: Who, key: OptionalKey, body: ResumeBody) -> JSONResponse:
    """As for one bot. Bots that are suspended by themselves stay so."""
    return located(await changes.resume(behind.services, who, None, key, body.reason))
