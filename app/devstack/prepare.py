"""What a database needs before the processes start: the newest schema, and rules to work by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from app.db.hardening import harden, within
from app.db.migrate import upgrade
from app.settings import Settings

Install = Callable[[Settings, Path], Awaitable[None]]
"""Installs the governance folder as the active version, when none is active or its hash differs."""


async def prepare(settings: Settings, governance: Path, install: Install) -> None:
    """Migrate the settings' database, then ``install`` the files of ``governance``."""
    await upgrade(settings.database.to_migrate)
    await install(settings, governance)


async def make_roles(superuser_url: str) -> None:
    """Roles, owners and grants as `interlock db harden` makes them; nobody needs a password on the socket."""
    await within(superuser_url, lambda connection: harden(connection, {}))
