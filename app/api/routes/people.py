"""People: where one sits, to be seen before they leave."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse

from app.api.documented import answers
from app.api.door import Behind, Who
from app.api.queries import BOT
from app.api.shapes_people import SeatsOf
from app.domain.errors import NotFound
from app.use_cases.seats import seats_of

router = APIRouter(prefix="/v1", tags=["governance"])


def _person(text: Annotated[str, Path(alias="id", json_schema_extra={"pattern": BOT})]) -> str:
    """The id of a person, which looks as a bot's does. Raises NotFound for what is none."""
    if not re.fullmatch(BOT, text):
        raise NotFound("There is no such person.")
    return text


@router.get(
    "/people/{id}/seats",
    summary="Everywhere that a person sits",
    responses=answers(SeatsOf, "As it stands.", "forbidden", "violations", "not-found", "malformed"),
)
async def seats(behind: Behind, who: Who, person: Annotated[str, Depends(_person)]) -> JSONResponse:
    """For who may administer, auditors, and the person themself.

    `interlock.people.off_board` `{person, to?, seats?: {place: person}}` at `POST /v1/governance-requests` lets them
    go: `to` takes every seat that `seats` does not name, and a place in a group goes to somebody only where `seats`
    names it. It is for who may administer, decided by another who may, never by who leaves. `interlock.identities.link`
    `{person, identity: {slack: "TEAM/USER"} or {oidc: {iss, sub}}}` gives them an account that nobody has, likewise.
    """
    return JSONResponse(await seats_of(behind.services, who, person))
