"""Who granted a standing permission does not profit by it: what is for them waits for others."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.ask import Ask
from tests.steps.budgeted import code
from tests.steps.standing import SECOND, granted, uses
from tests.steps.words import admitted, change, sql
from tests.world import World

pytestmark = pytest.mark.usefixtures("as_before")


@pytest.fixture(autouse=True)
async def no_other(world: World) -> AsyncIterator[None]:
    """What one test has granted concerns no other."""
    yield
    await sql(world, "update standing_permission set revoked_at = clock_timestamp()")


FOR_OLIVIA = (
    {"on_behalf_of": "customer:olivia"},
    {"triggered_by": "customer:olivia"},
    {"parameters": {"payee": "customer:olivia"}},
)


async def outcome_of(world: World, **ask: Any) -> str:
    """What the bot's ask comes to, held by nobody in between."""
    more = {"on_behalf_of": "customer:carl", "thing": uuid.uuid4().hex, **ask}
    parameters = {"thing": more.pop("thing"), **more.pop("parameters", {})}
    return code(await admitted(world, Ask("action", "bot", "bot", "bot-client", "do.moderate", parameters, **more)))


@pytest.mark.parametrize("ask", FOR_OLIVIA, ids=["on behalf", "set off", "payee"])
async def test_what_is_for_who_asked_for_it_is_held(world: World, ask: dict[str, Any]) -> None:
    permission = await granted(world, who="olivia")
    assert await outcome_of(world, **ask) == "hold"
    assert await outcome_of(world) == "allow"
    assert await uses(world, permission) == (1, 0)


@pytest.mark.parametrize("ask", FOR_OLIVIA, ids=["on behalf", "set off", "payee"])
async def test_what_is_for_who_signed_it_is_held(world: World, rules_copy: Path, ask: dict[str, Any]) -> None:
    await change(world, rules_copy, "exceptions: eve", "exceptions: mia")
    permission = await granted(world, signed=("mia", SECOND))
    theirs = json.loads(json.dumps(ask).replace("olivia", "mia"))
    assert await outcome_of(world, **theirs) == "hold"
    assert await outcome_of(world, **ask) == "allow"
    assert await uses(world, permission) == (1, 0)
