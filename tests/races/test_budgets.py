"""Asks at once against a budget: exactly as many are admitted as it allows, however they meet, and other bots' are not.

A few rounds; fifty with ``FULL_ROUNDS=1``. Through two API processes' doors: what reads on the fast path, what is held
through its workflow.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from app.db.session import Database
from app.domain.ask import Ask
from app.domain.errors import Unavailable
from app.keys import KeyRings
from app.steps.admit import admit
from app.steps.context import Context
from app.steps.rules import Rules
from app.use_cases.governance import install
from tests.races.racing import Figure, insist
from tests.races.stopping import rounds, without_temporal
from tests.steps.budgeted import BEFORE, a_bot, code
from tests.steps.words import sql
from tests.world import RULES, World

ROUNDS = rounds(8, 50)
PARALLEL, AT_MOST, EACH = 64, 10, 7
LOOKS = 6
"""Asks of the same bot among them that a budget of what is held has nothing to do with."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of budget, and what is asked under it."""

    name: str
    budget: str
    action: str
    admitted: str


KINDS = [
    Kind("rate", f'name: asks, action: "look.*", count: requests, at_most: {AT_MOST}, over: 1h', "look.up", "allow"),
    Kind(
        "amount",
        f'name: spent, action: "look.*", sum: parameters.amount, at_most: {AT_MOST * EACH + EACH - 1}, over: 24h',
        "look.up",
        "allow",
    ),
    Kind("holds", f'name: waiting, action: "*", count: holds, at_most: {AT_MOST}', "do.moderate", "hold"),
]


@pytest.fixture
async def doors(world: World, database_url: str) -> AsyncIterator[tuple[World, World]]:
    """Two API processes: each with its own connections and its own idea of the rules."""
    database = Database(database_url)
    ctx = replace(world.ctx, database=database, rules=Rules())
    yield world, replace(world, ctx=ctx, services=replace(world.services, ctx=ctx))
    await database.close()
    await install(world.ctx, RULES, replace=True, by="ada")


async def with_bots(ctx: Context, folder: Path, names: list[str], *budgets: str) -> None:
    """Put the rules in force with a bot of each of these names."""
    entries = "".join(a_bot(*budgets, name=name)[1] for name in names)
    source = folder / "desk.yaml"
    source.write_text(source.read_text().replace(BEFORE, entries + BEFORE, 1))
    await install(ctx, folder, replace=True, by="ada")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_64_at_once_against_a_budget_of_10(
    doors: tuple[World, World], rules_copy: Path, kind: Kind, record_property: Figure
) -> None:
    """Another bot asks as often as its own budget of that name allows, at the same time: all of that is admitted."""
    pairs = [(f"{kind.name}-{n}", f"{kind.name}-other-{n}") for n in range(ROUNDS)]
    await with_bots(doors[0].ctx, rules_copy, [name for pair in pairs for name in pair], kind.budget)
    begun = time.monotonic()
    for n, (bot, other) in enumerate(pairs):
        asks = [(bot, kind.action)] * PARALLEL + [(other, kind.action)] * AT_MOST
        asks += [(bot, "look.up")] * LOOKS if kind.name == "holds" else []
        random.Random(n).shuffle(asks)  # noqa: S311  not for secrets
        answers = await asyncio.gather(*(_ask(doors[m % 2], *ask) for m, ask in enumerate(asks)))
        told = Counter(zip(asks, answers, strict=True))
        expected = {((bot, kind.action), kind.admitted): AT_MOST, ((other, kind.action), kind.admitted): AT_MOST}
        expected[(bot, kind.action), "over-budget"] = PARALLEL - AT_MOST
        assert told == expected | ({((bot, "look.up"), "allow"): LOOKS} if kind.name == "holds" else {})
        assert await _stored(doors[0], bot, kind.action) == {"denied": PARALLEL - AT_MOST, kind.admitted: AT_MOST}
    record_property(
        "figure",
        f"{PARALLEL} at once against a budget of {AT_MOST} ({kind.name}): exactly {AT_MOST} admitted in each of "
        f"{ROUNDS} rounds, in {time.monotonic() - begun:.1f} s",
    )


async def _ask(door: World, bot: str, action: str) -> str:
    key, thing = uuid.uuid4().hex, uuid.uuid4().hex
    shown, _ = await insist(lambda: door.ask(action, key, bot=bot, thing=thing, parameters={"amount": EACH}))
    return code(shown)


async def _stored(door: World, bot: str, action: str) -> dict[str, int]:
    """How many of the bot's requests for this were denied, and admitted how."""
    query = """select case when status = 'denied' then status else verdict ->> 'outcome' end, count(*) from request
        where asker_id = :bot and action = :action group by 1"""
    return dict(tuple(row) for row in await sql(door, query, bot=bot, action=action))


# Several locks at once.

BUDGETS = (
    'name: zz, action: "do.*", count: requests, at_most: 100000, over: 1h',
    'name: aa, action: "do.m*", sum: parameters.amount, at_most: 100000, over: 1h',
    'name: mm, action: "do.h*", count: requests, at_most: 100000, over: 1h',
    'name: z-held, action: "do.*", count: holds, at_most: 100000',
    'name: a-held, action: "do.m*", count: holds, at_most: 100000',
)
WINDOWS = (
    "windows:\n"
    "  - {name: apart, action: do.high, per: [bot], over: 24h}\n"
    "  - {name: whole, action: do.*, per: [], over: 24h}\n"
)


async def test_budgets_and_windows_that_overlap_do_not_deadlock(
    database_url: str, rings: KeyRings, rules_copy: Path, record_property: Figure
) -> None:
    """Each ask takes another few of nine locks, declared in any order; a window is shared by the bots."""
    source = rules_copy / "desk.yaml"
    source.write_text(source.read_text().replace("windows:\n", WINDOWS, 1))
    kinds = [(bot, action, mode) for bot in ("one", "two") for action in ("do.moderate", "do.high", "do.two")
             for mode in ("allow", "hold")]  # fmt: skip
    again = 0
    async with without_temporal(database_url, rings) as world:
        await with_bots(world.ctx, rules_copy, ["one", "two"], *BUDGETS)
        begun = time.monotonic()
        for n in range(ROUNDS):
            asks = kinds * 3
            random.Random(n).shuffle(asks)  # noqa: S311  not for secrets
            again += sum(await asyncio.gather(*(_admitted(world.ctx, *ask) for ask in asks)))
        for bot, action, _ in kinds:
            assert await _stored(world, bot, action) == {"allow": 3 * ROUNDS, "hold": 3 * ROUNDS}
        record_property(
            "figure",
            f"budgets and windows that overlap: no deadlock in {ROUNDS} rounds of {len(asks)} at once, in "
            f"{time.monotonic() - begun:.1f} s ({again} said again for want of time)",
        )


async def _admitted(ctx: Context, bot: str, action: str, mode: str) -> int:
    """Admit one; how often it took too long, which on a busy machine it may, and a deadlock is not."""
    about = {"thing": uuid.uuid4().hex, "mode": mode, "amount": 1}
    ask = Ask("action", "bot", bot, None, action, about, on_behalf_of="customer:carl")
    id_, again = uuid.uuid4(), 0
    while True:
        try:
            await admit(ctx, id_, ask, waited=timedelta(0))
        except Unavailable as error:
            cause = error.__cause__
            assert not (isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) == "40P01"), "deadlock"
            again += 1
            assert again < 20
        else:
            return again
