"""What targets do with grants."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api import bodies
from app.api.documented import answers, json_body
from app.api.door import Behind, Who
from app.api.reading import body_of
from app.api.shapes_grants import Redeemed
from app.use_cases.redeem import redeem_grant

router = APIRouter(prefix="/v1/grants", tags=["grants"])


@router.post(
    "/redeem",
    summary="Use a grant up",
    responses=answers(
        Redeemed, "What it allows, or that it is not good.", "forbidden", "rate-limited", "malformed", body=True
    ),
    openapi_extra=json_body(bodies.Redeem),
)
async def redeem(
    behind: Behind, who: Who, body: Annotated[bodies.Redeem, Depends(body_of(bodies.Redeem))]
) -> JSONResponse:
    """For targets, before they do what cannot be undone. A grant is redeemed once, by one `redemption_id`.

    1. Verify the grant with the published keys (`/.well-known/jwks.json`), and work out `parameters_digest` of what
       came with it: SHA-256 of its RFC 8785 bytes.
    2. Call this with a `redemption_id` of your own: a new one for each call that you are asked to do.
    3. `active: true`: do it, before `exp`. Anything else: do not; answer 403.

    After a lost answer send the same again: it gives the same answer, as long as the grant is good. `active: false` is
    all that is said of a grant with a bad signature, one that has expired, was redeemed by another `redemption_id`, is
    for other parameters, of a bot that was suspended since, or of an execution that is over. 403 `forbidden`: who calls
    is no target, or not the one that the grant is for. `cnf.jkt`: the target must ask for a proof of that key (DPoP).
    """
    shown = await redeem_grant(behind.services, who, body.grant, body.parameters_digest, body.redemption_id)
    return JSONResponse(shown, headers={"Cache-Control": "no-store"})
