"""The shop over HTTP: checks the grant, then the body, then the idempotency key, then does it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fakes.retail import load, shapes
from tests.fakes.retail.faults import Fault, Faults
from tests.fakes.retail.grants import Trust, Verifier, digest, require_this_call
from tests.fakes.retail.once import effects, once
from tests.fakes.retail.problems import Forbidden, Malformed, ShopProblem
from tests.fakes.retail.serving import Connections, serving
from tests.fakes.retail.tools import TOOLS, Tool

MAX_BODY_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Shop:
    """A running shop: where it answers, and its database for a look behind the counter."""

    url: str
    database: AsyncEngine


@dataclass(frozen=True, slots=True)
class Desk:
    """What every endpoint needs."""

    database: AsyncEngine
    verifier: Verifier


@contextlib.asynccontextmanager
async def shop(
    *, database_url: str, db_json: Path, trust: Trust, port: int = 0, faults: bool = False
) -> AsyncIterator[Shop]:
    """Runs the shop in this loop until the block ends; `db_json` is loaded if the database is empty.

    Raises `OSError` if the port is taken, SQLAlchemy's errors if the database cannot be had.
    """
    database, verifier, connections = load.engine(database_url), Verifier(trust), Connections()
    try:
        await load.prepare(database, db_json)
        app = build(Desk(database, verifier), connections if faults else None)
        async with serving(app, port=port, http=connections.protocol()) as url:
            yield Shop(url, database)
    finally:
        await asyncio.gather(verifier.keys.aclose(), database.dispose())


def build(desk: Desk, cuttable: Connections | None) -> Any:
    """The ASGI app; with connections that it may cut, it takes orders for faults too."""
    app = FastAPI(title="Retail back office", openapi_url=None)
    app.add_exception_handler(ShopProblem, _problem)
    app.add_api_route("/healthz", _health, methods=["GET"])
    for tool in TOOLS.values():
        app.add_api_route(tool.path, _write(desk, tool) if tool.writes else _read(desk, tool), methods=["POST"])
    return app if cuttable is None else _with_faults(app, desk, cuttable)


async def _health() -> dict[str, str]:
    return {"status": "ok"}


async def _problem(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, ShopProblem)
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
    return JSONResponse(problem.body, problem.status, headers)


def _write(desk: Desk, tool: Tool) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        arguments, parameters_digest, request_id = await _granted(desk, tool, request)
        if _header(request, "Idempotency-Key") != request_id:
            raise Forbidden("other-request", "The idempotency key must be the request's id")
        body = shapes.read(tool.shape, arguments)
        stored = await once(desk.database, tool, request_id, parameters_digest, body)
        return Response(stored.answer, stored.status, media_type="application/json")

    return endpoint


def _read(desk: Desk, tool: Tool) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        arguments, _, _ = await _granted(desk, tool, request)
        async with desk.database.connect() as conn:
            return JSONResponse(await tool.run(conn, shapes.read(tool.shape, arguments)))

    return endpoint


async def _granted(desk: Desk, tool: Tool, request: Request) -> tuple[Any, str, str]:
    """The body, its digest and the request's id, once the grant has been held against all three."""
    claims = await desk.verifier.claims(request.headers.get("Authorization"))
    arguments = _strict(await request.body())
    parameters_digest, request_id = digest(arguments), _header(request, "Interlock-Request")
    if _header(request, "Interlock-Parameters-Digest") != parameters_digest:
        raise Forbidden("other-parameters", "Interlock-Parameters-Digest is not the digest of the body")
    require_this_call(claims, action=tool.action, request_id=request_id, parameters_digest=parameters_digest)
    return arguments, parameters_digest, request_id


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name)
    if not value:
        raise Malformed("header-missing", f"This call needs the header {name}")
    return value


def _strict(body: bytes) -> Any:
    if len(body) > MAX_BODY_BYTES:
        raise Malformed("malformed", f"The body may have {MAX_BODY_BYTES} bytes")
    try:
        value = json.loads(body.decode(), object_pairs_hook=_unique)
        digest(value)
    except (ValueError, RecursionError) as error:
        raise Malformed("malformed", f"The body must be I-JSON (RFC 7493): {error}") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) != len(dict(pairs)):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _with_faults(app: FastAPI, desk: Desk, connections: Connections) -> Faults:
    layer = Faults(app, connections)

    async def order(fault: Fault) -> Response:
        layer.order(fault)
        return Response(status_code=204)

    async def clear() -> Response:
        layer.clear()
        return Response(status_code=204)

    async def seen() -> list[dict[str, Any]]:
        async with desk.database.connect() as conn:
            return await effects(conn)

    app.add_api_route("/_faults", order, methods=["POST"], status_code=204, response_model=None)
    app.add_api_route("/_faults", clear, methods=["DELETE"], status_code=204, response_model=None)

    async def made() -> list[dict[str, str]]:
        return [{"key": key, "mode": mode} for key, mode in layer.made]

    app.add_api_route("/_faults", made, methods=["GET"])
    app.add_api_route("/_effects", seen, methods=["GET"])
    return layer
