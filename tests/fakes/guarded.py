"""A target as docs/grants.md has its owner write it: by `app.grants.verifier` and `app.grants.remote`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.grants.dpop import Call
from app.grants.remote import InterlockUnavailable, PublishedKeys, Redeemer
from app.grants.verifier import GrantRefused, Verifier, parameters_digest
from tests.fakes.retail.serving import serving


@dataclass(slots=True)
class Guarded:
    """``POST /look`` does `look.up` under a grant; ``/final`` the same, once it is redeemed. ``done``: what it did."""

    verifier: Verifier
    redeemer: Redeemer
    url: str = ""
    done: list[str] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        """What a call comes to."""
        scheme, _, grant = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "dpop"):
            return JSONResponse({"error": "no-grant"}, 401, {"WWW-Authenticate": "DPoP, Bearer"})
        proofs = request.headers.getlist("dpop")
        call = Call(request.method, self.url + request.url.path, proofs[0] if len(proofs) == 1 else None)
        try:
            self.done.append(await asyncio.to_thread(self._allowed, grant, await request.json(), call))
        except GrantRefused as refused:
            return JSONResponse({"error": refused.reason}, 403)
        except InterlockUnavailable:
            return JSONResponse({"error": "try again"}, 503)
        return JSONResponse({"done": True})

    def _allowed(self, grant: str, parameters: Any, call: Call) -> str:
        """The request that this is for. Raises GrantRefused, InterlockUnavailable."""
        allowed = self.verifier.verify(grant, action="look.up", parameters=parameters, call=call)
        if call.url.endswith("/final"):
            self.redeemer.redeem(grant, parameters_digest(parameters), str(uuid.uuid4()))
        return allowed.request_id


@asynccontextmanager
async def guarded(issuer: str, audience: str, client_id: str, secret: str) -> AsyncIterator[Guarded]:
    """One that trusts the Interlock at ``issuer``; its own address is what it is told, never what a caller says."""
    with httpx.Client(timeout=10, trust_env=False) as http:
        keys = PublishedKeys(f"{issuer}/.well-known/jwks.json", http)
        made = Guarded(Verifier(issuer, audience, keys.get), Redeemer(issuer, client_id, secret, http))
        app = Starlette(routes=[Route("/{path:path}", made.answer, methods=["POST"])])
        async with serving(app) as url:
            made.url = url
            yield made
