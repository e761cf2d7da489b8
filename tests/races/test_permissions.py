"""Asks at once against a standing permission: exactly as many are allowed as it has uses; and one revoked meanwhile.

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
from datetime import timedelta
from typing import Any

import pytest

from app.domain.ask import Ask
from app.keys import KeyRings
from app.steps.admit import Held, admit
from app.steps.context import Context
from app.steps.start import start
from app.use_cases import permissions
from tests.conftest import NewDatabase
from tests.races.racing import Figure
from tests.races.stopping import person, rounds, without_temporal
from tests.races.test_budgets import patient, two_doors
from tests.steps.standing import granted, uses
from tests.steps.words import id_of, lost, sql
from tests.world import World

__all__ = ["patient"]

ROUNDS, REVOKED = rounds(4, 50), rounds(4, 50)
PARALLEL, AT_MOST, EACH = 64, 10, 7
CONNECTIONS = (PARALLEL + 2) // 2

LIMITS: dict[str, dict[str, Any]] = {
    "uses": {"max_uses": AT_MOST},
    "total": {"max_uses": 1000, "max_total": {"parameter": "amount", "at_most": AT_MOST * EACH + EACH - 1}},
}


@asynccontextmanager
async def ground(new_database: NewDatabase, rings: KeyRings) -> AsyncIterator[tuple[World, list[Context]]]:
    """A world without Temporal, and two doors to its database."""
    url = await new_database()
    async with without_temporal(url, rings) as world, two_doors(world.ctx, url) as doors:
        yield world, doors


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("action", ["do.moderate", "look.up"])
async def test_64_at_once_against_ten(
    new_database: NewDatabase, rings: KeyRings, limit: str, action: str, record_property: Figure
) -> None:
    """Ten are allowed and counted, the others wait for people; on the fast path too."""
    async with ground(new_database, rings) as (world, doors):
        begun = time.monotonic()
        for _ in range(ROUNDS):
            permission = await granted(world, action=action, **LIMITS[limit])
            answers = await asyncio.gather(*(_admit(doors[n % 2], action) for n in range(PARALLEL)))
            assert Counter(answers) == {"allow": AT_MOST, "hold": PARALLEL - AT_MOST}
            assert await uses(world, permission) == (AT_MOST, AT_MOST * EACH if limit == "total" else 0)
            await _end_all(world)
    record_property(
        "figure",
        f"{PARALLEL} at once against a standing permission of {AT_MOST} ({limit}, {action}): exactly {AT_MOST} allowed "
        f"in each of {ROUNDS} rounds, in {time.monotonic() - begun:.1f} s",
    )


async def _end_all(world: World) -> None:
    await sql(world, "update standing_permission set revoked_at = clock_timestamp() where revoked_at is null")


async def _admit(ctx: Context, action: str) -> str:
    about = {"thing": uuid.uuid4().hex, "amount": EACH, **({"mode": "hold"} if action == "look.up" else {})}
    ask, id_ = Ask("action", "bot", "bot", None, action, about, on_behalf_of="customer:carl"), uuid.uuid4()
    try:
        admitted = await admit(ctx, id_, ask, waited=timedelta(0), fast=action == "look.up")
    except Held:
        return "hold"
    return {"held": "hold", "approved": "allow", "executing": "allow"}[admitted.state.status]


LATE = """select count(*) from execution_attempt a join request r on r.id = a.request_id
    join standing_permission p on p.id = (r.verdict ->> 'permission')::uuid where a.started_at >= p.revoked_at"""
UNDER = """select r.status, count(*) from request r where r.verdict ->> 'permission' = :id group by 1"""


@pytest.mark.usefixtures("patient")
async def test_revoked_while_it_is_used(new_database: NewDatabase, rings: KeyRings, record_property: Figure) -> None:
    """Whatever is asked and started at the same time: nothing has started after the moment that the answer tells."""
    seen: Counter[str] = Counter()
    async with ground(new_database, rings) as (world, doors):
        for n in range(REVOKED):
            seen += await _round(world, doors, n)
        assert (await sql(world, LATE))[0][0] == 0
    assert min(seen["allow"], seen["hold"], seen["executing"], seen["revoked"]) > 0, seen
    record_property("figure", f"revoked while it is used, {REVOKED} rounds, none started after: {dict(seen)}")


async def _round(world: World, doors: list[Context], n: int) -> Counter[str]:
    """Some are to be started, others are asked on the fast path, and one revokes, in an order that chance gives.

    Something is settled before the race, so that both ends are seen however fast the machine is: in even rounds one
    of each kind has been used, in odd ones a permission has been taken back.
    """
    looks, does = [await granted(world, action=action, max_uses=1000) for action in ("look.up", "do.moderate")]
    waiting = [await lost(world, "do.moderate") for _ in range(12)]
    using: list[Any] = [_admit(doors[m % 2], "look.up") for m in range(24)]
    using += [_start(doors[m % 2], id_of(shown)) for m, shown in enumerate(waiting)]
    revocations = [_revoke(world, who, permission) for who, permission in (("eve", looks), ("ivan", does))]
    first = [using.pop(0), using.pop()] if n % 2 == 0 else [revocations.pop(n // 2 % 2)]
    told: Counter[str] = Counter([await deed for deed in first])
    deeds = using + revocations
    random.Random(n).shuffle(deeds)  # noqa: S311  not for secrets
    told += Counter(await asyncio.gather(*deeds))
    assert told["allow"] == (await uses(world, looks))[0]
    assert await _admit(doors[0], "look.up") == await _admit(doors[1], "do.moderate") == "hold"
    assert dict(tuple(row) for row in await sql(world, UNDER, id=looks)).keys() <= {"executing"}
    started = Counter(dict(tuple(row) for row in await sql(world, UNDER, id=does)))
    assert started.keys() <= {"executing", "revoked"}
    return told + started


async def _start(ctx: Context, request_id: uuid.UUID) -> str:
    await start(ctx, request_id, "one")
    return "started"


async def _revoke(world: World, who: str, permission: str) -> str:
    """One by each: a person's calls take turns, and a turn is not waited for for ever."""
    shown = await permissions.revoke(world.services, person(who), uuid.UUID(permission), "Enough")
    assert shown["status"] == "revoked"
    return "told"
