"""The ledger, for those who keep a copy of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.accepting import LINES, wants_lines
from app.api.documented import answers
from app.api.door import Behind, Who
from app.api.shapes_export import SealedEntries
from app.use_cases.export import entries

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])


class FromLeaf(BaseModel):
    """Which leaves."""

    model_config = ConfigDict(extra="forbid")

    first: Annotated[int, Field(alias="from", ge=0, lt=2**53, description="The first leaf: `next` of before.")] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="How many at most; a page may hold fewer.")] = 200


@router.get(
    "/entries",
    summary="Sealed entries, in order of their leaves",
    responses=answers(
        SealedEntries,
        "From that leaf on; none where there are none yet.",
        *("forbidden", "malformed"),
        also={200: {"content": {LINES: {"schema": {"type": "string"}}}}},
    ),
)
async def ledger_entries(behind: Behind, who: Who, query: Annotated[FromLeaf, Query()], request: Request) -> Response:
    """For auditors. As a page, or, where `Accept` asks for it first, as `application/x-ndjson`: an item a line.

    Leaf indexes have no gap, and an item never changes: ask on from `next`, or from the last line's `leaf` and one.
    What has no checkpoint over it yet is not among them; that takes about a second.
    """
    found = await entries(behind.services, who, query.first, query.limit)
    vary = {"Vary": "Accept"}
    if wants_lines(request.headers.get("accept", "")):
        return Response(b"".join(line + b"\n" for line in found.lines), media_type=LINES, headers=vary)
    page = b'{"items":[%b],"next":%d,"sealed":%d}' % (b",".join(found.lines), found.next, found.sealed)
    return Response(page, media_type="application/json", headers=vary)
