"""Who is away, and who decides for them meanwhile."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api import bodies
from app.api.documented import LOCATION, answers, json_body
from app.api.door import Behind, Who
from app.api.queries import NeededKey, id_in_path
from app.api.reading import body_of
from app.api.shapes_delegations import Delegation, Delegations
from app.use_cases import delegations

router = APIRouter(prefix="/v1", tags=["delegations"])

AwayBody = Annotated[bodies.Delegate, Depends(body_of(bodies.Delegate))]


DelegationId = Annotated[uuid.UUID, Depends(id_in_path(delegations.NO_SUCH))]


@router.post(
    "/delegations",
    summary="Have somebody decide in your place for a while",
    responses=answers(
        Delegation,
        "The same came before: that delegation as it stands now.",
        *("violations", "not-open-to-this", "idempotency-key-reused", "idempotency-key-missing", "rate-limited"),
        body=True,
        also={200: {"headers": LOCATION}, 201: {"model": Delegation, "description": "Given.", "headers": LOCATION}},
    ),
    openapi_extra=json_body(bodies.Delegate),
)
async def give(behind: Behind, who: Who, key: NeededKey, body: AwayBody) -> JSONResponse:
    """For people who have signed in (`login` or stronger): one other person, for 30 days at most.

    It counts for requests that are admitted after it was given, in its time. You may still decide yourself; the two of
    you count once. Your delegate may decide nothing that you may not, and passes nothing on. 409 `not-open-to-this`:
    you have given one for that time. 422 `malformed`: no active person, yourself, or a time that cannot be.
    """
    shown, created = await delegations.give(behind.services, who, key, body.wish())
    return JSONResponse(shown, 201 if created else 200, {"Location": f"/v1/delegations/{shown['id']}"})


@router.get(
    "/delegations",
    summary="Who is away",
    responses=answers(Delegations, "By begin.", "violations"),
)
async def listing(behind: Behind, who: Who) -> JSONResponse:
    """What you have given and received and is not over; auditors and those who may administer see everybody's."""
    return JSONResponse(await delegations.listing(behind.services, who))


@router.get(
    "/delegations/{id}",
    summary="One delegation",
    responses=answers(Delegation, "As it stands.", "violations", "not-found", "malformed"),
)
async def read(behind: Behind, who: Who, delegation: DelegationId) -> JSONResponse:
    """For who gave it, who received it, auditors, and those who may administer."""
    return JSONResponse(await delegations.read(behind.services, who, delegation))


@router.delete(
    "/delegations/{id}",
    summary="End a delegation before its time",
    responses=answers(Delegation, "It is over, now or before.", "forbidden", "violations", "not-found", "malformed"),
)
async def end(behind: Behind, who: Who, delegation: DelegationId) -> JSONResponse:
    """For who gave it, who received it, and those who may administer. What was decided by it alone counts no more."""
    return JSONResponse(await delegations.end(behind.services, who, delegation))
