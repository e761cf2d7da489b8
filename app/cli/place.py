"""The installation that a command works on: settings, keys, database."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app import settings as configuration
from app.devstack.stack import environment_of
from app.domain.errors import Misconfigured, NotFound
from app.keys import KeyRings
from app.parts import build_context
from app.settings import Settings
from app.steps.context import Context

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "deploy" / "examples" / "retail"


@dataclass(frozen=True, slots=True)
class Place:
    """An installation as commands see it."""

    settings: Settings
    rings: KeyRings
    ctx: Context

    @property
    def development(self) -> bool:
        """Whether commands may act as anybody here."""
        return self.settings.environment == "development"


def environ_of(data: Path | None) -> dict[str, str]:
    """The process's environment, with the settings of the stack that runs in ``data``. Raises `StackError`."""
    return {**os.environ, **(environment_of(data) if data else {})}


def settings_of(data: Path | None) -> Settings:
    """The settings by ``--data``, else by the environment. Raises `StackError`, `Misconfigured`."""
    try:
        return configuration.load(environ_of(data))
    except Misconfigured as error:
        if data is not None or "INTERLOCK_DATABASE__URL" in os.environ:
            raise
        raise Misconfigured(
            f"{error}. For a development stack give --data, or `make up` and `. .data/up/env`."
        ) from None


@asynccontextmanager
async def opened(data: Path | None) -> AsyncIterator[Place]:
    """The installation by ``--data``, else by the environment; its connections are closed at the end.

    Raises `StackError`, `Misconfigured`, `KeysInvalid`.
    """
    settings = settings_of(data)
    rings = KeyRings.load(settings.keys.dir)
    ctx = build_context(settings, rings)
    try:
        yield Place(settings, rings, ctx)
    finally:
        await ctx.database.close()


def folder(path: Path) -> Path:
    """``path``, when it is a directory. Raises `NotFound`."""
    if not path.is_dir():
        raise NotFound(f"{path} is not a directory of governance files.")
    return path
