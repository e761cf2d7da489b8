"""Asking, and reading what was asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse

from app.api import bodies, shapes
from app.api.documented import answers, created, json_body
from app.api.door import Behind, Who
from app.api.located import located
from app.api.polling import unless_stopping
from app.api.queries import Listing, NeededKey, RequestId, Wait, seconds, statuses
from app.api.reading import body_of
from app.use_cases import read
from app.use_cases.submit import submit

router = APIRouter(prefix="/v1/requests", tags=["requests"])


@router.post(
    "",
    summary="Ask for an action",
    responses=created(
        "Admitted: allowed, held, or refused (`denied`).",
        "The same ask came before: as the request stands now, without a grant.",
        "forbidden",
        "rate-limited",
        "idempotency-key-reused",
        "idempotency-key-missing",
        "unknown-action",
        "off-schema",
    ),
    openapi_extra=json_body(bodies.Ask),
)
async def ask(
    behind: Behind, who: Who, key: NeededKey, body: Annotated[bodies.Ask, Depends(body_of(bodies.Ask))]
) -> JSONResponse:
    """For bots. Answers at once: `approved` or further, `held`, or `denied`; the same key and body again: 200.

    The 201 of an allowed action that the bot runs itself is `executing` and carries its `grant`; no later answer does.
    If that answer is lost, send the same key and body again for the id, and have the same grant by
    `POST /v1/requests/{id}/grant` until it expires. That operation describes what to do with it.
    """
    return located(await submit(behind.services, who, key, body.fields()))


@router.get(
    "/{id}",
    summary="Read a request, or wait until it changes",
    responses=answers(shapes.RequestView, "The request.", "not-found", "malformed"),
)
async def one(behind: Behind, who: Who, request_id: RequestId, query: Annotated[Wait, Query()]) -> JSONResponse:
    """For its asker and people who may see it. A final request, and one newer than `since`, answers at once.

    With `wait`, the answer comes when `version` exceeds `since`, or with what stands when the time is over: 200 in
    both cases. Keep the `version` that you got as the next `since`.
    """
    if query.wait is None:
        return JSONResponse(await read.read(behind.services, who, request_id))
    waiting = read.wait(behind.services, who, request_id, seconds=seconds(query.wait), since=query.since)
    shown = await unless_stopping(behind, waiting)
    return JSONResponse(shown or await read.read(behind.services, who, request_id))


@router.get(
    "", summary="List requests", responses=answers(shapes.Page, "A page, newest first.", "violations", "malformed")
)
async def page(behind: Behind, who: Who, query: Annotated[Listing, Query()]) -> JSONResponse:
    """People see what they may; a bot its own. `decidable_by=me`: held ones that the caller may decide now."""
    filters = read.Filters(
        statuses=statuses(query.status) if query.status else (),
        kind=query.kind,
        bot=query.bot,
        action=query.action,
        decidable_by_me=query.decidable_by is not None,
    )
    return JSONResponse(await read.listing(behind.services, who, filters, cursor=query.cursor, limit=query.limit))
