"""What a bot is for: in force, and approved."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.api.documented import answers
from app.api.door import Behind, Who
from app.api.queries import BotId
from app.api.shapes_use_cases import BotUseCase
from app.use_cases import use_cases

router = APIRouter(prefix="/v1", tags=["governance"])


@router.get(
    "/bots/{id}/use-case",
    summary="What a bot is for, and whether that is approved",
    responses=answers(BotUseCase, "As it stands.", "violations", "not-found"),
)
async def bot_use_case(behind: Behind, who: Who, bot: BotId) -> JSONResponse:
    """For who holds a seat of the bot or responds for it, auditors, administrators and responders.

    Purpose, data, model, entitlements and autonomy are worked out from the rules. They are approved by
    `interlock.use_cases.approve` `{bot, review_by}` at `POST /v1/governance-requests`: by the bot's `business` seat,
    then by its `security` seat or an administrator. Until that day the bot may ask for what is approved and in force.
    """
    return JSONResponse(await use_cases.use_case(behind.services, who, bot))
