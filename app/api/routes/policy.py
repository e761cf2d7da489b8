"""Working with policy: what was in force, and what a draft would change."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse

from app.api import bodies_policy, shapes, shapes_policy
from app.api.documented import answers, json_body
from app.api.door import Behind, Who
from app.api.reading import body_of
from app.domain.errors import NotFound
from app.use_cases import policy_work, simulate

VERSION = r"^sha256:[0-9a-f]{64}$"
router = APIRouter(prefix="/v1/policy", tags=["governance"])

DraftBody = Annotated[bodies_policy.Draft, Depends(body_of(bodies_policy.Draft))]
SimulateBody = Annotated[bodies_policy.Simulate, Depends(body_of(bodies_policy.Simulate))]


def version_in_path(text: Annotated[str, Path(alias="id", json_schema_extra={"pattern": VERSION})]) -> str:
    """The id of a version in the path. Raises NotFound for what is none."""
    if not re.fullmatch(VERSION, text):
        raise NotFound("There is no such policy version.")
    return text


VersionId = Annotated[str, Depends(version_in_path)]


@router.get(
    "/history",
    summary="Which versions were in force",
    responses=answers(shapes_policy.PolicyHistory, "Newest first.", "forbidden"),
)
async def history(behind: Behind, who: Who) -> JSONResponse:
    """For people. A version that was put in force again is there again."""
    return JSONResponse(await policy_work.history_for(behind.services, who))


@router.get(
    "/versions/{id}",
    summary="A version of the rules",
    responses=answers(shapes.PolicySource, "Its source.", "forbidden", "not-found"),
)
async def version(behind: Behind, who: Who, version_id: VersionId) -> JSONResponse:
    """For people."""
    return JSONResponse(await policy_work.version_for(behind.services, who, version_id))


@router.post(
    "/diff",
    summary="What a draft changes, in words",
    responses=answers(shapes_policy.PolicyDifference, "The changes.", "forbidden", "rate-limited", body=True),
    openapi_extra=json_body(bodies_policy.Draft),
)
async def diff(behind: Behind, who: Who, body: DraftBody) -> JSONResponse:
    """For who may `administer` or `audit`. Nothing is stored; 422 `malformed` says what is wrong with the files."""
    return JSONResponse(await policy_work.diff_for(behind.services, who, body.files))


@router.post(
    "/simulate",
    summary="Judge a draft over what was asked",
    responses=answers(shapes_policy.Simulation, "The counts.", "forbidden", "rate-limited", body=True),
    openapi_extra=json_body(bodies_policy.Simulate),
)
async def judge_draft(behind: Behind, who: Who, body: SimulateBody) -> JSONResponse:
    """For who may `administer` or `audit`. Nothing is stored. One at a time in a process, else 429; at most 30 s.

    A rule that errs denies, and is listed by name. Stops and conflicts are left out, and who was in which group.
    """
    calls = None if body.calls is None else [call.fields() for call in body.calls]
    return JSONResponse(await simulate.simulate_for(behind.services, who, body.files, calls, body.since))
