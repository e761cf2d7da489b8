"""Each guard of what a bot runs itself and that changes something, on the database alone."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt

from app.db import requests
from app.domain.errors import GovernanceInvalid, NotOpenToThis, TooEarly
from app.grants.keys import LiveKeys
from app.grants.rotation import PUBLISHED_FOR, Change, advance, alone, put, ring_file, staged
from app.grants.rotation import replace as replace_ring
from app.keys import create_missing, grants_ring
from app.steps.execution import Go
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act, submit
from app.use_cases.services import Services
from app.use_cases.views import View
from tests.grants.test_keys import Hands
from tests.properties.quiet import approved, later, signed, status
from tests.steps.words import change, id_of, lost, sql, undo
from tests.world import World

pytestmark = pytest.mark.usefixtures("as_before")

ACTION = "do.itself"
GRANT, OVER = timedelta(seconds=119), timedelta(seconds=152)
"""While a grant lives; and when nothing of it can be on its way."""


async def begun(world: World, **more: Any) -> View:
    """Allowed at once: the bot has the grant."""
    shown = await world.ask(ACTION, parameters={"mode": "allow"}, **more)
    assert shown["status"] == "executing"
    return shown


async def grant(world: World, shown: View, services: Services | None = None) -> dict[str, str]:
    return await act.grant(services or world.services, world.bot(), id_of(shown))


async def report(world: World, shown: View, said: str = "succeeded", services: Services | None = None) -> View:
    given: dict[str, Any] = {"status": said, "detail": None, "result": {"done": "so"}}
    return await act.report(services or world.services, world.bot(), id_of(shown), **given)


def at(world: World, span: timedelta) -> Services:
    """The use cases some time ahead."""
    return replace(world.services, ctx=later(world, span))


async def holds(world: World, shown: View) -> list[bool]:
    found = await sql(
        world, "select holds_key from execution_attempt where request_id = :id order by n", id=id_of(shown)
    )
    return [row[0] for row in found]


async def unreported(world: World) -> View:
    """It was started, and the bot never said what came of it."""
    shown = await begun(world)
    await tick(later(world, OVER), id_of(shown))
    assert await status(world, shown) == "unknown"
    return shown


async def test_allowed_at_once_it_starts_under_a_grant_that_comes_once(world: World) -> None:
    key, body = uuid.uuid4().hex, {"action": ACTION, "on_behalf_of": "customer:carl", "context": {}}
    body["parameters"] = {"thing": uuid.uuid4().hex, "mode": "allow"}
    first = await submit.submit(world.services, world.bot(), key, body)
    again = await submit.submit(world.services, world.bot(), key, body)
    assert (first.created, again.created, again.view.get("grant")) == (True, False, None)
    assert await grant(world, first.view) == first.view["grant"] == await grant(world, first.view)
    token = first.view["grant"]["grant"]
    claims = jwt.decode(token, world.rings.grants.current_key, algorithms=["Ed25519"]).claims
    assert (claims["sub"], claims["act"], claims["aud"]) == ("customer:carl", {"sub": "bot:bot"}, "https://desk.test")
    assert claims["exp"] - claims["iat"] == 120
    done = await report(world, first.view)
    assert (done["status"], await holds(world, first.view)) == ("succeeded", [False])
    with pytest.raises(NotOpenToThis, match="it is succeeded"):
        await grant(world, first.view)


async def test_held_it_waits_for_people_and_then_for_the_bot(world: World) -> None:
    shown = await lost(world, ACTION)
    with pytest.raises(NotOpenToThis, match="it is held"):
        await grant(world, shown)
    await signed(world, "dana", shown)
    await sql(world, "update request set has_workflow = false where id = :id", id=id_of(shown))
    assert (await start(world.ctx, id_of(shown), "a worker")).go is None
    given = await grant(world, shown)
    assert await grant(world, shown) == given
    assert [one.n for one in await tries(world, shown)] == [1]
    assert (await report(world, shown, "failed"))["status"] == "failed"


async def tries(world: World, shown: View) -> list[Any]:
    async with world.ctx.database.transaction() as session:
        return list(await requests.execution_attempts(session, id_of(shown)))


async def test_asked_for_many_times_at_once_it_is_one_grant_and_one_start(world: World) -> None:
    shown = await approved(world, ACTION)
    await sql(world, "update request set has_workflow = false where id = :id", id=id_of(shown))
    given = await asyncio.gather(*(grant(world, shown) for _ in range(8)))
    assert len({one["grant"] for one in given}) == 1
    assert len(await tries(world, shown)) == 1
    assert (await world.kinds(shown)).count("started") == 1


async def test_not_started_in_its_window_it_lapses(world: World) -> None:
    """Of an allowed one that is the action's; a grant is not to be had any more."""
    front = await begun(world)
    shown = await world.ask(ACTION, thing=front["parameters"]["thing"], parameters={"mode": "allow"})
    assert (shown["status"], shown["grant"]) == ("approved", None)
    with pytest.raises(NotOpenToThis, match="it is lapsed"):
        await grant(world, shown, at(world, timedelta(seconds=61)))
    assert await status(world, shown) == "lapsed"


async def test_what_is_blocked_is_said_so_and_started_when_the_key_is_free(world: World) -> None:
    front = await begun(world)
    shown = await world.ask(ACTION, thing=front["parameters"]["thing"], parameters={"mode": "allow"})
    for _ in range(3):
        with pytest.raises(NotOpenToThis, match=r"is taken: .* Ask for the grant again in a few seconds") as caught:
            await grant(world, shown)
        assert caught.value.status == "approved"
    [[asked]] = await sql(world, "select count(*) from attempt where request_id = :id", id=id_of(shown))
    assert asked == 0, "each try would be kept"
    await report(world, front)
    given = await grant(world, shown)
    assert await status(world, shown) == "executing"
    assert given == await grant(world, shown)


async def test_what_waits_for_people_to_settle_is_said_so(world: World) -> None:
    """Approved before the outcome of the one in front became unknown."""
    front = await begun(world)
    shown = await world.ask(ACTION, thing=front["parameters"]["thing"], parameters={"mode": "allow"})
    await sql(world, WINDOW_OVER, id=id_of(front))
    await tick(world.ctx, id_of(front))
    with pytest.raises(NotOpenToThis, match=r"nobody knows what came of another .* when people have settled that"):
        await grant(world, shown)


async def test_one_at_a_time_though_both_were_told_that_the_key_is_free(world: World) -> None:
    """The look beforehand is a courtesy: the step looks again, under the lock of the key."""
    front = await approved(world, ACTION)
    shown = await approved(world, ACTION, thing=front["parameters"]["thing"])
    await sql(
        world, "update request set has_workflow = false where id in (:one, :two)", one=id_of(front), two=id_of(shown)
    )
    given = await asyncio.gather(grant(world, front), grant(world, shown), return_exceptions=True)
    assert sorted(isinstance(one, NotOpenToThis) for one in given) == [False, True]


async def test_never_reported_it_is_unknown_and_keeps_its_key(world: World) -> None:
    shown = await unreported(world)
    seen = await world.look(shown)
    assert (seen["ended_why"], seen["execution"]["status"]) == ("not-reported", "unknown")
    assert await holds(world, shown) == [True]
    other = await lost(world, ACTION, "allow", thing=shown["parameters"]["thing"])
    assert (other["status"], other["verdict"]["code"]) == ("denied", "conflict")


async def test_nothing_is_called_not_reported_while_the_grant_may_be_used(world: World) -> None:
    """Though its action gives it a minute."""
    shown = await begun(world)
    await tick(later(world, GRANT), id_of(shown))
    await tick(later(world, timedelta(seconds=121)), id_of(shown))
    assert await status(world, shown) == "executing"
    assert (await grant(world, shown, at(world, timedelta(seconds=110)))) == shown["grant"]
    with pytest.raises(NotOpenToThis, match=r"has expired\. Say what came of it by"):
        await grant(world, shown, at(world, timedelta(seconds=121)))
    assert (await report(world, shown, services=at(world, timedelta(seconds=140))))["status"] == "succeeded"


async def test_a_report_that_comes_too_late_is_an_entry_and_no_move(world: World) -> None:
    shown = await unreported(world)
    before = len(await world.kinds(shown))
    for _ in range(2):
        with pytest.raises(NotOpenToThis, match="it is unknown"):
            await report(world, shown)
    assert (await world.kinds(shown))[before:] == ["late-outcome"]
    assert (await status(world, shown), await holds(world, shown)) == ("unknown", [True])


async def test_people_settle_it_not_before_its_grant_is_over(world: World) -> None:
    shown = await begun(world)
    await sql(world, WINDOW_OVER, id=id_of(shown))
    await tick(world.ctx, id_of(shown))
    assert await status(world, shown) == "unknown"
    for early in (timedelta(seconds=61), GRANT):
        with pytest.raises(TooEarly, match="It may still be on its way"):
            await settle(world, shown, at(world, early))
    assert (await settle(world, shown, at(world, OVER)))["status"] == "failed"
    assert await holds(world, shown) == [False]


WINDOW_OVER = 'update request set execution = execution || \'{"window_ends": "2001-01-01T00:00:00Z"}\' where id = :id'


async def settle(world: World, shown: View, services: Services) -> View:
    seen, done = await act.settle(services, world.person("ivan"), id_of(shown), status="failed", reason="looked")
    assert done
    return seen


@pytest.mark.parametrize("said", ["succeeded", None], ids=["reported", "unknown"])
async def test_it_is_undone_by_interlock_and_not_while_its_grant_may_be_used(world: World, said: str | None) -> None:
    """What a bot has reported is its word: it could call again, after the undoing."""
    shown = await begun(world)
    if said is None:
        await sql(world, WINDOW_OVER, id=id_of(shown))
        await tick(world.ctx, id_of(shown))
    else:
        await report(world, shown, said)
    undoing = await undo(world, "ivan", shown)
    await signed(world, "rita", undoing)
    turn = await start(later(world, GRANT), id_of(undoing), "one")
    assert (turn.go, turn.state.blocked) == (None, True)
    turn = await start(later(world, OVER), id_of(undoing), "one")
    assert isinstance(turn.go, Go)
    assert turn.go.url.endswith("/undo")
    assert (await holds(world, shown), await holds(world, undoing)) == ([False], [True])


async def test_a_stop_lists_what_was_handed_out_and_hands_out_nothing_again(world: World) -> None:
    shown, waiting = await begun(world), await approved(world, ACTION)
    stopped = await world.suspend()
    flying = [(one["request_id"], one["attempt"], one["action"]) for one in stopped["in_flight"]]
    assert (shown["id"], 1, ACTION) in flying
    with pytest.raises(NotOpenToThis, match="its bot was stopped"):
        await grant(world, shown)
    with pytest.raises(NotOpenToThis, match="it is revoked"):
        await grant(world, waiting)
    assert (await report(world, shown))["status"] == "succeeded"


async def test_a_bot_does_not_run_what_undoes(world: World, rules_copy: Path) -> None:
    """Interlock must be able to undo it, whatever has become of the bot."""
    undoing = "run: {http: {target: desk, path: /undo, method: POST, idempotent: true, timeout: 5s}}"
    with pytest.raises(GovernanceInvalid) as caught:
        await change(world, rules_copy, undoing, "run: {bot: {target: desk}}")
    found = [one for one in caught.value.findings if one.where == "desk.yaml: actions[do.itself].rollback.action"]
    assert [one.what for one in found] == ["undo.well is run by a bot; Interlock must be able to run a rollback itself"]


@pytest.fixture
def turning(world: World, tmp_path: Path) -> Turning:
    """A ring of its own that rotates under the use cases."""
    create_missing(tmp_path)
    hands = Hands()
    ctx = replace(world.ctx, grant_keys=LiveKeys(tmp_path, grants_ring(tmp_path), ticks=hands.ticks))
    return Turning(tmp_path, hands, replace(world, ctx=ctx, services=replace(world.services, ctx=ctx)))


@dataclass(frozen=True, slots=True)
class Turning:
    """A world with a ring of its own."""

    keys: Path
    hands: Hands
    world: World

    def put(self, change: Change) -> dict[str, Any]:
        """Another ring is in the file, and a second later the process looks at it; its keys."""
        with alone(self.keys), staged(self.keys, change) as written:
            put(self.keys, written)
        self.hands.go(1)
        return change.kids


async def test_a_rotation_does_not_take_away_what_was_handed_out(turning: Turning) -> None:
    world = turning.world
    shown = await begun(world)
    kids = turning.put(advance(ring_file(turning.keys), datetime.now(UTC) + PUBLISHED_FOR))
    assert world.ctx.grants.current == kids["current"]
    assert await grant(world, shown) == shown["grant"]
    [tried] = await tries(world, shown)
    assert kids["previous"] == [tried.grant_kid]
    [other] = await tries(world, await begun(world))
    assert other.grant_kid == kids["current"]


async def test_what_a_key_signed_that_was_put_away_is_not_handed_out_again(turning: Turning) -> None:
    world = turning.world
    shown = await begun(world)
    turning.put(replace_ring(turning.keys, datetime.now(UTC)))
    with pytest.raises(NotOpenToThis, match="the key that signed it was removed"):
        await grant(world, shown)
    assert (await report(world, shown))["status"] == "succeeded"
