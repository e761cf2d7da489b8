"""Incidents under attack: items that nobody signed, signatures that are gone, rules that change, calls that cross."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from temporalio.client import Client

from app.db import incidents as db
from app.db.incident_tables import Incident
from app.domain.ask import Ask, loads
from app.domain.errors import Forbidden, InterlockError, NotFound, NotOpenToThis
from app.domain.outcome import Answer, Sent
from app.keys import KeyRings
from app.steps.admit import admit
from app.steps.finish import finish
from app.steps.incident_item import undo_id
from app.steps.incident_run import advance
from app.steps.start import start
from app.use_cases import act, incidents
from app.use_cases.services import Services, Waiters
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.properties.quiet import FAILED, Later, decided, ended, status
from tests.steps.conftest import rules
from tests.steps.incidents import HOUR, items, look, opened, patiently, undo_all
from tests.steps.words import SAID_503, admitted, change, id_of, sql, undo, vote
from tests.world import World, build_context
from workflows.contracts import Advanced

__all__ = ["rules"]

DAY = 24 * HOUR


@pytest.fixture(name="world", scope="module")
async def _world(database_url: str, rings: KeyRings, a_desk: Desk) -> AsyncIterator[World]:
    """Without Temporal or a worker: each step is taken by the test."""
    ctx = await build_context(database_url, rings, a_desk.url)
    services = Services(ctx, cast("Client", None), "nowhere", Waiters(), rings.tokens, ctx.issuer)
    yield World(ctx, services, rings, a_desk)
    await ctx.database.close()


def said(thing: str) -> Answer:
    """A good answer of the desk."""
    return Answer(Sent.SUCCEEDED, 200, {"done": thing}, None)


async def made(world: World, count: int = 2, action: str = "do.high", **more: str) -> list[View]:
    """Requests that have succeeded, the oldest first; dana approved them."""
    return [await ended(world, action, said("it"), **more) for _ in range(count)]


async def asked(world: World, chosen: list[View], who: str = "ivan", incident: Incident | None = None) -> View:
    """The rollback of an incident, of its own where none is named, admitted without a workflow."""
    incident = incident or await opened(world)
    about = {"id": str(incident.id), "requests": [one["id"] for one in chosen]}
    ask = Ask("incident_rollback", "person", who, None, "interlock.incidents.roll_back", {}, reason="x", incident=about)
    return await admitted(world, ask)


async def signed(world: World, chosen: list[View], *, by: tuple[str, ...] = ("rita",)) -> View:
    """One that was signed and runs: its items wait for their turn."""
    rollback = await asked(world, chosen)
    for who in by:
        await vote(world, who, rollback)
    await start(world.ctx, id_of(rollback), "one")
    assert await status(world, rollback) == "executing"
    return rollback


async def turn(world: World, rollback: View) -> list[View]:
    """The rollbacks whose turn it is, admitted."""
    return await admit_all(world, await advance(world.ctx, id_of(rollback)))


async def admit_all(world: World, told: Advanced) -> list[View]:
    for one in told.begin:
        assert one.ask is not None
        await admit(world.ctx, uuid.UUID(one.request_id), loads(one.ask), waited=HOUR)
    return [await world.look({"id": one.request_id}) for one in told.begin]


async def skipped(world: World, rollback: View) -> list[str | None]:
    return [known.item.skipped for known in await items(world, rollback)]


# What nobody has signed does not run.


async def test_an_item_that_was_not_signed_is_denied(world: World) -> None:
    one, other, third = await made(world, 3)
    rollback = await signed(world, [one, other])
    part = {"request": rollback["id"], "n": 1}
    ask = Ask("rollback", "person", "ivan", None, "undo.well", {}, reason="x", reverses=third["id"], part_of=part)
    id_ = undo_id(id_of(rollback), 1)
    await admit(world.ctx, id_, ask, waited=HOUR)
    assert (await world.look({"id": str(id_)}))["verdict"]["code"] == "not-signed"
    [newest, _] = (await world.look(rollback))["parameters"]["items"]
    under_another_id = replace(ask, reverses=newest["request"])
    assert (await admitted(world, under_another_id))["verdict"]["code"] == "not-signed"
    id_ = undo_id(id_of(rollback), 3)
    await admit(world.ctx, id_, replace(ask, part_of={**part, "n": 3}), waited=HOUR)
    assert (await world.look({"id": str(id_)}))["verdict"]["code"] == "not-signed"


async def test_nothing_of_a_rollback_that_was_not_signed_yet_runs(world: World) -> None:
    rollback = await asked(world, await made(world))
    assert (await advance(world.ctx, id_of(rollback))).done
    item = (await world.look(rollback))["parameters"]["items"][0]
    ask = Ask(
        "rollback", "person", "ivan", None, "undo.well", {}, reason="x", reverses=item["request"],
        part_of={"request": rollback["id"], "n": 1},
    )  # fmt: skip
    id_ = undo_id(id_of(rollback), 1)
    await admit(world.ctx, id_, ask, waited=HOUR)
    assert (await world.look({"id": str(id_)}))["status"] == "denied"


async def test_items_changed_behind_the_signature_are_not_run(world: World) -> None:
    rollback = await asked(world, await made(world))
    await vote(world, "rita", rollback)
    elsewhere = "replace(parameters::text, '-undone', '-elsewhere')::json"
    await sql(world, f"update request set parameters = {elsewhere} where id = :id", id=id_of(rollback))  # noqa: S608
    await start(world.ctx, id_of(rollback), "one")
    assert (await world.look(rollback))["ended_why"] == "digest-differs"


# Who signs, and who settles.


@pytest.mark.parametrize("who", ["dana", "ivan"])
async def test_who_approved_any_of_them_or_asks_does_not_sign(world: World, who: str) -> None:
    """Dana and Ivan are both in the group that signs."""
    rollback = await asked(world, await made(world))
    assert await decided(world, who, rollback) == "refused"
    assert await decided(world, "rita", rollback) == "record"


async def test_who_one_of_them_was_for_does_not_sign_the_rollback_of_all(world: World) -> None:
    originals = [*await made(world, 1), *await made(world, 1, behalf="customer:mia")]
    rollback = await asked(world, originals)
    assert await decided(world, "mia", rollback) == "refused"
    assert await decided(world, "mia", await asked(world, originals[:1])) == "record"


async def test_who_signed_for_all_settles_none(world: World, rules: Path) -> None:
    rollback = await signed(world, await made(world, 1, "do.grave"), by=("mia",))
    [one] = await turn(world, rollback)
    await start(world.ctx, id_of(one), "one")
    await finish(world.ctx, id_of(one), 1, "one", SAID_503)
    await advance(world.ctx, id_of(rollback))
    assert (await world.look(rollback))["execution"]["result"]["unknown"] == 1
    await sql(world, "update execution_attempt set started_at = started_at - interval '5 minutes'")
    await change(world, rules, "members: [ivan, nora], may", "members: [ivan, nora, mia, dana], may", "people.yaml")
    for who, invariant in (("mia", "stage-repeat"), ("ivan", "self-approval"), ("dana", "rollback-approver")):
        with pytest.raises(Forbidden) as error:
            await act.settle(world.services, world.person(who), id_of(one), status="succeeded", reason="I looked")
        assert invariant in {broken.invariant for broken in error.value.violations}


async def test_a_signature_of_who_has_left_since_lets_nothing_more_run(world: World, rules: Path) -> None:
    rollback = await signed(world, await made(world, 10))
    first = await turn(world, rollback)
    assert len(first) == 8
    for one in first:
        await start(world.ctx, id_of(one), "one")
    await change(world, rules, "members: [rita, dana, mia, ivan]", "members: [dana, mia, ivan]", "people.yaml")
    for one in first:
        await finish(world.ctx, id_of(one), 1, "one", said("it"))
    assert (await advance(world.ctx, id_of(rollback))).done
    assert await skipped(world, rollback) == [None] * 8 + ["stale-authority"] * 2
    assert (await world.look(rollback))["execution"]["result"]["succeeded"] == 8


# What has changed since.


async def test_what_the_rules_undo_otherwise_now_is_left_alone(world: World, rules: Path) -> None:
    rollback = await signed(world, await made(world, 1))
    await change(world, rules, 'parameters.thing + "-undone", "was"', 'parameters.thing + "-other", "was"')
    [one] = await turn(world, rollback)
    assert (one["status"], one["verdict"]["code"]) == ("denied", "not-reversible")
    assert (await advance(world.ctx, id_of(rollback))).done
    assert (await world.look(rollback))["status"] == "failed"


@pytest.mark.parametrize("when", ["before its turn", "before its start"])
async def test_rules_that_ask_for_more_than_was_signed_stop_an_item(world: World, rules: Path, when: str) -> None:
    rollback = await signed(world, await made(world, 1))
    stricter = (
        "undo: {stages: [{name: sign, group: signers, quorum: 1",
        "undo: {stages: [{name: sign, group: signers, quorum: 2",
    )
    if when == "before its turn":
        await change(world, rules, *stricter)
        [one] = await turn(world, rollback)
        assert (one["status"], one["verdict"]["code"]) == ("denied", "policy-stricter")
        return
    [one] = await turn(world, rollback)
    await change(world, rules, *stricter)
    await start(world.ctx, id_of(one), "one")
    seen = await world.look(one)
    assert (seen["status"], seen["ended_why"]) == ("revoked", "policy-stricter")


async def test_what_was_undone_alone_meanwhile_is_left_alone(world: World) -> None:
    one, other = await made(world)
    rollback = await signed(world, [one, other])
    alone = await undo(world, "nora", one)
    assert alone["status"] == "held"
    begun = {seen["reverses"]: seen for seen in await turn(world, rollback)}
    assert begun[one["id"]]["verdict"]["code"] == "rollback-exists"
    assert begun[other["id"]]["status"] == "approved"


async def test_a_signature_is_not_good_for_ever(world: World) -> None:
    rollback = await signed(world, await made(world, 10))
    first = await turn(world, rollback)
    tomorrow = replace(world.ctx, clock=Later(DAY + HOUR))
    await start(tomorrow, id_of(first[0]), "one")
    assert await status(world, first[0]) in ("lapsed", "revoked")
    told = await advance(tomorrow, id_of(rollback))
    assert told.begin == []
    assert await skipped(world, rollback) == [None] * 8 + ["too-late"] * 2


# What crosses.


async def started(world: World, ids: Sequence[uuid.UUID]) -> int:
    """How many of these have been started."""
    [(count,)] = await sql(world, "select count(*) from execution_attempt where request_id = any(:ids)", ids=list(ids))
    return int(count)


async def test_nothing_starts_once_pause_has_answered(world: World) -> None:
    """Eight items start as it is paused: whoever started did so before the answer."""
    for _ in range(5):
        originals = await made(world, 8)
        incident = await opened(world)
        about = {"id": str(incident.id), "requests": [one["id"] for one in originals]}
        ask = Ask("incident_rollback", "person", "ivan", None, "interlock.incidents.roll_back", {}, incident=about)
        rollback = await admitted(world, ask)
        await vote(world, "rita", rollback)
        await start(world.ctx, id_of(rollback), "one")
        begun = await turn(world, rollback)

        ids = [id_of(one) for one in begun]

        async def pause(id_: uuid.UUID = incident.id, of: Sequence[uuid.UUID] = ids) -> int:
            await incidents.pause(world.services, world.person("nora"), id_)
            return await started(world, of)

        starts = [start(world.ctx, id_, "one") for id_ in ids]
        at_answer, *_ = await asyncio.gather(pause(), *starts)
        assert await started(world, ids) == at_answer
        for id_ in ids:
            await start(world.ctx, id_, "one")
        assert await started(world, ids) == at_answer
        await incidents.go_on(world.services, world.person("nora"), incident.id)
        for one in begun:
            await start(world.ctx, id_of(one), "one")
            assert await status(world, one) == "executing"


async def test_pause_waits_for_who_is_about_to_start(world: World) -> None:
    """Who has looked, and commits the start later, does so before pause answers."""
    incident = await opened(world)
    rollback = await asked(world, await made(world, 1), incident=incident)
    await vote(world, "rita", rollback)
    await start(world.ctx, id_of(rollback), "one")
    async with world.ctx.database.transaction() as session:
        await db.share_items(session, id_of(rollback))
        pausing = asyncio.create_task(incidents.pause(world.services, world.person("nora"), incident.id))
        await waits(world, "advisory")
        assert not pausing.done()
    assert (await pausing).status == "paused"


async def waits(world: World, locktype: str) -> None:
    """Until somebody waits for such a lock."""
    query = "select count(*) from pg_locks where locktype = :locktype and not granted"
    async for attempt in patiently():
        with attempt:
            assert await sql(world, query, locktype=locktype) != [(0,)]


async def test_what_is_paused_starts_only_once_it_goes_on(world: World) -> None:
    incident = await opened(world)
    rollback = await asked(world, await made(world, 1), incident=incident)
    await vote(world, "rita", rollback)
    await start(world.ctx, id_of(rollback), "one")
    [one] = await turn(world, rollback)
    await incidents.pause(world.services, world.person("nora"), incident.id)
    assert (await start(world.ctx, id_of(one), "one")).state.blocked
    assert await status(world, one) == "approved"
    assert (await advance(world.ctx, id_of(rollback))).begin == []
    await incidents.go_on(world.services, world.person("ivan"), incident.id)
    await start(world.ctx, id_of(one), "one")
    assert await status(world, one) == "executing"


async def test_two_incidents_over_the_same_undo_each_once(world: World) -> None:
    originals = await made(world, 3)
    one, other = [await signed(world, originals) for _ in range(2)]
    begun = [await turn(world, one), await turn(world, other)]
    standing = [seen["reverses"] for of_one in begun for seen in of_one if seen["status"] == "approved"]
    assert sorted(standing) == sorted(original["id"] for original in originals)


async def test_a_closed_incident_runs_and_pauses_nothing(world: World) -> None:
    incident = await opened(world)
    ivan = world.person("ivan")
    await incidents.close(world.services, ivan, incident.id, "Nothing was wrong")
    for deed in (incidents.pause, incidents.go_on):
        with pytest.raises(NotOpenToThis):
            await deed(world.services, ivan, incident.id)
    await made(world, 1)
    with pytest.raises(NotOpenToThis):
        await undo_all(world, incident)
    assert (await look(world, incident)).status == "closed"


async def test_the_step_admits_nothing_of_a_closed_incident(world: World) -> None:
    """Closed after the use case has looked."""
    incident = await opened(world)
    await incidents.close(world.services, world.person("ivan"), incident.id, "Nothing was wrong")
    assert (await asked(world, await made(world, 1), incident=incident))["status"] == "denied"


async def test_the_step_admits_one_rollback_of_an_incident_at_a_time(world: World) -> None:
    incident, originals = await opened(world), await made(world)
    first = await asked(world, originals[:1], incident=incident)
    second = await asked(world, originals[1:], incident=incident)
    assert (first["status"], second["status"], second["verdict"]["code"]) == ("held", "denied", "rollback-exists")


async def test_the_incident_seat_of_one_bot_opens_none_of_two(world: World, rules: Path) -> None:
    other = "title: Another bot"
    source = (rules / "desk.yaml").read_text()
    before, after = source.split(other)
    after = after.replace(
        "    owners: *owners\n",
        "    owners: {business: olivia, security: sam, legal: lena, model_quality: max, incident: fiona,\n"
        "             rollback: rita, permissions: petra, exceptions: eve}\n",
        1,
    )
    (rules / "desk.yaml").write_text(before + other + after)
    await change(world, rules, "title: Another bot", "title: Another one")
    await opened(world, "fiona", bots=["other-bot"])
    for bots in (["bot", "other-bot"], ["bot"], []):
        with pytest.raises(Forbidden):
            await opened(world, "fiona", bots=bots)


@pytest.mark.parametrize(
    ("who", "told"), [("dana", NotFound), ("anya", Forbidden), ("olivia", Forbidden), ("rita", Forbidden)]
)
async def test_only_responders_open_pause_or_close(world: World, who: str, told: type[InterlockError]) -> None:
    """Who may not even see it learns nothing of it."""
    incident = await opened(world)
    stranger = world.person(who)
    for deed in (incidents.pause, incidents.go_on):
        with pytest.raises(told):
            await deed(world.services, stranger, incident.id)
    with pytest.raises(told):
        await incidents.close(world.services, stranger, incident.id, "x")
    with pytest.raises(told):
        await undo_all(world, incident, who)


async def test_all_means_what_has_not_failed(world: World) -> None:
    """What the target refused changed nothing, and a refusal to undo that would keep back what is older."""
    await sql(world, "update execution_attempt set started_at = started_at - interval '3 hours'")
    done = await made(world, 1, "do.grave")
    failed = await ended(world, "do.grave", FAILED)
    incident = await opened(world)
    about = {"id": str(incident.id), "requests": "all"}
    ask = Ask(
        "incident_rollback", "person", "ivan", None, "interlock.incidents.roll_back", {}, reason="x", incident=about
    )
    assert [item["request"] for item in (await admitted(world, ask))["parameters"]["items"]] == [done[0]["id"]]
    chosen = await asked(world, [*done, failed])
    assert len(chosen["parameters"]["items"]) == 2
