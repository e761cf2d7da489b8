"""Attacks on the gate: each test states what must hold."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.ask import Ask
from app.domain.errors import Conflict, Forbidden, InterlockError, Malformed, Misconfigured, NotOpenToThis, Unavailable
from app.domain.outcome import Answer, Sent
from app.domain.request import Level
from app.domain.subjects import subject
from app.steps import judge
from app.steps.admit import admit
from app.steps.finish import finish
from app.steps.scene import scene
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act, attempts, submit, temporal, upkeep
from app.use_cases.actors import Actor
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.world import RULES, World


@pytest.fixture
async def rules(world: World, rules_copy: Path) -> AsyncIterator[Path]:
    """A copy of the rules to change and install; the usual ones are in force again afterwards."""
    yield rules_copy
    await install(world.ctx, RULES, replace=True, by="ada")


async def change(world: World, folder: Path, old: str, new: str, file: str = "desk.yaml") -> None:
    """Put other rules in force."""
    source = (folder / file).read_text()
    assert old in source
    (folder / file).write_text(source.replace(old, new))
    await install(world.ctx, folder, replace=True, by="ada")


async def sql(world: World, statement: str, **values: Any) -> list[Any]:
    """Straight on the database."""
    async with world.ctx.database.transaction() as session:
        done: Any = await session.execute(text(statement), values)
        return list(done.all()) if done.returns_rows else []


async def lost(world: World, action: str, mode: str | None = None, **parameters: Any) -> View:
    """A request that was admitted and whose workflow Temporal has lost."""
    given = {"thing": uuid.uuid4().hex, **({"mode": mode} if mode else {}), **parameters}
    ask = Ask("action", "bot", "bot", "bot-client", action, given, on_behalf_of="customer:carl")
    id_ = uuid.uuid4()
    await admit(world.ctx, id_, ask, waited=timedelta(0))
    return await world.look({"id": str(id_)})


async def vote(world: World, who: str, shown: View) -> None:
    """A recorded approval, without a workflow."""
    async with scene(world.ctx, uuid.UUID(shown["id"])) as found:
        body = {"decision": "approve", "reason": "because", "digest": shown["digest"]}
        attempt = await attempts.store(found, world.person(who), "decide", None, body)
    await judge.decide(world.ctx, uuid.UUID(shown["id"]), attempt.id)


def id_of(shown: View) -> uuid.UUID:
    return uuid.UUID(shown["id"])


SAID_503 = Answer(Sent.UNCERTAIN, 503, None, {"status": 503, "body": None})
NOT_SENT = Answer(Sent.NOT_SENT, None, None, {"status": None, "body": None, "reason": "refused"})


# ------------------------------------------------------------------------------------------------ execution


async def test_what_may_have_happened_is_not_failed_because_later_tries_were_not_sent(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", SAID_503)
    await sql(world, "update execution_attempt set started_at = started_at - interval '1 minute'")
    for n in (2, 3):
        assert (await start(world.ctx, id_of(shown), "one")).go is not None
        await finish(world.ctx, id_of(shown), n, "one", NOT_SENT)
    assert (await world.look(shown))["status"] == "unknown"


async def test_a_refusal_of_the_second_try_says_nothing_of_the_first(world: World) -> None:
    """401: say, the grant of the second try was not taken. The first try may have acted all the same."""
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", SAID_503)
    await sql(world, "update execution_attempt set started_at = started_at - interval '1 minute'")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 2, "one", Answer(Sent.FAILED, 401, None, {"status": 401, "body": None}))
    assert (await world.look(shown))["status"] == "unknown"


async def test_nothing_is_sent_for_the_first_time_after_expires_at(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", NOT_SENT)
    await sql(world, "update request set expires_at = clock_timestamp() where id = :id", id=id_of(shown))
    assert (await start(world.ctx, id_of(shown), "one")).go is None


async def test_what_is_sent_again_is_still_what_was_approved(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", NOT_SENT)
    await sql(
        world, "update request set parameters = replace(parameters, 'allow', 'other') where id = :id", id=id_of(shown)
    )
    assert (await start(world.ctx, id_of(shown), "one")).go is None


async def test_a_stop_between_two_tries_ends_it(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", NOT_SENT)
    await sql(world, "update bot set stop_epoch = stop_epoch + 1 where id = 'bot'")
    assert (await start(world.ctx, id_of(shown), "one")).go is None
    assert (await world.look(shown))["status"] == "failed"


# ------------------------------------------------------------------------------------------------ takeover


@pytest.fixture
def slow_takeover(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """The new workflow is quicker than whoever started it."""
    original = temporal.take_over

    async def take_over(services: Any, request_id: uuid.UUID) -> None:
        await original(services, request_id)
        await world.until({"id": str(request_id)}, "succeeded", "failed", "cancelled", "denied")

    monkeypatch.setattr(temporal, "take_over", take_over)


@pytest.mark.usefixtures("slow_takeover")
async def test_cancelling_an_approved_row_that_lost_its_workflow_does_not_execute_it(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    with suppress(Exception):
        await act.cancel(world.services, world.bot(), id_of(shown), "changed their mind")
    assert world.desk.seen[shown["parameters"]["thing"]] == []
    assert (await world.look(shown))["status"] == "cancelled"


async def test_cancelling_an_approved_row_that_lost_its_workflow_wins_the_race_it_starts(world: World) -> None:
    for _ in range(5):
        shown = await lost(world, "do.moderate", "allow")
        with suppress(InterlockError):
            await act.cancel(world.services, world.bot(), id_of(shown), "changed their mind")
        assert (await world.look(shown))["status"] == "cancelled"


@pytest.mark.usefixtures("slow_takeover")
async def test_a_cancel_of_what_nobody_looks_after_counts_at_once(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    assert (await act.cancel(world.services, world.bot(), id_of(shown), None))["status"] == "cancelled"
    assert world.desk.seen[shown["parameters"]["thing"]] == []


@pytest.mark.usefixtures("slow_takeover")
async def test_a_withdrawal_on_a_lost_workflow_does_not_execute(world: World) -> None:
    shown = await lost(world, "do.moderate")
    await vote(world, "dana", shown)
    assert (await world.look(shown))["status"] == "approved"
    with suppress(Exception):
        await world.say("dana", shown, "deny")
    assert world.desk.seen[shown["parameters"]["thing"]] == []
    assert (await world.look(shown))["status"] == "denied"


# ------------------------------------------------------------------------------------------------ fast path


async def test_the_same_fast_ask_at_once_is_one_request(world: World) -> None:
    key, thing = uuid.uuid4().hex, uuid.uuid4().hex
    body = {"action": "look.up", "parameters": {"thing": thing}, "context": {}}
    answers = await asyncio.gather(
        *(submit.submit(world.services, world.bot(), key, body) for _ in range(6)), return_exceptions=True
    )
    assert [answer for answer in answers if isinstance(answer, BaseException)] == []


async def test_a_stopped_bot_is_handed_no_grant_again(world: World) -> None:
    shown = await world.ask("look.up")
    await sql(world, "update bot set stop_epoch = stop_epoch + 1, suspended_at = clock_timestamp() where id = 'bot'")
    try:
        with pytest.raises(InterlockError):
            await act.grant(world.services, world.bot(), id_of(shown))
    finally:
        await sql(world, "update bot set suspended_at = null where id = 'bot'")


async def test_another_outcome_of_the_same_status_is_another_outcome(world: World) -> None:
    shown = await world.ask("look.up")
    report: dict[str, Any] = {"status": "succeeded", "detail": None}
    await act.report(world.services, world.bot(), id_of(shown), **report, result={"found": 1})
    with pytest.raises(Conflict):
        await act.report(world.services, world.bot(), id_of(shown), **report, result={"found": 2})


WINDOW_OVER = 'update request set execution = execution || \'{"window_ends": "2001-01-01T00:00:00Z"}\' where id = :id'


async def test_an_outcome_that_comes_after_the_lapse_leaves_an_entry(world: World) -> None:
    shown = await world.ask("look.briefly", on_behalf_of=None)
    await sql(world, WINDOW_OVER, id=id_of(shown))
    await tick(world.ctx, id_of(shown))
    assert (await world.look(shown))["status"] == "lapsed"
    before = await world.kinds(shown)
    with pytest.raises(NotOpenToThis):
        await act.report(world.services, world.bot(), id_of(shown), status="succeeded", detail=None, result={"n": 1})
    assert len(await world.kinds(shown)) > len(before)


async def test_the_execution_of_a_lapsed_read_is_not_shown_as_going_on(world: World) -> None:
    shown = await world.ask("look.briefly", on_behalf_of=None)
    await sql(world, WINDOW_OVER, id=id_of(shown))
    await tick(world.ctx, id_of(shown))
    assert (await world.look(shown))["execution"]["status"] != "executing"


async def test_a_blocked_start_of_the_bot_is_not_looked_at_every_second(world: World, rules: Path) -> None:
    """Its conflict key is taken: once a minute has gone by, the workflow ticks once a second until expiry."""
    await change(
        world,
        rules,
        "    parameters: *thing\n    run: {bot: {target: desk, start_within: 10m}}",
        "    parameters: *thing\n    conflict_key: parameters.thing\n    run: {bot: {target: desk, start_within: 10m}}",
    )
    thing = uuid.uuid4().hex
    front = await world.ask("look.up", thing=thing)
    assert front["status"] == "executing"
    shown = await world.ask("look.up", thing=thing, parameters={"mode": "hold"})
    await world.say("dana", shown)
    with pytest.raises(NotOpenToThis):
        await act.grant(world.services, world.bot(), id_of(shown))
    await sql(
        world, "update request set due_at = clock_timestamp() - interval '1 second' where id = :id", id=id_of(shown)
    )
    state = await tick(world.ctx, id_of(shown))
    assert (state.status, state.blocked) == ("approved", True)
    assert state.due_in is not None
    assert state.due_in > 1


# ------------------------------------------------------------------------------------------------ deciding


async def test_whom_the_plan_lets_repeat_can_sign_the_next_stage(world: World, rules: Path) -> None:
    await change(world, rules, "  stages:\n    stages:\n", "  stages:\n    allow_repeat: true\n    stages:\n")
    shown = await world.ask("do.stages")
    await world.say("dana", shown)
    assert (await world.look(shown))["may_decide"] == ["dana", "felix", "fiona"]
    after = await world.say("dana", shown)
    assert after["plan"]["stages"][1]["approvals"] == 1


async def test_the_owner_of_the_bot_stays_its_owner_when_the_action_names_another(world: World, rules: Path) -> None:
    await change(
        world,
        rules,
        "    title: Something high\n    risk: high",
        "    title: Something high\n    owners: {business: zoe}\n    risk: high",
    )
    shown = await world.ask("do.high")
    with pytest.raises(Forbidden) as caught:
        await world.say("olivia", shown)
    assert [v.invariant for v in caught.value.violations] == ["bot-owner"]


async def test_a_reason_of_blanks_is_none(world: World) -> None:
    shown = await world.ask("do.stages")
    await world.say("dana", shown)
    with pytest.raises(Malformed):
        await world.say("fiona", shown, reason="   ")


async def test_an_account_that_was_linked_meanwhile_may_use_its_key_again(world: World) -> None:
    shown = await world.ask("do.two")
    account = "oidc:https://id.test#newcomer"
    with pytest.raises(Forbidden):
        await world.say(Actor("unlinked", None, account, Level.LOGIN), shown, key="k1")
    with suppress(InterlockError):
        await world.say(Actor("person", "dana", account, Level.LOGIN), shown, key="k1")


async def test_a_scheme_is_ascii() -> None:
    for spelled in ("cu\u017ftomer:olivia", "\u212austomer:x"):
        with pytest.raises(ValueError, match="not a subject"):
            subject(spelled)


async def test_a_read_between_does_not_launder_a_chain(world: World) -> None:
    grave = await world.ask("do.grave")
    read = await world.ask("look.up", parent=grave["id"])
    child = await world.ask("do.moderate", parent=read["id"], parameters={"mode": "allow"})
    assert (child["status"], child["risk"], child["reversibility"]) == ("held", "high", "irreversible")


# ------------------------------------------------------------------------------------------------ newer rules


async def test_who_came_into_a_group_later_does_not_decide_a_stage_that_was_there_before(
    world: World, rules: Path
) -> None:
    """Rules that add a second stage also bring zoe into the leads: the leads' stage was there before her."""
    shown = await lost(world, "do.moderate")
    await vote(world, "dana", shown)
    await change(
        world,
        rules,
        "members: [dana, marco, priya, olivia, mia, tom]",
        "members: [dana, marco, priya, olivia, mia, tom, zoe, max]",
        "people.yaml",
    )
    await change(
        world,
        rules,
        "  - {name: allowed,",
        "  - {name: more, when: 'action.name == \"do.moderate\"', hold: stages}\n  - {name: allowed,",
    )
    await start(world.ctx, id_of(shown), "one")
    assert (await world.look(shown))["status"] == "held"
    row = await world.row(shown)
    assert "max" not in row.members["leads"]


async def test_a_stage_that_newer_rules_added_can_escalate(world: World, rules: Path) -> None:
    shown = await lost(world, "do.moderate")
    await vote(world, "dana", shown)
    stage = "{name: finance, group: finance, quorum: 1, within: 1h, escalate_to: managers}"
    later = f"  later: {{stages: [{stage}], expires: 4h}}\n"
    (rules / "desk.yaml").write_text((rules / "desk.yaml").read_text() + later)
    await change(
        world,
        rules,
        "  - {name: allowed,",
        "  - {name: more, when: 'action.name == \"do.moderate\"', hold: later}\n  - {name: allowed,",
    )
    await start(world.ctx, id_of(shown), "one")
    assert (await world.look(shown))["status"] == "held"
    await sql(
        world,
        """update request set plan = jsonb_set(plan, '{stages,1,closes_at}',
              to_jsonb('2020-01-01T00:00:00.000000Z'::text)) where id = :id""",
        id=id_of(shown),
    )
    await tick(world.ctx, id_of(shown))
    seen = await world.look(shown)
    assert seen["status"] == "held"
    assert "greta" in seen["may_decide"]


async def test_what_newer_rules_found_is_not_kept_without_an_entry(world: World, rules: Path) -> None:
    """Judged again by newer rules, then blocked: the row says so, the ledger must too."""
    thing = uuid.uuid4().hex
    front, shown = await lost(world, "do.once", thing=thing), await lost(world, "do.once", thing=thing)
    for one in (front, shown):
        await vote(world, "dana", one)
    await start(world.ctx, id_of(front), "one")
    await change(world, rules, "title: Something in two stages", "title: Something quite else")
    before = (await world.row(shown)).policy_version, len(await world.kinds(shown))
    await start(world.ctx, id_of(shown), "one")
    after = (await world.row(shown)).policy_version, len(await world.kinds(shown))
    assert (after[0] == before[0]) or after[1] > before[1]


# ------------------------------------------------------------------------------------------------ settling


async def unknown(world: World, action: str = "do.grave") -> View:
    """A request with an unknown outcome that may be settled."""
    shown = await lost(world, action)
    await vote(world, "dana", shown)
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", SAID_503)
    await sql(
        world,
        "update execution_attempt set started_at = started_at - interval '2 minutes' where request_id = :id",
        id=id_of(shown),
    )
    return await world.look(shown)


async def settle(world: World, who: str, shown: View, status: str = "failed") -> bool:
    return (await act.settle(world.services, world.person(who), id_of(shown), status=status, reason="looked"))[1]


async def test_whom_settling_is_refused_for_lack_of_a_role_is_on_the_ledger(world: World) -> None:
    shown = await unknown(world)
    assert shown["status"] == "unknown"
    with pytest.raises(Forbidden):
        await settle(world, "anya", shown)
    assert (await world.kinds(shown))[-1] == "refused"


async def test_refusals_of_settling_are_counted_and_limited(world: World, rules: Path) -> None:
    await change(world, rules, "members: [ivan, nora]", "members: [ivan, nora, dana]", "people.yaml")
    shown = await unknown(world)
    for _ in range(25):
        with pytest.raises(InterlockError):
            await settle(world, "dana", shown)
    assert (await world.kinds(shown)).count("refused") < 5
    assert (await world.look(shown))["refusals"] == 25


async def test_a_settlement_of_who_has_left_does_not_count(world: World) -> None:
    shown = await unknown(world)
    assert not await settle(world, "ivan", shown)
    await sql(world, "update person set active = false where id = 'ivan'")
    try:
        assert not await settle(world, "nora", shown)
    finally:
        await sql(world, "update person set active = true where id = 'ivan'")


async def test_the_same_settlement_again_changes_no_version(world: World) -> None:
    shown = await unknown(world)
    await settle(world, "ivan", shown)
    version = (await world.look(shown))["version"]
    await settle(world, "ivan", shown)
    assert (await world.look(shown))["version"] == version


# ------------------------------------------------------------------------------------------------ upkeep


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


async def test_who_approved_does_not_settle_even_if_the_vote_was_void(world: World, rules: Path) -> None:
    await change(world, rules, "members: [ivan, nora]", "members: [ivan, nora, dana]", "people.yaml")
    shown = await lost(world, "do.grave")
    await vote(world, "dana", shown)
    await sql(world, "update person set active = false where id = 'dana'")
    await start(world.ctx, id_of(shown), "one")
    await sql(world, "update person set active = true where id = 'dana'")
    await vote(world, "marco", shown)
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", SAID_503)
    await sql(
        world,
        "update execution_attempt set started_at = started_at - interval '2 minutes' where request_id = :id",
        id=id_of(shown),
    )
    with pytest.raises(Forbidden):
        await settle(world, "dana", shown)
