"""What one caller can make Interlock keep for ever: each test states the bound that must hold."""

from __future__ import annotations

from typing import Any

from app.steps.tick import tick
from tests.api.conftest import Api
from tests.steps.words import id_of, sql
from tests.world import World

WINDOW_OVER = 'update request set execution = execution || \'{"window_ends": "2001-01-01T00:00:00Z"}\' where id = :id'
OUTCOME = {"status": "succeeded", "detail": None, "result": {"n": 1}}


async def attempts_on(world: World, shown: dict[str, Any]) -> int:
    found = await sql(world, "select count(*) from attempt where request_id = :id", id=id_of(shown))
    return int(found[0][0])


async def lapsed(api: Api) -> dict[str, Any]:
    """A read that its bot did not report in time."""
    shown: dict[str, Any] = (await api.ask("look.briefly", on_behalf_of=None)).json()
    await sql(api.world, WINDOW_OVER, id=id_of(shown))
    await tick(api.world.ctx, id_of(shown))
    return shown


async def test_a_late_outcome_that_is_said_again_is_one_entry(api: Api) -> None:
    """The ledger is append-only: what a bot repeats must not grow it, 64 KiB a call, without an end."""
    shown = await lapsed(api)
    for _ in range(5):
        await api.post(shown, "outcome", OUTCOME, api.client())
    assert (await api.world.kinds(shown)).count("late-outcome") == 1


async def test_late_outcomes_that_differ_are_limited(api: Api) -> None:
    shown = await lapsed(api)
    for n in range(40):
        await api.post(shown, "outcome", OUTCOME | {"result": {"n": n}}, api.client())
    assert (await api.world.kinds(shown)).count("late-outcome") <= 20


async def test_an_outcome_that_stands_is_not_kept_again(api: Api) -> None:
    shown = (await api.ask("look.up", on_behalf_of=None)).json()
    for _ in range(5):
        assert (await api.post(shown, "outcome", OUTCOME, api.client())).status_code == 200
    assert await attempts_on(api.world, shown) == 1


async def test_a_cancel_that_stands_is_not_kept_again(api: Api) -> None:
    shown = (await api.ask()).json()
    for _ in range(5):
        assert (await api.post(shown, "cancel", {"reason": "x" * 2000}, api.client())).status_code == 200
    assert await attempts_on(api.world, shown) == 1


async def test_a_grant_that_is_fetched_again_keeps_nothing(api: Api) -> None:
    shown = (await api.ask("look.up", on_behalf_of=None)).json()
    for _ in range(5):
        assert (await api.post(shown, "grant", {}, api.client())).status_code == 200
    assert await attempts_on(api.world, shown) == 0


async def test_a_decision_that_stands_is_not_kept_again(api: Api) -> None:
    shown = (await api.ask("do.two")).json()
    body = {"decision": "approve", "reason": "x" * 2000, "digest": shown["digest"]}
    for _ in range(5):
        assert (await api.post(shown, "decisions", body, api.person("dana"))).status_code == 200
    assert await attempts_on(api.world, shown) == 1


async def test_what_is_refused_too_often_is_not_kept(api: Api) -> None:
    """A 429 must cost its caller more than it costs the database."""
    shown = (await api.ask()).json()
    body = {"decision": "deny", "reason": "x" * 2000, "digest": shown["digest"]}
    answers = [(await api.post(shown, "decisions", body, api.person("zoe"))).status_code for _ in range(40)]
    assert answers[-1] == 429
    assert await attempts_on(api.world, shown) <= 20


async def test_strangers_do_not_write_on_requests(api: Api) -> None:
    """Each account of an issuer is a row of its own and an entry of its own: nobody counts them together."""
    shown = (await api.ask()).json()
    before = len(await api.world.kinds(shown))
    body = {"decision": "deny", "reason": "x", "digest": "sha256:0"}
    for n in range(60):
        await api.post(shown, "decisions", body, api.person(f"stranger-{n}"))
    assert len(await api.world.kinds(shown)) - before <= 20
