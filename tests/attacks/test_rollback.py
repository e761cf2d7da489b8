"""Rollbacks under attack: who covers their tracks, targets that answer what they like, and calls that cross."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import Conflict, Forbidden, IdempotencyKeyReused, InterlockError
from app.domain.outcome import Answer, Sent
from app.domain.request import Level
from app.steps.execution import Go
from app.steps.finish import finish
from app.steps.start import start
from app.use_cases import act, cards, read
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.api.conftest import Api, a_key
from tests.properties.quiet import FAILED, SUCCEEDED, approved, cancel, ended, refused, signed, starts, status
from tests.steps.words import NOT_SENT, SAID_503, change, id_of, lost, sql, undo
from tests.world import World

LONG_AGO = "update execution_attempt set started_at = started_at - interval '5 minutes'"
"""No call can be on its way any more."""

HOLDERS = "select request_id::text from execution_attempt where conflict_key = :thing and holds_key"


def said(result: Any) -> Answer:
    """A good answer of a target."""
    return Answer(Sent.SUCCEEDED, 200, result, None)


async def unknown_and_undone(world: World, answer: Answer) -> tuple[View, View]:
    """A request with an unknown outcome, and a rollback of it that ran, with this answer."""
    shown = await ended(world, "do.once", SAID_503)
    await sql(world, LONG_AGO)
    undoing = await undo(world, "ivan", shown)
    await signed(world, "marco", undoing)
    assert await starts(world, undoing)
    await finish(world.ctx, id_of(undoing), 1, "one", answer)
    await sql(world, LONG_AGO)
    return shown, undoing


async def settled(world: World, shown: View, word: str, who: str = "nora") -> None:
    await act.settle(world.services, world.person(who), id_of(shown), status=word, reason="looked")


async def holders(world: World, shown: View) -> list[str]:
    """Who has the conflict key of a request."""
    return [row[0] for row in await sql(world, HOLDERS, thing=shown["parameters"]["thing"])]


# Who signs, settles, asks.


async def test_who_approved_it_settles_no_rollback_of_it_by_whichever_account(world: World, rules: Path) -> None:
    shown, undoing = await unknown_and_undone(world, SAID_503)
    assert await status(world, undoing) == "unknown"
    await change(world, rules, "members: [ivan, nora], may", "members: [ivan, nora, dana], may", "people.yaml")
    for who in (world.person("dana"), world.person("dana", Level.STRONG, "another")):
        with pytest.raises(Forbidden) as error:
            await act.settle(world.services, who, id_of(undoing), status="succeeded", reason="I looked")
        assert "rollback-approver" in {broken.invariant for broken in error.value.violations}
    with pytest.raises(Forbidden) as error:
        await settled(world, undoing, "succeeded", "ivan")
    assert "self-approval" in {broken.invariant for broken in error.value.violations}
    await settled(world, undoing, "succeeded")
    assert await status(world, shown) == "unknown"


async def test_the_incident_seat_of_another_bot_undoes_nothing(world: World, rules: Path) -> None:
    """Nor does it cancel, settle or read: it stops that other bot, and its list does not show these."""
    source = (rules / "desk.yaml").read_text()
    seats = "business: olivia, security: sam, legal: lena, model_quality: max, incident: felix, rollback: rita"
    mine = "deployed_by: tom\n    owners: {" + seats + ", permissions: petra, exceptions: eve}"
    begin, other = source.split("  - id: other-bot", 1)
    (rules / "desk.yaml").write_text(
        begin + "  - id: other-bot" + other.replace("deployed_by: tom\n    owners: *owners", mine, 1)
    )
    await install(world.ctx, rules, replace=True, by="ada")
    held, done = await lost(world, "do.high"), await ended(world)
    with pytest.raises(Forbidden):
        await world.suspend("felix", "bot")
    for call in (
        world.roll_back("felix", done),
        act.cancel(world.services, world.person("felix"), id_of(held), "no"),
        read.read(world.services, world.person("felix"), id_of(held)),
    ):
        with pytest.raises(InterlockError):
            await call


@pytest.mark.parametrize("how", ["held", "approved", "executing", "denied", "cancelled", "lapsed", "revoked"])
async def test_what_has_not_acted_is_not_undone(world: World, how: str) -> None:
    shown = await (lost(world, "do.high") if how == "held" else approved(world, "do.high"))
    if how == "executing":
        assert await starts(world, shown)
    elif how == "cancelled":
        await cancel(world, world.person("ivan"), shown)
    elif how == "lapsed":
        await sql(world, "update request set expires_at = clock_timestamp() where id = :id", id=id_of(shown))
        assert not await starts(world, shown)
    elif how == "revoked":
        await sql(world, "update request set nonce = 'another' where id = :id", id=id_of(shown))
        assert not await starts(world, shown)
    elif how == "denied":
        shown = await lost(world, "do.moderate", "deny")
    assert await status(world, shown) == how
    with pytest.raises(Conflict):
        await world.roll_back("ivan", shown)
    assert (await undo(world, "ivan", shown))["verdict"]["code"] == "not-reversible"


async def test_a_key_is_one_persons_for_one_original(world: World) -> None:
    one, other = await ended(world), await ended(world)
    first = await world.roll_back("ivan", one, "key")
    with pytest.raises(IdempotencyKeyReused):
        await world.roll_back("ivan", other, "key")
    with pytest.raises(IdempotencyKeyReused):
        await world.roll_back("ivan", one, "key", "Another reason")
    assert (await world.roll_back("nora", other, "key"))["id"] != first["id"]


# What a target answers.

DEEP: Any = "x"
for _ in range(62):
    DEEP = {"done": DEEP}

UNUSABLE = {
    "null": None,
    "true": True,
    "a number": 7,
    "a text": "done",
    "a list": [{"done": "x"}],
    "empty": {},
    "null inside": {"done": None},
    "a number inside": {"done": 5},
    "a list inside": {"done": []},
    "another case": {"DONE": "x"},
    "deep": DEEP,
}


@pytest.mark.parametrize("result", UNUSABLE.values(), ids=UNUSABLE)
async def test_an_answer_of_another_shape_is_not_acted_on(world: World, result: Any) -> None:
    undoing = await undo(world, "ivan", await ended(world, "do.high", said(result)))
    assert (undoing["status"], undoing["verdict"]["code"], undoing["parameters"]) == ("denied", "not-reversible", {})


@pytest.mark.parametrize("text", ["x" * 60_000, "\u202e\a\r\n<!channel>", "1e999", "${jndi}", "'; drop table request"])
async def test_a_text_is_a_text(world: World, text: str) -> None:
    undoing = await undo(world, "ivan", await ended(world, "do.high", said({"done": text, "thing": "mine"})))
    assert undoing["parameters"]["was"] == text
    await signed(world, "rita", undoing)
    turn = await start(world.ctx, id_of(undoing), "one")
    assert isinstance(turn.go, Go)
    assert turn.go.parameters == undoing["parameters"]


@pytest.mark.parametrize("result", [{"x": 1e30}, {"x": list(range(1001))}], ids=["a number", "a list"])
async def test_an_answer_that_nobody_reads_does_not_forbid_the_rollback(world: World, result: Any) -> None:
    """Else a target makes what it does irreversible by one large number; who reads the answer still cannot use it."""
    assert (await undo(world, "ivan", await ended(world, "do.grave", said(result))))["status"] == "held"
    read_it = await ended(world, "do.high", said({"done": "x", **result}))
    assert (await undo(world, "ivan", read_it))["verdict"]["code"] == "not-reversible"


# What may be seen.


async def masked_and_undone(world: World, rules: Path) -> View:
    """A payment whose payee is masked, and is what its rollback is about."""
    source = (rules / "desk.yaml").read_text()
    source = source.replace("payee: {type: string}", "payee: {type: string, x-sensitive: true}")
    source = source.replace('"was": outcome.result.done}', '"was": "to " + parameters.payee}')
    (rules / "desk.yaml").write_text(source)
    await install(world.ctx, rules, replace=True, by="ada")
    return await ended(world, payee="card:4111111111111111")


async def test_what_the_original_masks_is_masked_in_its_rollback(world: World, rules: Path) -> None:
    """In Slack, where nothing can be taken back."""
    undoing = await undo(world, "ivan", await masked_and_undone(world, rules))
    assert undoing["parameters"]["was"] == "to card:4111111111111111"
    facts = await cards.facts(world.services, id_of(undoing))
    assert facts.not_shown == ("/was",)
    assert "4111111111111111" not in repr(facts)


async def test_what_the_original_masks_is_masked_in_the_form(world: World, rules: Path) -> None:
    shown = await masked_and_undone(world, rules)
    _, how = await cards.undo(world.services, world.person("ivan"), id_of(shown))
    assert "4111111111111111" not in repr(how)


async def test_nothing_of_it_stands_in_clear_on_the_ledger(world: World) -> None:
    shown = await ended(world, thing="thing-gotcha", payee="employee:gotcha")
    undoing = await undo(world, "ivan", shown)
    await signed(world, "rita", undoing)
    assert await starts(world, undoing)
    await finish(world.ctx, id_of(undoing), 1, "one", said({"was": "gotcha"}))
    for entry in (*await world.entries(shown), *await world.entries(undoing)):
        text = json.dumps({**entry, "stream": ""})
        assert not [
            word for word in ("gotcha", "It was wrong", '"ivan"', '"rita"', '"dana"', "customer:") if word in text
        ]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("cancel", {"reason": None}),
        ("grant", {}),
        ("outcome", {"status": "succeeded"}),
        ("settle", {"status": "failed", "reason": "x"}),
        ("decisions", {"decision": "deny", "reason": "x", "digest": "sha256:0"}),
        ("rollbacks", {"reason": "x"}),
    ],
)
async def test_its_bot_neither_learns_of_a_rollback_nor_touches_it(api: Api, what: str, body: dict[str, Any]) -> None:
    undoing = await undo(api.world, "ivan", await ended(api.world))
    before = await api.world.kinds(undoing)
    told = [await api.post(one, what, body, api.client() | a_key()) for one in (undoing, {"id": str(uuid.uuid4())})]
    assert told[0].status_code == told[1].status_code in (403, 404)
    assert told[0].json() == told[1].json()
    assert (await api.http.get(f"/v1/requests/{undoing['id']}", headers=api.client())).status_code == 404
    assert await api.world.kinds(undoing) == before


# Conflict keys that change hands.


@pytest.mark.parametrize("word", ["succeeded", "failed"])
async def test_two_unknowns_about_one_thing(world: World, word: str) -> None:
    """The rollback has the key while nobody knows; where it has failed, what it was to undo has it again."""
    shown, undoing = await unknown_and_undone(world, SAID_503)
    thing = shown["parameters"]["thing"]
    assert await holders(world, shown) == [undoing["id"]]
    assert (await lost(world, "do.once", thing=thing))["verdict"]["code"] == "conflict"
    await settled(world, undoing, word)
    assert await holders(world, shown) == ([shown["id"]] if word == "failed" else [])
    again = await lost(world, "do.once", thing=thing)
    assert again["verdict"]["code"] == ("conflict" if word == "failed" else "default-plan")


async def test_an_original_that_was_settled_first_gets_no_key_back(world: World) -> None:
    shown, undoing = await unknown_and_undone(world, SAID_503)
    await settled(world, shown, "failed")
    assert await holders(world, shown) == [undoing["id"]]
    await settled(world, undoing, "failed")
    assert await holders(world, shown) == []


async def test_a_rollback_that_was_never_sent_is_not_sent_once_the_original_is_settled(world: World) -> None:
    shown, undoing = await unknown_and_undone(world, NOT_SENT)
    assert await status(world, undoing) == "executing"
    await settled(world, shown, "succeeded")
    assert (await start(world.ctx, id_of(undoing), "one")).go is None
    assert [(await world.look(undoing))[what] for what in ("status", "ended_why")] == ["failed", "outcome-changed"]
    assert await holders(world, shown) == []
    assert (await undo(world, "ivan", await world.look(shown)))["status"] == "held"


async def test_a_rollback_that_failed_makes_way_for_another_not_for_the_bot(world: World) -> None:
    shown, _ = await unknown_and_undone(world, FAILED)
    assert (await lost(world, "do.once", thing=shown["parameters"]["thing"]))["verdict"]["code"] == "conflict"
    second = await undo(world, "nora", shown)
    await signed(world, "marco", second)
    assert await starts(world, second)
    assert await holders(world, shown) == [second["id"]]
    await finish(world.ctx, id_of(second), 1, "one", SUCCEEDED)
    assert await holders(world, shown) == []


async def of_ours(call: Awaitable[Any]) -> BaseException | None:
    """What a call met that only a defect of ours explains; refusals are fine."""
    try:
        await call
    except (Conflict, Forbidden):
        return None
    except Exception as error:  # handed to the test, which fails on any
        return error
    return None


async def test_what_crosses_neither_deadlocks_nor_runs_twice(world: World) -> None:
    """Settled in two ways, started twice, cancelled and asked for again, all at once."""
    order = random.Random(6)  # noqa: S311  not for secrets
    for _ in range(5):
        shown = await ended(world, "do.once", SAID_503)
        await sql(world, LONG_AGO)
        undoing = await undo(world, "ivan", shown)
        await signed(world, "marco", undoing)
        calls: list[Awaitable[Any]] = [
            settled(world, shown, "succeeded"),
            settled(world, shown, "failed", "ivan"),
            start(world.ctx, id_of(undoing), "one"),
            start(world.ctx, id_of(undoing), "two"),
            cancel(world, world.person("ivan"), undoing),
            undo(world, "nora", shown),
            undo(world, "ivan", shown),
        ]
        order.shuffle(calls)
        assert [error for error in await asyncio.gather(*map(of_ours, calls)) if error is not None] == []
        assert len(await holders(world, shown)) <= 1
        standing = "select count(*) from request where reverses = :id and status in ('held', 'executing')"
        assert (await sql(world, standing, id=id_of(shown)))[0][0] <= 1
        made = await sql(world, "select owner from execution_attempt where request_id = :id", id=id_of(undoing))
        assert len(made) <= 1
        for (owner,) in made:
            await finish(world.ctx, id_of(undoing), 1, owner, FAILED)


# Rules that change in between.


async def test_a_plan_that_was_renamed_does_not_make_the_rollback_easier(world: World, rules: Path) -> None:
    """By default it takes the strictest plan of the original, whatever the rules call that, or know of it, since."""
    rule = '"action.name == \\"do.high\\""'
    twice = "".join(f"  - {{name: {name}, when: {rule}, hold: {name}}}\n" for name in ("one", "money"))
    plan = "\nplans:\n  money: {stages: [{name: money, group: finance}], expires: 4h}\n"
    await change(world, rules, "\nplans:\n", f"\n{twice}{plan}")
    await change(
        world,
        rules,
        "      within: 72h\n      plan: undo\n    default_plan: one\n  - name: do.once",
        "      within: 72h\n    default_plan: one\n  - name: do.once",
    )
    shown = await approved(world, "do.high", ("felix", "dana"))
    assert await starts(world, shown)
    await finish(world.ctx, id_of(shown), 1, "one", SUCCEEDED)
    await change(world, rules, "money", "purse")
    undoing = await undo(world, "ivan", shown)
    assert {stage["group"] for stage in undoing["plan"]["stages"]} >= {"leads", "finance"}


async def test_a_group_that_was_renamed_does_not_forbid_the_rollback(world: World, rules: Path) -> None:
    """Nobody is in the one that the original's plan names: the plan of what undoes it says who signs."""
    shown = await ended(world, "do.once")
    people = (rules / "people.yaml").read_text()
    (rules / "people.yaml").write_text(people.replace("name: leads", "name: heads"))
    await change(world, rules, "group: leads", "group: heads")
    assert (await undo(world, "ivan", shown))["status"] == "held"


async def test_what_was_held_twice_for_one_group_is_asked_of_it_once(world: World, rules: Path) -> None:
    """The strictest of both, not both: else the few who stood apart may not be enough to undo it."""
    shown = await approved(world, "do.once")
    lead = "  one: {stages: [{name: lead, group: leads, quorum: 1, within: 1h"
    await change(world, rules, lead, f"{lead}, level: login")
    assert not await starts(world, shown)
    await signed(world, "marco", shown)
    assert await starts(world, shown)
    await finish(world.ctx, id_of(shown), 1, "one", SUCCEEDED)
    undoing = await undo(world, "ivan", shown)
    assert [(stage["group"], stage["level"]) for stage in undoing["plan"]["stages"]] == [("leads", "login")]


async def test_who_signs_must_be_there_still(world: World) -> None:
    undoing = await undo(world, "ivan", await ended(world))
    await signed(world, "rita", undoing)
    await sql(world, "update person set active = false where id = 'rita'")
    assert not await starts(world, undoing)
    assert await status(world, undoing) == "held"
    await sql(world, "update person set active = true")
    assert await refused(world, "ivan", undoing) >= {"rollback-approver"}
