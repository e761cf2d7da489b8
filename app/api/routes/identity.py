"""Which account is whose."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api import bodies, shapes
from app.api.documented import answers, json_body
from app.api.door import Behind, Who
from app.api.reading import body_of
from app.use_cases.links import link as link_account

router = APIRouter(prefix="/v1", tags=["identity"])


@router.post(
    "/identity-links",
    summary="Link a Slack account to yourself",
    responses=answers(
        shapes.IdentityLink,
        "The account is yours, now or before.",
        "violations",
        "rate-limited",
        "not-open-to-this",
        body=True,
    ),
    openapi_extra=json_body(bodies.Link),
)
async def link(behind: Behind, who: Who, body: Annotated[bodies.Link, Depends(body_of(bodies.Link))]) -> JSONResponse:
    """For people who have signed in (`login` or stronger).

    1. In Slack, send `/interlock link`: only that account is shown a code, good once, for ten minutes.
    2. Send the code here with your own token. From then on what that account does in Slack, you do.

    Never send a code that somebody else gave you: what they then do in Slack would be yours. The same person sends the
    same code again: 200, the same. 409 `not-open-to-this`: the account is somebody else's. 422 `malformed`: the code
    links nothing; ask for a new one. More than ten of those a minute: 429.
    """
    return JSONResponse(await link_account(behind.services, who, body.code))
