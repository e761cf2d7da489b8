"""What anyone and every probe may read."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from app import telemetry
from app.api import shapes, shapes_token
from app.api.documented import RETRY_AFTER
from app.api.door import Behind
from app.grants.grants import JWKS_FOR
from app.grants.grants import jwks as public_jwks

router = APIRouter(tags=["probes"])
_UNREADY = {
    "model": shapes.Health,
    "description": "The database does not answer, or no rules are installed.",
    "headers": RETRY_AFTER,
}


@router.get(
    "/.well-known/jwks.json",
    summary="The keys that grants are signed with",
    responses={200: {"model": shapes_token.Jwks, "description": "Keep them for five minutes."}},
)
async def jwks(behind: Behind) -> JSONResponse:
    """A target verifies grants with these."""
    keep = f"public, max-age={JWKS_FOR.seconds}"
    return JSONResponse(public_jwks(behind.services.ctx.grants), headers={"Cache-Control": keep})


@router.get("/healthz", summary="Is the process alive?", responses={200: {"model": shapes.Health}})
async def healthz() -> JSONResponse:
    """Yes."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", summary="Can it serve?", responses={200: {"model": shapes.Health}, 503: _UNREADY})
async def readyz(behind: Behind) -> JSONResponse:
    """200 while the database answers and rules are installed; `degraded` while Temporal is down: reads still work."""
    found = await behind.ready()
    if not found.ready:
        return JSONResponse({"status": "unready", "parts": found.parts}, 503, {"Retry-After": "1"})
    return JSONResponse({"status": "degraded" if found.degraded else "ready", "parts": found.parts})


@router.get(
    "/metrics",
    summary="Metrics",
    response_class=Response,
    responses={200: {"description": "Prometheus text format.", "content": {"text/plain": {"schema": {}}}}},
)
async def metrics() -> Response:
    """Of this process."""
    return Response(telemetry.metrics(), media_type=telemetry.METRICS_TYPE)
