"""The rules in force, for people to read and to ask to change."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api import bodies, shapes, shapes_budgets
from app.api.documented import answers, created, json_body
from app.api.door import Behind, Who
from app.api.located import located
from app.api.queries import NeededKey
from app.api.reading import body_of
from app.use_cases import read
from app.use_cases.changes import ask_change

router = APIRouter(prefix="/v1", tags=["governance"])


@router.get(
    "/catalogue",
    summary="The actions that may be asked for",
    responses=answers(shapes_budgets.Catalogue, "All actions, and the budgets of bots.", "forbidden"),
)
async def catalogue(behind: Behind, who: Who) -> JSONResponse:
    """For people."""
    return JSONResponse(await read.catalogue(behind.services, who))


@router.get(
    "/policy", summary="The rules in force", responses=answers(shapes.PolicySource, "Their source.", "forbidden")
)
async def policy(behind: Behind, who: Who) -> JSONResponse:
    """For people."""
    return JSONResponse(await read.policy(behind.services, who))


@router.post(
    "/governance-requests",
    summary="Ask to change the rules",
    responses=created(
        "A request of kind `governance`: held, or `denied` by a rule.",
        "The same came before: that request as it stands now.",
        "forbidden",
        "violations",
        "not-open-to-this",
        "idempotency-key-reused",
        "idempotency-key-missing",
        "unknown-action",
        "off-schema",
    ),
    openapi_extra=json_body(bodies.Change),
)
async def change(
    behind: Behind, who: Who, key: NeededKey, body: Annotated[bodies.Change, Depends(body_of(bodies.Change))]
) -> JSONResponse:
    """For people; others decide. Every governed change is a built-in action, and Interlock runs it when it is approved.

    `interlock.bots.resume` `{bot}` is also `POST /v1/bots/{id}/resume`, `interlock.installation.resume` `{}` also
    `POST /v1/installation/resume`. `interlock.policy.publish` `{files: {name: text}, base?}` puts other rules in force:
    for who may administer, decided by another who may, under the rules before it. `base`: the version that they were
    made from; when others come between, the request is `revoked`. 409 `not-open-to-this`: there is nothing to change,
    or `base` is not in force; 422 `off-schema`: what is wrong with the files. `interlock.people.off_board` and
    `interlock.identities.link`: see `GET /v1/people/{id}/seats`.
    """
    asked = await ask_change(
        behind.services, who, key, action=body.action, parameters=body.parameters, reason=body.reason
    )
    return located(asked)
