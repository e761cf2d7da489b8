"""What the workers of targets do that run actions themselves."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api import shapes_handles
from app.api.documented import answers, json_body
from app.api.door import Behind, Who
from app.api.reading import body_of
from app.use_cases.fetch import fetch as fetch_grant

router = APIRouter(prefix="/v1/grants", tags=["grants"])


@router.post(
    "/fetch",
    summary="Fetch the grant of an activity",
    responses=answers(shapes_handles.Fetched, "The same grant until it expires.", "forbidden", "not-found", body=True),
    openapi_extra=json_body(shapes_handles.Fetch),
)
async def fetch(
    behind: Behind,
    who: Who,
    body: Annotated[shapes_handles.Fetch, Depends(body_of(shapes_handles.Fetch))],
) -> JSONResponse:
    """For a client of the target, from the activity that runs the action (`run: {temporal: ...}` in the catalogue).

    The activity's one argument is `{request_id, attempt, handle}`. It fetches first, and does nothing on 404: it came
    too late (`start_within`), the bot was stopped, the attempt was given up, or the handle is another target's. Then it
    acts under the grant, with `idempotency_key`, before `expires_at`.

    Its answer is a compact JWE (RFC 7516; `alg: dir`, `enc: A256GCM`) under `answer_key`, of the JSON
    `{"outcome": ..., "value": ...}`: `succeeded` and the result, or `failed` (it has not happened and will not) or
    `not_sent` (nothing was done, it may be tried again) and why: returned, or as the only detail of an
    ApplicationError. Whatever else it returns or raises counts as: nobody knows.
    """
    return JSONResponse(await fetch_grant(behind.services, who, body.handle))
