"""Evidence: bundles of a request, an incident, a span of time."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.api.accepting import HTML, wants_html
from app.api.documented import answers
from app.api.door import Behind, Who
from app.api.queries import RequestId, id_in_path
from app.api.shapes_evidence import Bundle
from app.ledger.bundle import MEDIA_TYPE
from app.ledger.page import page
from app.use_cases import evidence
from app.use_cases.incident_access import NO_SUCH

router = APIRouter(prefix="/v1", tags=["evidence"])

IncidentId = Annotated[uuid.UUID, Depends(id_in_path(NO_SUCH))]


class Span(BaseModel):
    """From when, to before when."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime = Field(alias="from", examples=["2026-01-05T09:00:00Z"])
    until: AwareDatetime = Field(alias="to", examples=["2026-01-05T10:00:00Z"])


def _answers(*names: str) -> Any:
    return answers(
        Bundle,
        "The bundle.",
        *("forbidden", "violations", "not-found", "malformed", "not-sealed", *names),
        also={200: {"content": {HTML: {"schema": {"type": "string"}}}}},
    )


@router.get("/requests/{id}/evidence", summary="The evidence of a request", responses=_answers("off-schema"))
async def request_evidence(behind: Behind, who: Who, request_id: RequestId, request: Request) -> Response:
    """A bundle of the request, its chain, what it undoes and what undoes it. For auditors, and people who may see it.

    What is sealed in the entries is opened for auditors; for others where none of it is marked sensitive. What has just
    happened is waited for, 5 s at most, until it is sealed. Where `Accept` asks for it first, a page for people, which
    shows the bundle; only the bundle can be checked.
    """
    return _told(await evidence.of_request(behind.services, who, request_id), request)


@router.get("/incidents/{id}/evidence", summary="The evidence of an incident", responses=_answers("off-schema"))
async def incident_evidence(behind: Behind, who: Who, incident: IncidentId, request: Request) -> Response:
    """For auditors: a bundle of the incident, its rollbacks, each item of them, and what that undid."""
    return _told(await evidence.of_incident(behind.services, who, incident), request)


@router.get("/ledger/evidence", summary="The evidence of a span of time", responses=_answers("off-schema"))
async def span_evidence(behind: Behind, who: Who, query: Annotated[Span, Query()], request: Request) -> Response:
    """For auditors: all entries between the checkpoints before and after that span, none left out, nothing opened.

    At most 20,000 entries: 422 `off-schema` beyond.
    """
    return _told(await evidence.of_span(behind.services, who, query.since, query.until), request)


def _told(bundle: bytes, request: Request) -> Response:
    vary = {"Vary": "Accept"}
    if wants_html(request.headers.get("accept", "")):
        return Response(page(json.loads(bundle)), media_type=HTML, headers=vary)
    return Response(bundle, media_type=MEDIA_TYPE, headers=vary)
