"""Drafts of rules, read once: it takes tenths of a second, and an ask, its admission and its effect all need them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.errors import GovernanceInvalid
from app.governance.files import Governance, load_files


async def draft(files: Mapping[str, str]) -> Governance:
    """The governance of these files, read in a thread, and kept for the next. Raises `GovernanceInvalid`."""
    return await asyncio.to_thread(_read, tuple(sorted(files.items())))


async def read_ahead(parameters: Mapping[str, Any]) -> None:
    """Read a draft before a transaction wants it; what is wrong with it is said there."""
    with contextlib.suppress(GovernanceInvalid):
        await draft(parameters["files"])


@lru_cache(maxsize=8)
def _read(files: tuple[tuple[str, str], ...]) -> Governance:
    return load_files(dict(files))


async def patiently(session: AsyncSession) -> None:
    """Let this transaction be idle while a draft is read or compared, which takes longer than a step may."""
    await session.execute(text("set local idle_in_transaction_session_timeout = '60s'"))
