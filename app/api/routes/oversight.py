"""Oversight reports: what was asked, decided and broken in a period, with its evidence."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from app.api.accepting import HTML, wants_html
from app.api.documented import answers
from app.api.door import Behind, Who
from app.api.queries import Between
from app.api.shapes_oversight import OversightReport
from app.domain.errors import Malformed
from app.domain.oversight import Period, period
from app.use_cases import oversight
from app.use_cases.oversight_page import POLICY, page
from app.use_cases.services import Services

router = APIRouter(prefix="/v1", tags=["governance"])


@router.get(
    "/oversight",
    summary="The oversight report of a period",
    responses=answers(
        OversightReport,
        "As it is worked out now.",
        *("forbidden", "violations", "malformed"),
        also={200: {"content": {HTML: {"schema": {"type": "string"}}}}},
    ),
)
async def oversight_report(behind: Behind, who: Who, query: Annotated[Between, Query()], request: Request) -> Response:
    """For who may audit or administer. As JSON, persons as pids, or as `text/html`, as `Accept` says.

    Its sign-off is asked for by `interlock.oversight.sign_off` `{from, to, report, figures, head}` at
    `POST /v1/governance-requests`, by an administrator: `from`, `to` and `figures.head` of `document`, and the digests.
    An auditor signs. It produces evidence for the controls that it lists.
    """
    found = await oversight.readable(behind.services, who, await _period(behind.services, query))
    if wants_html(request.headers.get("accept", "")):
        headers = {"Vary": "Accept", "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        return Response(page(found), media_type=HTML, headers=headers)
    return JSONResponse(found.report, headers={"Vary": "Accept"})


async def _period(services: Services, query: Between) -> Period:
    if query.since is None and query.until is None:
        return await oversight.last_full_month(services)
    if query.since is None or query.until is None:
        raise Malformed("Give both ends of the period, or none.", where="from" if query.since is None else "to")
    try:
        return period(query.since, query.until)
    except ValueError as error:
        raise Malformed(f"{error}.", where="from") from error
