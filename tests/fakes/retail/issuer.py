"""Stands in for Interlock towards the shop: publishes a key, mints grants, redeems them, makes granted calls."""

from __future__ import annotations

import base64
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import OKPKey

from tests.fakes.retail.grants import ALGORITHM, TYP, Trust, digest
from tests.fakes.retail.redeeming import Account
from tests.fakes.retail.serving import serving
from tests.fakes.retail.tools import TOOLS

ISSUER = "https://interlock.test"
AUDIENCE = "https://orders.internal"


class Issuer:
    """One signing key and where it is published.

    ``redeemed``: what it was asked to redeem; ``answers``: what it says to the next ones, else that they are good.
    """

    def __init__(self) -> None:
        self.trust = Trust("", ISSUER, AUDIENCE)
        self.fetched = 0
        self.redeemed: list[dict[str, str]] = []
        self.answers: list[tuple[int, dict[str, bool]]] = []
        self.rotate()

    def rotate(self) -> None:
        """A new key in place of the old one."""
        self.key = OKPKey.generate_key("Ed25519", {"kid": uuid.uuid4().hex, "alg": ALGORITHM, "use": "sig"})

    def mint(
        self,
        action: str,
        parameters: Any,
        request_id: str,
        *,
        header: dict[str, Any] | None = None,
        claims: dict[str, Any] | None = None,
        details: dict[str, Any] | None = None,
    ) -> str:
        """A grant as DESIGN.md section 11 has it; what is given beside it replaces parts, None removes."""
        now = int(time.time())
        detail = {
            "type": "interlock_action",
            "action": action,
            "digest": digest({"request": request_id}),
            "parameters_digest": digest(parameters),
            "max_uses": 1,
        }
        payload: dict[str, Any] = {
            "iss": ISSUER,
            "sub": "bot:support-bot",
            "aud": AUDIENCE,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + 120,
            "txn": request_id,
            "authorization_details": [detail | (details or {})],
            **(claims or {}),
        }
        protected = {"alg": ALGORITHM, "typ": TYP, "kid": self.key.kid, **(header or {})}
        kept = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(protected, kept, self.key, algorithms=[protected["alg"]])

    @contextlib.asynccontextmanager
    async def publishing(self) -> AsyncIterator[Issuer]:
        """Publishes the key over HTTP until the block ends; `trust` then says where."""
        app = FastAPI()
        app.add_api_route("/jwks.json", self._jwks, methods=["GET"])
        app.add_api_route("/oauth/token", self._token, methods=["POST"])
        app.add_api_route("/v1/grants/redeem", self._redeem, methods=["POST"], response_model=None)
        async with serving(app) as url:
            self.trust = Trust(f"{url}/jwks.json", ISSUER, AUDIENCE, Account(url, "shop", "secret"))
            yield self

    async def _jwks(self) -> dict[str, Any]:
        self.fetched += 1
        return {"keys": [self.key.as_dict(private=False)]}

    async def _token(self, request: Request) -> dict[str, Any]:
        assert request.headers["Authorization"] == f"Basic {base64.b64encode(b'shop:secret').decode()}"
        return {"access_token": "shops", "token_type": "Bearer", "expires_in": 600}

    async def _redeem(self, request: Request) -> JSONResponse:
        assert request.headers["Authorization"] == "Bearer shops"
        self.redeemed.append(await request.json())
        status, said = self.answers.pop(0) if self.answers else (200, {"active": True})
        return JSONResponse(said, status)


class Caller:
    """Makes calls to a shop as Interlock's executor would."""

    def __init__(self, client: httpx.AsyncClient, issuer: Issuer) -> None:
        self.client = client
        self.issuer = issuer

    async def call(
        self,
        tool: str,
        arguments: Any,
        *,
        request_id: str | None = None,
        grant: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Calls a tool by name, under a good grant unless another is given. Raises httpx's errors."""
        wanted, request_id = TOOLS[tool], request_id or str(uuid.uuid4())
        grant = grant or self.issuer.mint(wanted.action, arguments, request_id)
        sent = {
            "Authorization": f"Bearer {grant}",
            "Interlock-Request": request_id,
            "Interlock-Parameters-Digest": digest(arguments),
            **({"Idempotency-Key": request_id} if wanted.writes else {}),
            **(headers or {}),
        }
        return await self.client.post(wanted.path, json=arguments, headers=sent)
