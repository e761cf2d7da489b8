"""What the routes are handed, and who calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from app.domain.errors import Unauthenticated
from app.identity.tokens import Authenticator
from app.use_cases.actors import Actor, actor
from app.use_cases.services import Services


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether this process can serve. ``parts``: each part's name, and ``ok`` or what is wrong with it."""

    ready: bool
    degraded: bool
    parts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Door:
    """The parts behind the API. ``stopping``: set when long polls must end, for the process is about to."""

    services: Services
    authenticator: Authenticator
    ready: Callable[[], Awaitable[Readiness]]
    now: Callable[[], datetime]
    stopping: asyncio.Event


def door(request: Request) -> Door:
    """The parts behind the API that this request came to."""
    found: Door = request.app.state.door
    return found


def bearer(request: Request) -> str | None:
    """The token of the one ``Authorization: Bearer`` header (RFC 6750 section 2.1). Raises Unauthenticated."""
    given = request.headers.getlist("authorization")
    if not given:
        return None
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer":
        raise Unauthenticated("Send one header Authorization: Bearer, with an access token.")
    return token.strip()


class _Documented(HTTPBearer):
    """The security scheme of the OpenAPI document; `caller` does the work, and says no in our own words."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        """Nothing."""


_SCHEME = _Documented(auto_error=False, bearerFormat="JWT", scheme_name="bearer")
Behind = Annotated[Door, Depends(door)]


async def caller(request: Request, behind: Behind, _scheme: Annotated[None, Depends(_SCHEME)]) -> Actor:
    """Who calls: a bot, a target, a person or somebody unlinked. Raises Unauthenticated."""
    known = await behind.authenticator.caller(bearer(request), behind.now())
    return await actor(behind.services, known)


async def urgent_caller(request: Request, behind: Behind, _scheme: Annotated[None, Depends(_SCHEME)]) -> Actor:
    """As `caller`, whatever the pool is busy with: for the stop switch. One call of an account at a time."""
    known = await behind.authenticator.caller(bearer(request), behind.now())
    async with behind.services.own.of(("stop", known.kind, known.subject)):
        return await actor(behind.services, known, urgent=True)


Who = Annotated[Actor, Depends(caller)]
UrgentWho = Annotated[Actor, Depends(urgent_caller)]
