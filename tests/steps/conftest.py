"""Fixtures of these tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.use_cases.governance import install
from tests.world import RULES, World


@pytest.fixture
async def rules(world: World, rules_copy: Path) -> AsyncIterator[Path]:
    """A copy of the rules to change and install; the usual ones are in force again afterwards."""
    yield rules_copy
    await install(world.ctx, RULES, replace=True, by="ada")
