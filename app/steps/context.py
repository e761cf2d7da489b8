"""What every step is handed: the parts of this process that it works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from joserfc.jwk import OKPKey
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import Database
from app.grants.keys import GrantKeys
from app.keys import KeyRing
from app.ledger.vault import Vault
from app.steps.rules import Rules


class Clock(Protocol):
    """The one port of time. Called in a statement after the locks."""

    async def now(self, session: AsyncSession) -> datetime:
        """The present moment, aware, UTC."""
        ...


class DatabaseClock:
    """The database's wall clock: the same for all processes."""

    async def now(self, session: AsyncSession) -> datetime:
        """``clock_timestamp()``: of the statement, not of the transaction's begin."""
        moment: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
        return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Context:
    """The parts.

    ``boottime``: seconds that also run while the machine or process is frozen; ``issuer``: the base URL that grants
    name; ``target_urls``: target name to the URL of this environment.
    """

    database: Database
    clock: Clock
    rules: Rules
    vault: Vault
    grant_keys: GrantKeys
    boottime: Callable[[], float]
    issuer: str
    environment: str
    target_urls: Mapping[str, str] = field(default_factory=dict)

    @property
    def grants(self) -> KeyRing[OKPKey]:
        """The ring that grants are signed with, as it is now: ask once for what belongs together."""
        return self.grant_keys.ring()
