"""Asks at once against a budget: exactly as many are admitted as it allows, however they meet, and other bots' are not.

A few rounds; fifty with ``FULL_ROUNDS=1``, of the transaction that admits, through two processes' connections.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.db.session import STEP_TIMEOUTS, Database
from app.domain.ask import Ask
from app.keys import KeyRings
from app.steps.admit import admit
from app.steps.context import Context
from app.steps.rules import Rules
from app.use_cases.governance import install
from tests.conftest import NewDatabase
from tests.races.racing import Figure, insist
from tests.races.stopping import rounds, without_temporal
from tests.steps.budgeted import BEFORE, a_bot, code
from tests.steps.words import sql
from tests.world import RULES, World

ROUNDS, OVERLAPS = rounds(4, 50), rounds(2, 10)
PARALLEL, AT_MOST, EACH = 64, 10, 7
LOOKS = 6
"""Asks of the same bot among them that a budget of what is held has nothing to do with."""


CONNECTIONS = (PARALLEL + AT_MOST + LOOKS) // 2


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """All wait in the database until it is their turn: on a busy machine a round takes longer than a step may."""
    for timeout in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
        monkeypatch.setitem(STEP_TIMEOUTS, timeout, "60s")


@asynccontextmanager
async def two_doors(ctx: Context, url: str) -> AsyncIterator[list[Context]]:
    """Two processes' connections, enough for everybody at once, each with its own idea of the rules."""
    doors = [replace(ctx, database=Database(url, pool_size=CONNECTIONS), rules=Rules()) for _ in range(2)]
    try:
        yield doors
    finally:
        for door in doors:
            await door.database.close()


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


async def with_bots(ctx: Context, folder: Path, names: list[str], *budgets: str) -> None:
    """Put the rules in force with a bot of each of these names."""
    entries = "".join(a_bot(*budgets, name=name)[1] for name in names)
    source = folder / "desk.yaml"
    source.write_text(source.read_text().replace(BEFORE, entries + BEFORE, 1))
    await install(ctx, folder, replace=True, by="ada")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_64_at_once_against_a_budget_of_10(
    new_database: NewDatabase, rings: KeyRings, rules_copy: Path, kind: Kind, record_property: Figure
) -> None:
    """Another bot asks as often as its own budget of that name allows, at the same time: all of that is admitted."""
    url = await new_database()
    async with without_temporal(url, rings) as world, two_doors(world.ctx, url) as doors:
        pairs = await with_pairs(world, rules_copy, kind, ROUNDS)
        begun = time.monotonic()
        for n, pair in enumerate(pairs):
            asks = all_asks(n, kind, *pair)
            answers = await asyncio.gather(*(_admit(doors[m % 2], *ask) for m, ask in enumerate(asks)))
            await agree(world, kind, pair, Counter(zip(asks, answers, strict=True)))
    record_property(
        "figure",
        f"{PARALLEL} at once against a budget of {AT_MOST} ({kind.name}): exactly {AT_MOST} admitted in each of "
        f"{ROUNDS} rounds, in {time.monotonic() - begun:.1f} s",
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_the_same_through_the_whole_service(world: World, rules_copy: Path, kind: Kind) -> None:
    """Once each: what reads on the fast path, what is held through its workflow."""
    (pair,) = await with_pairs(world, rules_copy, kind, 1)
    asks = all_asks(0, kind, *pair)
    answers = await asyncio.gather(*(_ask(world, *ask) for ask in asks))
    await agree(world, kind, pair, Counter(zip(asks, answers, strict=True)))
    await install(world.ctx, RULES, replace=True, by="ada")


async def with_pairs(world: World, folder: Path, kind: Kind, many: int) -> list[tuple[str, str]]:
    """For each round a bot and another, both with this budget: what a round leaves behind concerns no other."""
    run = uuid.uuid4().hex[:8]
    pairs = [(f"{kind.name}-{run}-{n}", f"{kind.name}-{run}-other-{n}") for n in range(many)]
    await with_bots(world.ctx, folder, [name for pair in pairs for name in pair], kind.budget)
    return pairs


def all_asks(n: int, kind: Kind, bot: str, other: str) -> list[tuple[str, str]]:
    """Who asks for what in a round, in an order that chance gives, the same in every run."""
    asks = [(bot, kind.action)] * PARALLEL + [(other, kind.action)] * AT_MOST
    asks += [(bot, "look.up")] * LOOKS if kind.name == "holds" else []
    random.Random(n).shuffle(asks)  # noqa: S311  not for secrets
    return asks


async def agree(world: World, kind: Kind, pair: tuple[str, str], told: Counter[tuple[tuple[str, str], str]]) -> None:
    """What all were told, and what is stored, is what the budget allows."""
    bot, other = pair
    expected = {((bot, kind.action), kind.admitted): AT_MOST, ((other, kind.action), kind.admitted): AT_MOST}
    expected[(bot, kind.action), "over-budget"] = PARALLEL - AT_MOST
    if kind.name == "holds":
        expected[(bot, "look.up"), "allow"] = LOOKS
    assert told == expected
    assert await _stored(world, bot, kind.action) == {"denied": PARALLEL - AT_MOST, kind.admitted: AT_MOST}
    assert await _stored(world, other, kind.action) == {kind.admitted: AT_MOST}


async def _admit(ctx: Context, bot: str, action: str) -> str:
    about = {"thing": uuid.uuid4().hex, "amount": EACH}
    ask, id_ = Ask("action", "bot", bot, None, action, about, on_behalf_of="customer:carl"), uuid.uuid4()
    admitted = await admit(ctx, id_, ask, waited=timedelta(0), fast=action == "look.up")
    return {"denied": "over-budget", "held": "hold", "executing": "allow"}[admitted.state.status]


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


@pytest.mark.usefixtures("patient")
async def test_budgets_and_windows_that_overlap_do_not_deadlock(
    new_database: NewDatabase, rings: KeyRings, rules_copy: Path, record_property: Figure
) -> None:
    """Each ask takes another few of nine locks, declared in any order; a window is shared by the bots."""
    source = rules_copy / "desk.yaml"
    source.write_text(source.read_text().replace("windows:\n", WINDOWS, 1))
    kinds = [(bot, action, mode) for bot in ("one", "two") for action in ("do.moderate", "do.high", "do.two")
             for mode in ("allow", "hold")]  # fmt: skip
    url = await new_database()
    async with without_temporal(url, rings) as world, two_doors(world.ctx, url) as doors:
        await with_bots(world.ctx, rules_copy, ["one", "two"], *BUDGETS)
        begun = time.monotonic()
        for n in range(OVERLAPS):
            asks = kinds * 3
            random.Random(n).shuffle(asks)  # noqa: S311  not for secrets
            await asyncio.gather(*(_admitted(doors[m % 2], *ask) for m, ask in enumerate(asks)))
        for bot, action, _ in kinds:
            assert await _stored(world, bot, action) == {"allow": 3 * OVERLAPS, "hold": 3 * OVERLAPS}
        record_property(
            "figure",
            f"budgets and windows that overlap: no deadlock in {OVERLAPS} rounds of {len(asks)} at once, in "
            f"{time.monotonic() - begun:.1f} s",
        )


async def _admitted(ctx: Context, bot: str, action: str, mode: str) -> None:
    """Admit one: whose locks are another's in the wrong order gets Unavailable, as PostgreSQL cuts a deadlock."""
    about = {"thing": uuid.uuid4().hex, "mode": mode, "amount": 1}
    ask = Ask("action", "bot", bot, None, action, about, on_behalf_of="customer:carl")
    await admit(ctx, uuid.uuid4(), ask, waited=timedelta(0))
