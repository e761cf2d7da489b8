"""An OIDC issuer that a test holds the keys of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from app.settings import Issuer
from tests.execution.raw_server import http

AUDIENCE = "interlock"
AnyKey = OKPKey | ECKey | RSAKey


@dataclass
class FakeIssuer:
    """Its keys, what it publishes, and how often it was asked."""

    iss: str = ""
    keys: dict[str, AnyKey] = field(default_factory=dict)
    asked: int = 0
    status: int = 200
    body: bytes | None = None

    @property
    def settings(self) -> Issuer:
        return Issuer(iss=self.iss, audience=AUDIENCE, jwks_url=f"{self.iss}/keys")

    def add(self, kid: str, key: AnyKey) -> None:
        self.keys[kid] = key

    def published(self) -> bytes:
        if self.body is not None:
            return self.body
        return json.dumps({"keys": [key.as_dict(private=False, kid=kid) for kid, key in self.keys.items()]}).encode()

    def token(self, kid: str, alg: str, claims: dict[str, Any], /, **header: Any) -> str:
        header = {"alg": alg, "kid": kid, "typ": "JWT"} | header
        header = {name: value for name, value in header.items() if value is not None}
        return jwt.encode(header, {"iss": self.iss, "aud": AUDIENCE} | claims, self.keys[kid], algorithms=[alg])


@asynccontextmanager
async def issuing() -> AsyncIterator[FakeIssuer]:
    """An issuer at a free loopback port."""
    fake = FakeIssuer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        fake.asked += 1
        writer.write(http(fake.status, fake.published(), "Connection: close\r\n"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    fake.iss = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.close()
        await server.wait_closed()
