"""The rules in force, compiled once per version and process."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance
from app.domain.clocks import rfc3339
from app.domain.errors import Unavailable
from app.governance.policy import Policy, compile_policy
from app.governance.version import swap_persons
from app.steps.drafts import patiently


class Rules:
    """Policy versions by id. A version never changes, so what is compiled stays good."""

    def __init__(self) -> None:
        """Empty; filled as versions are asked for."""
        self._compiled: dict[str, Policy] = {}

    async def in_force(self, session: AsyncSession) -> Policy:
        """The active version. Raises Unavailable when none was ever installed."""
        return await self.named(session, (await governance.installation(session)).active_policy)

    async def named(self, session: AsyncSession, active: str | None) -> Policy:
        """The version that the caller has read as the active one. Raises Unavailable when that is none."""
        if active is None:
            raise Unavailable("No rules are installed; run `interlock init DIR` first.")
        return await self.version(session, active)

    async def source(self, session: AsyncSession) -> dict[str, Any]:
        """``{version, installed_at, installed_by, document}`` of the active version."""
        version = (await self.in_force(session)).version
        row = await governance.policy_version(session, version)
        assert row is not None  # noqa: S101  for the type checker: the active version is stored, by foreign key
        by_pid = {pid: person for person, pid in (await governance.pids(session)).items()}
        at, by = rfc3339(row.installed_at), by_pid.get(row.installed_by, row.installed_by)
        return {
            "version": version,
            "installed_at": at,
            "installed_by": by,
            "document": swap_persons(row.document, by_pid),
        }

    async def version(self, session: AsyncSession, version: str) -> Policy:
        """A stored version, with persons by their ids again."""
        if version not in self._compiled:
            row = await governance.policy_version(session, version)
            if row is None:
                raise Unavailable(f"The policy version {version} is not stored here.")
            await patiently(session)  # compiling takes tenths of a second, and more on a busy machine
            pids = await governance.pids(session)
            document = swap_persons(row.document, {pid: person for person, pid in pids.items()})
            self._compiled[version] = compile_policy(document, version, pids=pids)
        return self._compiled[version]
