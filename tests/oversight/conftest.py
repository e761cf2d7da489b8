"""A month of this module's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.keys import KeyRings
from tests.fakes.desk import Desk
from tests.oversight.month import Month, quiet


@pytest.fixture(scope="module")
async def month(database_url: str, rings: KeyRings, a_desk: Desk) -> AsyncIterator[Month]:
    """Nothing has happened in it yet but that the rules were installed."""
    async with quiet(database_url, rings, a_desk) as made:
        yield made
