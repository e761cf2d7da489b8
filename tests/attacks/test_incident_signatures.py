"""Incidents under attack: what was begun, and waits, when its signature, its incident or its original is another."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.ask import Ask
from app.steps.finish import finish
from app.steps.incident_run import advance
from app.steps.start import start
from app.use_cases import act, incidents
from app.use_cases.views import View
from tests.attacks.test_incidents import _world, asked, made, said, signed, skipped, turn
from tests.properties.quiet import ended, refused, status
from tests.steps.conftest import rules
from tests.steps.incidents import look, opened
from tests.steps.words import SAID_503, admitted, change, id_of, sql, vote
from tests.world import World

__all__ = ["_world", "rules"]


async def test_what_waits_begun_does_not_start_when_who_signed_has_left(world: World, rules: Path) -> None:
    """Its turn had come before, and it was paused; nobody looks at the signature again but its own start."""
    incident = await opened(world)
    rollback = await asked(world, await made(world, 1), incident=incident)
    await vote(world, "rita", rollback)
    await start(world.ctx, id_of(rollback), "one")
    [one] = await turn(world, rollback)
    nora = world.person("nora")
    await incidents.pause(world.services, nora, incident.id)
    assert (await start(world.ctx, id_of(one), "one")).state.blocked
    await change(world, rules, "members: [rita, dana, mia, ivan]", "members: [dana, mia, ivan]", "people.yaml")
    await incidents.go_on(world.services, nora, incident.id)
    assert (await start(world.ctx, id_of(one), "one")).go is None
    seen = await world.look(one)
    assert (seen["status"], seen["ended_why"]) == ("revoked", "stale-authority")


async def test_what_waits_begun_ends_with_its_incident(world: World) -> None:
    """Else its original can be undone by nobody, nor does the rollback end, until the signature's 24 hours are over."""
    incident = await opened(world)
    [original] = originals = await made(world, 1)
    rollback = await asked(world, originals, incident=incident)
    await vote(world, "rita", rollback)
    await start(world.ctx, id_of(rollback), "one")
    [one] = await turn(world, rollback)
    nora = world.person("nora")
    await incidents.pause(world.services, nora, incident.id)
    assert (await start(world.ctx, id_of(one), "one")).state.blocked
    await sql(world, "delete from outbox")
    await incidents.close(world.services, nora, incident.id, "It was right after all")
    woken = await sql(world, "select 1 from outbox where request_id = :id", id=id_of(one))
    assert woken
    assert (await start(world.ctx, id_of(one), "one")).go is None
    assert await status(world, one) == "revoked"
    assert (await advance(world.ctx, id_of(rollback))).done
    assert await status(world, rollback) == "failed"
    assert (await look(world, incident)).status == "closed"
    again = await asked(world, [original])
    assert again["status"] == "held"


@pytest.mark.parametrize("settled", ["failed", "succeeded"])
async def test_what_was_settled_since_the_signature_is_not_undone(world: World, settled: str) -> None:
    """Signed was to undo what may have happened. A rollback of its own would not start either."""
    original = await ended(world, "do.grave", SAID_503)
    assert original["status"] == "unknown"
    rollback = await signed(world, [original], by=("mia",))
    await sql(world, "update execution_attempt set started_at = started_at - interval '5 minutes'")
    for who in ("ivan", "nora"):
        await act.settle(world.services, world.person(who), id_of(original), status=settled, reason="I looked")
    assert await status(world, original) == settled
    [one] = await turn(world, rollback)
    assert (one["status"], one["verdict"]["code"]) == ("denied", "outcome-changed")
    assert (await advance(world.ctx, id_of(rollback))).done


async def test_what_was_begun_goes_on_while_all_stands(world: World) -> None:
    rollback = await signed(world, await made(world, 1))
    [one] = await turn(world, rollback)
    await start(world.ctx, id_of(one), "one")
    await finish(world.ctx, id_of(one), 1, "one", said("it"))
    assert (await advance(world.ctx, id_of(rollback))).done
    assert await skipped(world, rollback) == [None]
    done: View = await world.look(rollback)
    assert done["status"] == "succeeded"


async def test_of_several_bots_who_owns_one_signs_nothing(world: World, rules: Path) -> None:
    """Mia may sign rollbacks, and owns the other bot's business: she signs nothing high that it had a part in."""
    await change(world, rules, 'entitlements: ["do.moderate"]', 'entitlements: ["do.*"]')
    source = (rules / "desk.yaml").read_text()
    before, after = source.split("title: Another bot", 1)
    owners = "owners: {business: mia, security: sam, legal: lena, model_quality: max, incident: 'group:responders',\n"
    owners += "             rollback: rita, permissions: petra, exceptions: eve}"
    (rules / "desk.yaml").write_text(before + "title: Another bot" + after.replace("owners: *owners", owners, 1))
    await change(world, rules, "title: A bot", "title: One bot")
    mine = await made(world, 1)
    ask = Ask("action", "bot", "other-bot", "other-bot-client", "do.high", {"thing": "x"}, on_behalf_of="customer:carl")
    theirs = await admitted(world, ask)
    await vote(world, "dana", theirs)
    await start(world.ctx, id_of(theirs), "one")
    await finish(world.ctx, id_of(theirs), 1, "one", said("it"))
    incident = await opened(world, bots=["bot", "other-bot"])
    rollback = await asked(world, [*mine, theirs], incident=incident)
    assert (rollback["status"], rollback["bot"]) == ("held", None)
    assert "bot-owner" in await refused(world, "mia", rollback)
    await vote(world, "rita", rollback)
    await start(world.ctx, id_of(rollback), "one")
    begun = await turn(world, rollback)
    assert {one["bot"] for one in begun} == {"bot", "other-bot"}
    await world.suspend("ivan", "other-bot")
    for one in begun:
        await start(world.ctx, id_of(one), "one")
        await finish(world.ctx, id_of(one), 1, "one", said("it"))
    assert (await advance(world.ctx, id_of(rollback))).done
    assert await status(world, rollback) == "succeeded"
