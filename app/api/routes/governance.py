"""The rules in force, for people to read."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.api import shapes
from app.api.documented import answers
from app.api.door import Behind, Who
from app.use_cases import read

router = APIRouter(prefix="/v1", tags=["governance"])


@router.get(
    "/catalogue",
    summary="The actions that may be asked for",
    responses=answers(shapes.Catalogue, "All actions.", "forbidden"),
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
