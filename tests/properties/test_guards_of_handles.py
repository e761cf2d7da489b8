"""Each guard of what owners' workers run once, on the database alone: who gets the grant, and what if nobody did."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.outcome import Answer, Sent
from app.steps.context import Context
from app.steps.execution import Handover
from app.steps.fetch import fetch
from app.steps.finish import finish
from app.steps.start import start
from app.use_cases import stop
from app.use_cases.views import View
from tests.properties.quiet import SUCCEEDED, approved, later, status
from tests.steps.words import change, id_of, sql
from tests.world import World

pytestmark = pytest.mark.usefixtures("as_before")

UNCERTAIN = Answer(Sent.UNCERTAIN, None, None, {"status": None, "body": None, "reason": "it broke"})


async def handed(world: World, action: str = "do.handed") -> tuple[View, str]:
    """A request that was started, and the handle for its owner's worker."""
    shown = await approved(world, action)
    turn = await start(world.ctx, id_of(shown), "one")
    assert isinstance(turn.go, Handover)
    assert turn.go.parcel is not None
    return shown, turn.go.parcel.handle


async def got(ctx: Context, shown: View, handle: str, client: str = "desk") -> str | None:
    """The grant that is fetched so."""
    found = await fetch(ctx, id_of(shown), handle, client)
    return None if found is None else found.grant.token


async def outcomes(world: World, shown: View) -> list[str | None]:
    """What came of each attempt."""
    return [one["outcome"] for one in (await world.look(shown))["execution"]["attempts"]]


async def test_the_same_until_it_expires(world: World) -> None:
    """10 s to start in, 4 s to run, 5 s for the network."""
    shown, handle = await handed(world)
    first = await got(world.ctx, shown, handle)
    assert first is not None
    assert await got(later(world, timedelta(seconds=15)), shown, handle) == first
    assert await got(later(world, timedelta(seconds=20)), shown, handle) is None
    assert (await world.kinds(shown)).count("grant-fetched") == 1


async def test_only_by_its_own_handle(world: World) -> None:
    shown, _ = await handed(world)
    _, other = await handed(world)
    for handle in (other, "", "None"):
        assert await got(world.ctx, shown, handle) is None


async def test_only_by_a_client_of_its_target(world: World) -> None:
    shown, handle = await handed(world)
    assert await got(world.ctx, shown, handle, "yard") is None
    assert "grant-fetched" not in await world.kinds(shown)


async def test_not_after_the_time_to_start(world: World) -> None:
    shown, handle = await handed(world)
    assert await got(later(world, timedelta(seconds=11)), shown, handle) is None


async def test_not_once_its_attempt_is_over(world: World) -> None:
    shown, handle = await handed(world)
    await finish(world.ctx, id_of(shown), 1, "one", UNCERTAIN)
    assert await status(world, shown) == "executing"
    assert await got(world.ctx, shown, handle) is None


async def test_not_while_its_bot_is_stopped(world: World) -> None:
    shown, handle = await handed(world)
    await stop.suspend(world.services, world.person("ivan"), "bot", "It runs amok")
    assert await got(world.ctx, shown, handle) is None


async def test_not_what_the_catalogue_says_otherwise(world: World, rules_copy: Path) -> None:
    shown, handle = await handed(world)
    await change(world, rules_copy, "its owner's worker does", "nobody knew of", "queue.yaml")
    assert await got(world.ctx, shown, handle) is None


async def test_no_other_grant_than_that_of_the_start(world: World) -> None:
    """Keys were rotated since: what is minted now is another, and one is enough."""
    shown, handle = await handed(world)
    await sql(world, "update execution_attempt set grant_hash = 'sha256:0' where request_id = :id", id=id_of(shown))
    assert await got(world.ctx, shown, handle) is None


@pytest.mark.parametrize("answer", [UNCERTAIN, SUCCEEDED], ids=["uncertain", "succeeded"])
async def test_what_was_not_fetched_was_not_sent(world: World, answer: Answer) -> None:
    """Whatever somebody says in its name, and although it may not be repeated: it is begun anew."""
    shown, _ = await handed(world, "do.handed-once")
    turn = await finish(world.ctx, id_of(shown), 1, "one", answer)
    assert (await outcomes(world, shown), await status(world, shown)) == (["not-sent"], "executing")
    assert turn.wait is not None


async def test_what_was_fetched_may_have_been_done(world: World) -> None:
    shown, handle = await handed(world, "do.handed-once")
    assert await got(world.ctx, shown, handle) is not None
    await finish(world.ctx, id_of(shown), 1, "one", UNCERTAIN)
    assert (await outcomes(world, shown), await status(world, shown)) == (["uncertain"], "unknown")


async def test_what_was_fetched_and_done_is_done(world: World) -> None:
    shown, handle = await handed(world, "do.handed-once")
    assert await got(world.ctx, shown, handle) is not None
    await finish(world.ctx, id_of(shown), 1, "one", SUCCEEDED)
    assert (await outcomes(world, shown), await status(world, shown)) == (["succeeded"], "succeeded")


async def test_who_takes_over_looks_for_what_was_handed_over(world: World) -> None:
    """At once, and whether or not it may be repeated; from then on the outcome is theirs to record."""
    shown, handle = await handed(world, "do.handed-once")
    assert await got(world.ctx, shown, handle) is not None
    turn = await start(world.ctx, id_of(shown), "two")
    assert isinstance(turn.go, Handover)
    assert (turn.go.n, turn.go.parcel) == (1, None)
    await finish(world.ctx, id_of(shown), 1, "one", UNCERTAIN)
    assert await outcomes(world, shown) == [None]
    await finish(world.ctx, id_of(shown), 1, "two", SUCCEEDED)
    assert (await outcomes(world, shown), await status(world, shown)) == (["succeeded"], "succeeded")


async def test_each_attempt_has_a_key_of_its_own(world: World) -> None:
    shown, handle = await handed(world, "do.handed-once")
    first = await fetch(world.ctx, id_of(shown), handle, "desk")
    other, another = await handed(world, "do.handed-once")
    second = await fetch(world.ctx, id_of(other), another, "desk")
    assert first is not None
    assert second is not None
    assert first.answer_key != second.answer_key
