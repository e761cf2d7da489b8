"""Bringing a database to the newest schema: Alembic, under an advisory lock of migrations/env.py."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config

import migrations


def config(database_url: str) -> Config:
    """Alembic's configuration for this project and that database; no ini file."""
    found = Config()
    found.set_main_option("script_location", str(Path(migrations.__file__).parent))
    found.attributes["database_url"] = database_url
    return found


async def upgrade(database_url: str) -> None:
    """Run all migrations that are missing. Safe to run twice, and by two at once."""
    await asyncio.to_thread(command.upgrade, config(database_url), "head")
