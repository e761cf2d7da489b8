"""The HTTP API, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from http import HTTPMethod, HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from app.api import openapi, problems
from app.api.door import Door, Readiness
from app.api.envelope import Envelope
from app.api.reading import malformed
from app.api.routes import (
    deeds,
    delegations,
    evidence,
    export,
    governance,
    grants,
    handles,
    identity,
    incidents,
    ledger,
    oversight,
    people,
    permissions,
    policy,
    probes,
    requests,
    reviews,
    stops,
    token,
    use_cases,
)
from app.domain.errors import InterlockError
from app.identity.tokens import Authenticator
from app.use_cases.services import Services

DOCUMENT = "/openapi.json"


def _clock() -> datetime:
    return datetime.now(UTC)


def create_app(
    services: Services,
    authenticator: Authenticator,
    *,
    ready: Callable[[], Awaitable[Readiness]],
    docs: bool = False,
    now: Callable[[], datetime] = _clock,
    stopping: asyncio.Event | None = None,
    more: Sequence[BaseRoute] = (),
) -> FastAPI:
    """The ASGI application.

    ``ready``: what ``/readyz`` tells. ``docs``: serve Swagger UI at ``/docs``. ``now``: the time by which tokens are
    good. ``stopping``: when it is set, long polls answer at once. ``more``: routes of another door.
    """
    app = FastAPI(
        title="Interlock",
        version="1",
        summary="Holds a chatbot's sensitive action until the right people release it.",
        description=openapi.DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.door = Door(services, authenticator, ready, now, stopping or asyncio.Event())
    parts = (
        *(token, requests, deeds, grants, reviews, stops, governance, permissions, delegations, incidents),
        *(use_cases, people, policy, oversight, ledger, export, identity, handles, evidence, probes),
    )
    for part in parts:
        app.include_router(part.router)
    app.router.routes.extend(more)
    _describe(app, docs=docs)
    _say_no_in_problems(app)
    app.add_middleware(Envelope)
    return app


def _describe(app: FastAPI, *, docs: bool) -> None:
    found: list[dict[str, Any]] = []

    async def document(_request: Request) -> JSONResponse:
        if not found:
            found.append(openapi.document(app))
        return JSONResponse(found[0], headers={"Cache-Control": "public, max-age=300"})

    app.add_route(DOCUMENT, document, include_in_schema=False)
    if docs:
        app.add_route("/docs", _swagger, include_in_schema=False)


async def _swagger(_request: Request) -> Response:
    return get_swagger_ui_html(openapi_url=DOCUMENT, title="Interlock")


def _say_no_in_problems(app: FastAPI) -> None:
    @app.exception_handler(InterlockError)
    async def refused(_request: Request, error: InterlockError) -> JSONResponse:
        return problems.answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return problems.answer(malformed(list(error.errors()), skip=1))

    @app.exception_handler(HTTPException)
    async def unrouted(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods(app, request))
        return problems.respond(_of_status(error.status_code), _unrouted(request, error.status_code), headers=headers)


def _of_status(status: int) -> problems.Problem:
    known = {404: problems.NO_ROUTE, 405: problems.METHOD_NOT_ALLOWED}
    phrase = HTTPStatus(status).phrase
    return known.get(status, problems.Problem(status, phrase.lower().replace(" ", "-"), phrase))


def _methods(app: FastAPI, request: Request) -> list[str]:
    """The methods that this path takes, on any of its routes: Starlette names those of the first one only."""
    scopes = {method.value: {**request.scope, "method": method.value} for method in HTTPMethod}
    return [
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)
    ]


def _unrouted(request: Request, status: int) -> str:
    if status == 405:
        return f"This path does not take {request.method}."
    return "There is nothing at this path." if status == 404 else HTTPStatus(status).description
