"""Attacks on upkeep and conflict keys: each test states what must hold."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import InterlockError, Misconfigured, Unavailable
from app.domain.outcome import Answer, Sent
from app.steps.finish import finish
from app.steps.start import start
from app.use_cases import temporal, upkeep
from app.use_cases.governance import install
from tests.steps.words import id_of, lost, sql, vote
from tests.world import RULES, World


async def test_one_nudge_that_fails_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = uuid.uuid4(), uuid.uuid4()
    nudged = []

    async def nudge(_services: Any, request_id: uuid.UUID) -> None:
        if request_id == bad:
            raise Unavailable("no answer")
        nudged.append(request_id)

    monkeypatch.setattr(temporal, "nudge", nudge)
    with suppress(InterlockError):
        await upkeep.Nudge(world.services).tell([bad, good])
    assert nudged == [good]


async def test_a_workflow_that_ends_while_it_is_taken_over_does_not_end_the_sweeper(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = await lost(world, "do.two")
    await sql(
        world, "update request set due_at = clock_timestamp() - interval '1 hour' where id = :id", id=id_of(shown)
    )

    async def gone(_services: Any, _request_id: uuid.UUID) -> None:
        raise temporal.WorkflowGone

    monkeypatch.setattr(temporal, "take_over", gone)
    await upkeep.sweep(world.services, timedelta(seconds=60))


async def test_people_do_not_change_without_an_entry(world: World, rules: Path) -> None:
    """The same rules, other people: who may decide has changed, in production and with no --replace."""
    ctx = replace(world.ctx, environment="production")
    people = (rules / "people.yaml").read_text()
    count = "select count(*) from entry where stream <> '' and stream not like 'request:%'"
    before = (await sql(world, count))[0][0]
    (rules / "people.yaml").write_text(people.replace(', subjects: ["customer:olivia"]', ""))
    with pytest.raises(Misconfigured):
        await install(ctx, rules, replace=False, by="ada")
    assert (await sql(world, "select count(*) from person_subject where person_id = 'olivia'"))[0][0] == 1
    await install(world.ctx, rules, replace=True, by="ada")
    assert (await sql(world, "select count(*) from person_subject where person_id = 'olivia'"))[0][0] == 0
    assert (await sql(world, count))[0][0] == before + 1
    await install(world.ctx, RULES, replace=True, by="ada")


async def test_a_request_that_steps_back_from_its_key_wakes_the_next(world: World) -> None:
    """Woken, but held again for a void vote: the next in line waits for nothing."""
    thing = uuid.uuid4().hex
    front, second, third = [await lost(world, "do.once", thing=thing) for _ in range(3)]
    for who, one in (("dana", front), ("marco", second), ("priya", third)):
        await vote(world, who, one)
    await start(world.ctx, id_of(front), "one")
    await start(world.ctx, id_of(third), "one")
    await finish(world.ctx, id_of(front), 1, "one", Answer(Sent.SUCCEEDED, 200, {}, None))
    await sql(world, "delete from outbox where request_id = :id and sink = 'nudge'", id=id_of(third))
    await sql(world, "update person set active = false where id = 'marco'")
    try:
        await start(world.ctx, id_of(second), "one")
    finally:
        await sql(world, "update person set active = true where id = 'marco'")
    assert (await world.look(second))["status"] == "held"
    woken = await sql(world, "select 1 from outbox where request_id = :id and sink = 'nudge'", id=id_of(third))
    assert woken
