"""The sealed ledger: its newest checkpoint, and proofs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, PlainTextResponse

from app.api.documented import answers, refusals
from app.api.door import Behind, Who
from app.api.shapes_ledger import NOTE, Consistency, ConsistencyOf, Inclusion, InclusionOf
from app.use_cases import ledger

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])

_NAMES = ("forbidden", "violations", "not-found")
_TEXT = {"text/plain": {"schema": {"type": "string"}, "example": NOTE}}


@router.get(
    "/checkpoint",
    summary="The newest checkpoint of the ledger",
    response_class=PlainTextResponse,
    responses={
        200: {"description": "A signed note.", "content": _TEXT},
        **refusals("unauthenticated", "unavailable", "unconfirmed", "internal", *_NAMES),
    },
)
async def ledger_checkpoint(behind: Behind, who: Who) -> PlainTextResponse:
    """For who may `audit` or `administer`: origin, size and root of the tree, signed (C2SP tlog-checkpoint).

    404: nothing is sealed yet.
    """
    return PlainTextResponse(await ledger.checkpoint(behind.services, who))


@router.get(
    "/proofs/inclusion",
    summary="Prove that an entry is in the ledger",
    responses=answers(Inclusion, "The proof.", *_NAMES, "malformed"),
)
async def ledger_inclusion(behind: Behind, who: Who, query: Annotated[InclusionOf, Query()]) -> JSONResponse:
    """For who may `audit` or `administer`. 404: nothing is sealed yet."""
    return JSONResponse(await ledger.inclusion(behind.services, who, query.leaf, query.size))


@router.get(
    "/proofs/consistency",
    summary="Prove that the ledger goes on from what it was",
    responses=answers(Consistency, "The proof.", *_NAMES, "malformed"),
)
async def ledger_consistency(behind: Behind, who: Who, query: Annotated[ConsistencyOf, Query()]) -> JSONResponse:
    """For who may `audit` or `administer`. 404: nothing is sealed yet."""
    return JSONResponse(await ledger.consistency(behind.services, who, query.old, query.size))
