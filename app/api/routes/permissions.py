"""Standing permissions: what there are, and how one is revoked."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse

from app.api import bodies
from app.api.documented import answers, json_body
from app.api.door import Behind, UrgentWho, Who
from app.api.queries import PermissionsOf, id_in_path
from app.api.reading import body_of
from app.api.shapes_permissions import StandingPermission, StandingPermissions
from app.use_cases import permissions

router = APIRouter(prefix="/v1", tags=["governance"])

RevokeBody = Annotated[bodies.Revoke, Depends(body_of(bodies.Revoke))]


PermissionId = Annotated[uuid.UUID, Depends(id_in_path(permissions.NO_SUCH))]


@router.get(
    "/standing-permissions",
    summary="What bots may do without being held",
    responses=answers(StandingPermissions, "The newest first, 200 at most.", "violations", "malformed"),
)
async def standing_permissions(behind: Behind, who: Who, query: Annotated[PermissionsOf, Query()]) -> JSONResponse:
    """Of the bots of which you hold a seat or for which you respond; auditors, administrators and responders see all.

    One is granted by `interlock.permissions.grant` `{bot, action, when, max_uses, max_total?: {parameter, at_most},
    expires_at}` at `POST /v1/governance-requests`.
    """
    return JSONResponse(await permissions.listing(behind.services, who, query.bot))


@router.post(
    "/standing-permissions/{id}/revoke",
    summary="Revoke a standing permission now",
    responses=answers(
        StandingPermission, "Revoked, now or before.", "forbidden", "violations", "not-found", "malformed", body=True
    ),
    openapi_extra=json_body(bodies.Revoke),
)
async def revoke_permission(behind: Behind, who: UrgentWho, permission: PermissionId, body: RevokeBody) -> JSONResponse:
    """For holders of the bot's `exceptions`, `security` or `business` seat, responders, and who may administer.

    Once this has answered, nothing is allowed or started under it any more; what has started goes on. Works with
    Temporal down.
    """
    return JSONResponse(await permissions.revoke(behind.services, who, permission, body.reason))
