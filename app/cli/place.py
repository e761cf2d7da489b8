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
from app.temporal import connect
from app.use_cases.services import Services, Waiters

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "deploy" / "examples" / "retail"
_OF_DATABASE = "INTERLOCK_DATABASE"
_UNUSED = {"INTERLOCK_KEYS__DIR": "none", "INTERLOCK_API__BASE_URL": "http://none.invalid"}
"""For settings that must be there, where nothing needs them."""


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

    async def services(self, *, lazy: bool = False) -> Services:
        """What use cases are handed. Raises RuntimeError without Temporal, unless ``lazy`` puts that off."""
        client = await connect(self.settings.temporal, self.rings, lazy=lazy)
        queue, url = self.settings.temporal.task_queue, self.settings.api.base_url
        return Services(self.ctx, client, queue, Waiters(), self.rings.tokens, url)


def environ_of(data: Path | None) -> dict[str, str]:
    """The process's environment, with the settings of the stack that runs in ``data``. Raises `StackError`."""
    return {**os.environ, **(environment_of(data) if data else {})}


def settings_of(data: Path | None) -> Settings:
    """The settings by ``--data``, else by the environment. Raises `StackError`, `Misconfigured`."""
    return _loaded(environ_of(data), data)


def _loaded(variables: dict[str, str], data: Path | None) -> Settings:
    try:
        return configuration.load(variables)
    except Misconfigured as error:
        if data is not None or "INTERLOCK_DATABASE__URL" in os.environ:
            raise
        raise Misconfigured(
            f"{error}. For a development stack give --data, or `make up` and `. .data/up/env`."
        ) from None


def database_url(data: Path | None) -> str:
    """The database by ``--data``, else by the environment, whatever else is set there, wrongly or not at all.

    Raises `StackError`, `Misconfigured`.
    """
    ours = {name: value for name, value in environ_of(data).items() if name.upper().startswith(_OF_DATABASE)}
    return _loaded({**_UNUSED, **ours}, data).database.url.get_secret_value()


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
