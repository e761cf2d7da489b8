"""Reviews: of what was done out of turn, and of bots by their owners."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from app.api import bodies
from app.api.documented import answers, json_body
from app.api.door import Behind, Who
from app.api.queries import id_in_path
from app.api.reading import body_of
from app.api.shapes_owner_reviews import AnyReview, Reviews
from app.steps.reviewing import Finding
from app.use_cases import reviews

router = APIRouter(prefix="/v1/reviews", tags=["reviews"])


ReviewId = Annotated[uuid.UUID, Depends(id_in_path(reviews.NO_SUCH))]


class Which(BaseModel):
    """Which reviews."""

    model_config = ConfigDict(extra="forbid")

    open: Literal["true", "false"] = Field("false", description="`true`: only those that nobody has made yet.")


@router.get("", summary="List reviews", responses=answers(Reviews, "The newest first.", "violations", "malformed"))
async def listed(behind: Behind, who: Who, query: Annotated[Which, Query()]) -> JSONResponse:
    """For people. Reviewers see theirs; owners, responders, auditors and administrators all that they may see."""
    return JSONResponse(await reviews.listing(behind.services, who, open_only=query.open == "true"))


@router.post(
    "/{id}/attest",
    summary="Say what you found",
    responses=answers(
        AnyReview,
        "Recorded, now or before.",
        *("forbidden", "violations", "not-found", "not-open-to-this", "rate-limited"),
        body=True,
    ),
    openapi_extra=json_body(bodies.Attest),
)
async def attest(
    behind: Behind, who: Who, review_id: ReviewId, body: Annotated[bodies.Attest, Depends(body_of(bodies.Attest))]
) -> JSONResponse:
    """For the reviewers that it names, who have signed in (`login` or stronger). Once: the same again is 200.

    Of kind `break-glass`, `unjustified` undoes nothing by itself: ask for a rollback. After `due_at` it may still be
    made, and the bot stays suspended until people let it go on. Of kind `owner`, `changed` says what is asked for
    instead, and changes nothing by itself: that takes a publication. After `lapsed_at` it may still be made, and what
    had lapsed is to be had again. 422 `malformed`: a finding of the other kind. 409 `not-open-to-this`: it was reviewed
    otherwise, or by another.
    """
    finding = Finding(body.finding, body.reason)
    return JSONResponse(await reviews.attest(behind.services, who, review_id, finding))
