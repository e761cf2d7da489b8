"""How a part is known to be there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from app.devstack.process import Probe


def exists(file: Path) -> Probe:
    """True once the file is there."""

    async def probe() -> bool:
        return await asyncio.to_thread(file.exists)

    return probe


def answers(url: str) -> Probe:
    """True once a GET of the URL answers 200."""

    async def probe() -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
                return (await client.get(url)).status_code == 200
        except httpx.TransportError:
            return False

    return probe
