"""The answer to an ask."""

from __future__ import annotations

from fastapi.responses import JSONResponse

from app.use_cases.asking import Submitted


def located(done: Submitted) -> JSONResponse:
    """The request and where to read it: 201, or 200 when the same came before."""
    return JSONResponse(done.view, 201 if done.created else 200, {"Location": f"/v1/requests/{done.view['id']}"})
