"""Incidents: opened, looked at and waited for, rolled back, paused, closed, reported."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from app.api import bodies, bodies_incidents
from app.api.accepting import MARKDOWN, wants_markdown
from app.api.documented import LOCATION, answers, created, json_body
from app.api.door import Behind, Door, UrgentWho, Who
from app.api.located import located
from app.api.polling import unless_stopping
from app.api.queries import NeededKey, Pages, Wait, id_in_path, seconds
from app.api.reading import body_of
from app.api.shapes_incidents import IncidentReport, Incidents, IncidentView, OpenedIncident
from app.use_cases import incident_reading, incidents
from app.use_cases import incident_report as reporting
from app.use_cases.actors import Actor
from app.use_cases.incident_markdown import markdown

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

IncidentId = Annotated[uuid.UUID, Depends(id_in_path(incidents.NO_SUCH))]
OpenBody = Annotated[bodies_incidents.OpenIncident, Depends(body_of(bodies_incidents.OpenIncident))]
RollBackBody = Annotated[bodies_incidents.RollBackIncident, Depends(body_of(bodies_incidents.RollBackIncident))]
CloseBody = Annotated[bodies_incidents.CloseIncident, Depends(body_of(bodies_incidents.CloseIncident))]
NoBody = Annotated[bodies.Nothing, Depends(body_of(bodies.Nothing, may_be_empty=True))]

_KEY = ("idempotency-key-reused", "idempotency-key-missing")
_TURN = ("forbidden", "violations", "not-found", "not-open-to-this")


@router.post(
    "",
    summary="Open an incident",
    responses=answers(
        OpenedIncident,
        "The same came before: that incident as it stands now.",
        *("forbidden", "violations", "off-schema", "rate-limited", *_KEY),
        body=True,
        also={
            200: {"headers": LOCATION},
            201: {"model": OpenedIncident, "description": "Opened.", "headers": LOCATION},
        },
    ),
    openapi_extra=json_body(bodies_incidents.OpenIncident),
)
async def open_incident(behind: Behind, who: UrgentWho, key: NeededKey, body: OpenBody) -> JSONResponse:
    """For responders; of named bots also for who holds the `incident` seat of each. Works with Temporal down.

    `suspend: true` stops its bots before it is kept, as `POST /v1/bots/{id}/suspend` does; `suspended` says since when,
    and what is still in flight. After a lost answer send the same key and body again: one incident is opened, and where
    it stands no bot is stopped again. 422 `off-schema`: there is no such bot.
    """
    shown, new = await incident_reading.opened(behind.services, who, key, **body.fields())
    return JSONResponse(shown, 201 if new else 200, {"Location": f"/v1/incidents/{shown['id']}"})


@router.get(
    "",
    summary="List incidents",
    responses=answers(Incidents, "A page, newest first.", "violations", "malformed"),
)
async def incidents_page(behind: Behind, who: Who, query: Annotated[Pages, Query()]) -> JSONResponse:
    """For people: those that one may read, without their candidates."""
    return JSONResponse(await incident_reading.listing(behind.services, who, cursor=query.cursor, limit=query.limit))


@router.get(
    "/{id}",
    summary="Read an incident, or wait until it changes",
    responses=answers(IncidentView, "The incident.", "violations", "not-found", "malformed"),
)
async def incident_view(
    behind: Behind, who: Who, incident: IncidentId, query: Annotated[Wait, Query()]
) -> JSONResponse:
    """For responders, auditors, who holds a seat of one of its bots, and who may read its rollback.

    With `wait`, the answer comes when `version` exceeds `since`, or with what stands when the time is over: 200 in
    both cases. Its version grows with every step of its rollback; a closed one of which nothing runs answers at once.
    """
    return JSONResponse(await _read(behind, who, incident, query))


async def _read(behind: Door, who: Actor, incident: uuid.UUID, query: Wait) -> dict[str, Any]:
    if query.wait is None:
        return await incident_reading.read(behind.services, who, incident)
    waiting = incident_reading.wait(behind.services, who, incident, seconds=seconds(query.wait), since=query.since)
    shown = await unless_stopping(behind, waiting)
    return shown or await incident_reading.read(behind.services, who, incident)


@router.post(
    "/{id}/rollbacks",
    summary="Ask to undo what an incident is about",
    responses=created(
        "One request of kind `incident_rollback`, held.",
        "The same came before: that request as it stands now.",
        *("forbidden", "violations", "not-found", "off-schema", "not-open-to-this"),
        *("not-reversible", "window-over", "rollback-exists", *_KEY),
    ),
    openapi_extra=json_body(bodies_incidents.RollBackIncident),
)
async def roll_back_incident(
    behind: Behind, who: Who, incident: IncidentId, key: NeededKey, body: RollBackBody
) -> JSONResponse:
    """For responders. Others sign, once, for all of it, under the strictest plan of all that it undoes.

    Nobody signs who asked for it, or who approved, asked for or benefited from any of these. What runs stands in its
    parameters: the newest first; one that fails stops those that must be undone after it (`after`), and no other. 422
    `off-schema`: an id that is no candidate. 409 `not-open-to-this`: the incident is closed or being rolled back, or
    nothing of it can be undone now; `rollback-exists`: another rollback of it waits for people.
    """
    chosen = body.requests if body.requests == "all" else [uuid.UUID(id_) for id_ in body.requests]
    return located(
        await incidents.roll_back_incident(behind.services, who, incident, key, chosen=chosen, reason=body.reason)
    )


@router.post(
    "/{id}/pause",
    summary="Pause its rollback",
    responses=answers(IncidentView, "Paused, now or before.", *_TURN, body=True),
    openapi_extra=json_body(bodies.Nothing, required=False),
)
async def pause_incident(behind: Behind, who: Who, incident: IncidentId, _body: NoBody) -> JSONResponse:
    """For responders. Once this has answered, nothing more of it starts; what has started goes on to its end."""
    await incidents.pause(behind.services, who, incident)
    return JSONResponse(await incident_reading.read(behind.services, who, incident))


@router.post(
    "/{id}/resume",
    summary="Let its rollback go on",
    responses=answers(IncidentView, "It goes on, now or before.", *_TURN, body=True),
    openapi_extra=json_body(bodies.Nothing, required=False),
)
async def resume_incident(behind: Behind, who: Who, incident: IncidentId, _body: NoBody) -> JSONResponse:
    """For responders. What was signed may run for 24 hours after it began, pauses included."""
    await incidents.go_on(behind.services, who, incident)
    return JSONResponse(await incident_reading.read(behind.services, who, incident))


@router.post(
    "/{id}/close",
    summary="Close an incident",
    responses=answers(IncidentView, "Closed, now or before.", *_TURN, "closed", body=True),
    openapi_extra=json_body(bodies_incidents.CloseIncident),
)
async def close_incident(behind: Behind, who: Who, incident: IncidentId, body: CloseBody) -> JSONResponse:
    """For responders, with a written summary. Of a paused rollback nothing more runs then.

    409 `closed`: it was closed with another summary; `not-open-to-this`: its rollback waits for people, or runs.
    """
    await incidents.close(behind.services, who, incident, body.summary)
    return JSONResponse(await incident_reading.read(behind.services, who, incident))


@router.get(
    "/{id}/report",
    summary="The report of an incident",
    responses=answers(
        IncidentReport,
        "What happened when, what was undone, what was not and why, who signed.",
        *("violations", "not-found", "malformed"),
        also={200: {"content": {MARKDOWN: {"schema": {"type": "string"}}}}},
    ),
)
async def incident_report(behind: Behind, who: Who, incident: IncidentId, request: Request) -> Response:
    """For who may read it. As JSON, or, where `Accept` asks for it first, as `text/markdown`.

    In Markdown all texts of people and bots stand in code, where no link and no markup acts.
    """
    found = await reporting.report(behind.services, who, incident)
    vary = {"Vary": "Accept"}
    if wants_markdown(request.headers.get("accept", "")):
        return Response(markdown(found), media_type=MARKDOWN, headers=vary)
    return JSONResponse(found, headers=vary)
