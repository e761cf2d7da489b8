"""What the machine stands on: the real steps on a real database, an event loop and a clock of its own, no Temporal."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from app.db import ledger, requests
from app.db.session import Database
from app.db.tables import ClientCredential, Request
from app.domain.ledger import Stored, verify_stream
from app.domain.request import Level
from app.execution.http import boottime
from app.grants.keys import StandingKeys
from app.identity.tokens import Caller, dev_issuer
from app.keys import KeyRings
from app.ledger.vault import Vault
from app.steps.context import Context
from app.steps.rules import Rules
from app.use_cases import actors
from app.use_cases.actors import Actor
from app.use_cases.governance import install
from app.use_cases.services import Services, Waiters
from tests.properties.made import ACCOUNTS, ISSUER, Files
from tests.properties.rows import Row, Vote

T = TypeVar("T")
BASE_URL = "http://interlock.test"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Hand:
    """A clock that is moved by hand; a millisecond goes by whenever it is looked at, so that no two facts coincide."""

    def __init__(self) -> None:
        self.at = NOON

    async def now(self, session: AsyncSession) -> datetime:  # noqa: ARG002  the port's signature
        """The present moment."""
        self.at += timedelta(milliseconds=1)
        return self.at


@dataclass
class Ground:
    """The parts. ``seen``: how often what was reached, over all examples."""

    database: Database
    rings: KeyRings
    folder: Path
    loop: asyncio.AbstractEventLoop
    clock: Hand = field(default_factory=Hand)
    seen: Counter[str] = field(default_factory=Counter)

    def services(self) -> Services:
        """Use cases with nothing compiled yet. There is no Temporal: whoever reaches for it fails."""
        ctx = Context(
            database=self.database,
            clock=self.clock,
            rules=Rules(),
            vault=Vault(self.rings.wrapping),
            grant_keys=StandingKeys(self.rings.grants),
            boottime=boottime,
            issuer=BASE_URL,
            environment="development",
        )
        return Services(ctx, cast("Client", None), "none", Waiters(), self.rings.tokens, BASE_URL)

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        """Run a step to its end."""
        return self.loop.run_until_complete(step)

    async def put(self, services: Services, files: Files) -> None:
        """Put these files in force."""
        files.write(self.folder)
        await install(services.ctx, self.folder, replace=True, by="ada")

    async def sql(self, statement: str, **values: Any) -> None:
        """Straight on the database."""
        async with self.database.transaction() as session:
            await session.execute(text(statement), values)

    async def select(self, statement: str, **values: Any) -> Sequence[Any]:
        """Rows, straight from the database."""
        async with self.database.transaction() as session:
            return (await session.execute(text(statement), values)).all()

    async def credential(self, maker: str) -> str:
        """A client credential of the bot, by this person."""
        client_id = f"bot-{uuid.uuid4().hex}"
        made = {"holder_kind": "bot", "holder_id": "bot", "secret_hash": "", "created_at": NOON, "revoked_at": None}
        async with self.database.transaction() as session:
            session.add(ClientCredential(client_id=client_id, made_by=maker, **made))
        return client_id

    async def who(self, services: Services, account: str, level: str) -> Actor:
        """Who comes by an account, as the doors find out; people's ids are accounts of the development issuer."""
        issuer = ISSUER if account in ACCOUNTS else dev_issuer(BASE_URL)
        caller = Caller("identity", account, issuer, None, Level[level.upper()], None)
        return await actors.actor(services, caller)

    async def rows(self, ids: Sequence[str]) -> dict[str, Request]:
        """Requests as they stand."""
        async with self.database.transaction() as session:
            found = [await requests.by_id(session, uuid.UUID(id_)) for id_ in ids]
        return {str(row.id): row for row in found if row is not None}

    async def details(self, row: Request) -> tuple[Row, list[dict[str, Any]]]:
        """A request with its decisions, and the bodies of its stream after checking that it is whole."""
        stream = f"request:{row.id}"
        async with self.database.transaction() as session:
            made = await requests.decisions(session, row.id)
            stored: Sequence[Stored] = await ledger.read(session, stream)
        assert verify_stream(stream, stored) == []
        votes = [Vote(str(d.id), d.stage, d.person_id, d.say, d.standing) for d in made]
        stages = [] if row.plan is None else row.plan["stages"]
        permission = row.verdict.get("permission")
        seen = Row(row.status, row.version, row.expires_at, stages, votes, permission, row.break_glass)
        return seen, [json.loads(e.body) for e in stored]
