"""Each guard of a rollback once, on the database alone: what may be undone, by whose word, and what then runs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jwt

from app.domain.errors import Forbidden, NotFound
from app.domain.outcome import Answer
from app.domain.request import Kind
from app.steps.execution import Go
from app.steps.finish import finish
from app.steps.start import start
from app.use_cases import act, rollback
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.properties.quiet import (
    FAILED,
    SUCCEEDED,
    approved,
    cancel,
    decided,
    ended,
    later,
    leave,
    refused,
    signed,
    starts,
    status,
)
from tests.steps.words import SAID_503, change, id_of, lost, sql, undo
from tests.world import RULES, World

pytestmark = pytest.mark.usefixtures("as_before")

HOUR = timedelta(hours=1)
QUIET = timedelta(seconds=35)
"""Timeout of the test's actions and 30 s."""

PEOPLE = "people.yaml"
HIGH = "    title: Something high\n    risk: high\n"
OWNERS = "owners: &owners {business: olivia"
UNDONE = '"was": outcome.result.done'


async def keys(world: World, shown: View) -> list[bool]:
    """Which of its attempts hold its conflict key."""
    query = "select holds_key from execution_attempt where request_id = :id order by n"
    return [held for (held,) in await sql(world, query, id=id_of(shown))]


async def why(world: World, shown: View) -> list[str]:
    """How it has ended."""
    seen = await world.look(shown)
    return [seen["status"], seen["ended_why"]]


# Who signs.


async def test_who_approved_it_does_not_sign_its_rollback(world: World) -> None:
    undoing = await undo(world, "ivan", await ended(world))
    assert await refused(world, "dana", undoing) == {"rollback-approver"}
    assert undoing["may_decide"] == ["mia", "rita"]
    assert await decided(world, "rita", undoing) == "record"


async def test_whose_approval_was_void_does_not_sign_its_rollback(world: World) -> None:
    """Dana had said yes before she left; back again, she does not undo what marco's yes let run."""
    shown = await approved(world, "do.high")
    await sql(world, "update person set active = false where id = 'dana'")
    assert not await starts(world, shown)
    await sql(world, "update person set active = true")
    await signed(world, "marco", shown)
    assert await starts(world, shown)
    await finish(world.ctx, id_of(shown), 1, "one", SUCCEEDED)
    assert await refused(world, "dana", await undo(world, "ivan", shown)) == {"rollback-approver"}


async def test_who_asked_to_undo_it_does_not_sign(world: World) -> None:
    undoing = await undo(world, "ivan", await ended(world))
    assert await refused(world, "ivan", undoing) == {"self-approval", "rollback-approver"}


async def test_whom_the_original_was_for_does_not_sign(world: World) -> None:
    undoing = await undo(world, "ivan", await ended(world, behalf="customer:mia"))
    assert undoing["on_behalf_of"] == "customer:mia"
    assert await refused(world, "mia", undoing) == {"on-behalf-of", "rollback-approver"}


async def test_who_benefited_from_it_does_not_sign(world: World, rules_copy: Path) -> None:
    await change(world, rules_copy, HIGH, HIGH + "    beneficiary: 'parameters.payee'\n")
    undoing = await undo(world, "ivan", await ended(world, payee="customer:mia"))
    assert await refused(world, "mia", undoing) == {"beneficiary", "rollback-approver"}


async def test_who_benefits_from_undoing_it_does_not_sign(world: World, rules_copy: Path) -> None:
    title = "    title: Undo something\n"
    await change(world, rules_copy, title, title + "    beneficiary: '\"customer:mia\"'\n")
    undoing = await undo(world, "ivan", await ended(world))
    assert await refused(world, "mia", undoing) == {"beneficiary", "rollback-approver"}


async def test_who_made_the_credential_that_asked_does_not_sign(world: World) -> None:
    await sql(world, "update client_credential set made_by = 'rita'")
    undoing = await undo(world, "ivan", await ended(world))
    assert await refused(world, "rita", undoing) == {"self-approval", "rollback-approver"}


@pytest.mark.parametrize("when", ["then", "meanwhile", "since"])
async def test_the_owner_of_the_bot_does_not_sign(world: World, rules_copy: Path, when: str) -> None:
    """Rita owned it when the original was asked for, or when the rollback was, or does since."""
    if when == "then":
        await change(world, rules_copy, OWNERS, "owners: &owners {business: rita")
    shown = await ended(world)
    if when == "then":
        await install(world.ctx, RULES, replace=True, by="ada")
    if when == "meanwhile":
        await change(world, rules_copy, OWNERS, "owners: &owners {business: rita")
    undoing = await undo(world, "ivan", shown)
    if when == "meanwhile":
        await install(world.ctx, RULES, replace=True, by="ada")
    if when == "since":
        await change(world, rules_copy, OWNERS, "owners: &owners {business: rita")
    assert await refused(world, "rita", undoing) == {"bot-owner"}


async def test_the_owner_whom_the_original_names_since_does_not_sign(world: World, rules_copy: Path) -> None:
    """An owner of the action that is undone, not of the one that undoes it."""
    undoing = await undo(world, "ivan", await ended(world))
    await change(world, rules_copy, HIGH, HIGH + "    owners: {business: rita}\n")
    assert await refused(world, "rita", undoing) == {"bot-owner"}


@pytest.mark.parametrize("graver", ["original", "undoing"])
async def test_its_risk_is_the_higher_of_both(world: World, rules_copy: Path, graver: str) -> None:
    old, new = {
        "original": ("    title: Something high\n    risk: high", "    title: Something high\n    risk: critical"),
        "undoing": ("    title: Undo something\n    risk: moderate", "    title: Undo something\n    risk: critical"),
    }[graver]
    await change(world, rules_copy, old, new)
    assert (await undo(world, "ivan", await ended(world)))["risk"] == "critical"


# What may be undone.


async def test_a_responder_asks_and_nobody_else(world: World) -> None:
    shown = await ended(world)
    with pytest.raises(Forbidden):
        await rollback.looked_at(world.services, world.person("rita"), id_of(shown))
    with pytest.raises(NotFound):
        await rollback.looked_at(world.services, world.person("zoe"), id_of(shown))
    how = await rollback.looked_at(world.services, world.person("ivan"), id_of(shown))
    assert (how.action.name, how.plan.name) == ("undo.well", "undo")


async def test_the_incident_seat_of_another_bot_asks_nothing(world: World, rules_copy: Path) -> None:
    """Felix is the responder of another bot, and of that alone."""
    other = "deployed_by: tom\n    owners: *owners\nactions:"
    seats = "business: olivia, security: sam, legal: lena, model_quality: max, rollback: rita, permissions: petra"
    await change(world, rules_copy, other, other.replace("*owners", f"{{{seats}, exceptions: eve, incident: felix}}"))
    shown = await ended(world)
    with pytest.raises(NotFound):
        await rollback.looked_at(world.services, world.person("felix"), id_of(shown))


async def test_its_plan_is_its_own_or_what_the_original_passed(world: World, rules_copy: Path) -> None:
    """As that was when it was passed, whatever newer rules call easy."""
    named, passed = await ended(world), await ended(world, "do.once")
    await change(
        world, rules_copy, "  one: {stages: [{name: lead, group: leads", "  one: {stages: [{name: x, group: pair"
    )
    plans = [
        (await rollback.looked_at(world.services, world.person("ivan"), id_of(shown))).plan for shown in (named, passed)
    ]
    assert [(plan.name, [stage.group for stage in plan.stages]) for plan in plans] == [
        ("undo", ["signers"]),
        ("one", ["leads"]),
    ]


async def test_what_has_no_outcome_yet_is_not_undone(world: World) -> None:
    for shown in (await lost(world, "do.high"), await approved(world, "do.high")):
        undoing = await undo(world, "ivan", shown)
        assert (undoing["status"], undoing["verdict"]["code"]) == ("denied", "not-reversible")


async def test_a_rollback_is_not_undone(world: World) -> None:
    first = await undo(world, "ivan", await ended(world))
    await signed(world, "rita", first)
    assert await starts(world, first)
    await finish(world.ctx, id_of(first), 1, "one", SUCCEEDED)
    asked = await undo(world, "nora", first)
    assert (asked["status"], asked["verdict"]["code"]) == ("denied", "not-reversible")


async def test_its_time_is_counted_from_the_outcome(world: World) -> None:
    """Of 72 h the last moment counts."""
    shown = await ended(world)
    late = await undo(world, "ivan", shown, later(world, 72 * HOUR))
    assert (late["status"], late["verdict"]["code"]) == ("denied", "window-over")
    assert (await undo(world, "ivan", shown, later(world, 72 * HOUR - timedelta(minutes=1))))["status"] == "held"


async def test_one_stands_at_a_time(world: World) -> None:
    shown = await ended(world)
    first = await undo(world, "ivan", shown)
    second = await undo(world, "nora", shown)
    assert (second["status"], second["verdict"]["code"]) == ("denied", "rollback-exists")
    await decided(world, "rita", first, "deny")
    assert (await undo(world, "nora", shown))["status"] == "held"


async def test_what_is_refused_is_refused_for_what_it_is(world: World, rules_copy: Path) -> None:
    """Though what undoes it has a conflict key, which cannot be worked out where its parameters are not."""
    title = "    title: Undo something\n"
    await change(world, rules_copy, title, title + "    conflict_key: parameters.thing\n")
    shown = await ended(world)
    assert (await undo(world, "ivan", shown))["status"] == "held"
    assert (await undo(world, "nora", shown))["verdict"]["code"] == "rollback-exists"
    late = await undo(world, "nora", shown, later(world, 73 * HOUR))
    assert late["verdict"]["code"] == "window-over"


async def test_the_original_is_told_of_whatever_becomes_of_it(world: World) -> None:
    """Its card lists what reverses it: when that is asked for, and when somebody has said no to that."""
    shown = await ended(world)
    undoing = await undo(world, "ivan", shown)
    listed = await world.look(shown)
    assert (listed["reversed_by"], listed["version"] > shown["version"]) == ([undoing["id"]], True)
    await decided(world, "rita", undoing, "deny")
    after = await world.look(shown)
    assert (after["reversed_by"], after["version"] > listed["version"]) == ([], True)
    before = after["version"]
    assert (await undo(world, "ivan", shown, later(world, 73 * HOUR)))["status"] == "denied"
    assert (await world.look(shown))["version"] == before


# What runs.


async def test_it_starts_once_signed_only(world: World) -> None:
    shown = await ended(world)
    undoing = await undo(world, "ivan", shown)
    assert (undoing["status"], undoing["verdict"]["outcome"]) == ("held", "hold")
    assert not await starts(world, undoing)
    await signed(world, "rita", undoing)
    turn = await start(world.ctx, id_of(undoing), "one")
    assert isinstance(turn.go, Go)
    assert turn.go.url.endswith("/undo")
    claims = jwt.decode(turn.go.grant.token, world.rings.grants.current_key, algorithms=["Ed25519"]).claims
    [[ivan]] = await sql(world, "select pid from person where id = 'ivan'")
    assert (claims["sub"], claims["act"]) == ("customer:carl", {"sub": f"person:{ivan}"})
    assert turn.go.parameters == {"thing": f"{shown['parameters']['thing']}-undone", "was": "so"}


async def test_it_runs_although_the_bot_is_suspended(world: World) -> None:
    undoing = await undo(world, "ivan", await ended(world))
    await sql(world, "update bot set suspended_at = clock_timestamp(), stop_epoch = stop_epoch + 1 where id = 'bot'")
    await signed(world, "rita", undoing)
    assert await starts(world, undoing)


async def test_an_outcome_that_people_settled_meanwhile_ends_it(world: World) -> None:
    """Signed was the undoing of something that nobody knew the outcome of."""
    shown = await ended(world, "do.once", SAID_503)
    assert shown["status"] == "unknown"
    undoing = await undo(world, "ivan", shown)
    assert "Nobody knows" in undoing["warnings"][0]
    await sql(world, "update execution_attempt set started_at = started_at - interval '1 minute'")
    await act.settle(world.services, world.person("nora"), id_of(shown), status="succeeded", reason="looked")
    await signed(world, "marco", undoing)
    assert not await starts(world, undoing)
    assert await why(world, undoing) == ["revoked", "outcome-changed"]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (f'parameters.thing + "-undone", {UNDONE}', f'parameters.thing + "-gone", {UNDONE}', "action-changed"),
        ("    title: Undo something\n", "    title: Undo something else\n", "action-changed"),
        (UNDONE, '"was": outcome.result.gone', "not-reversible"),
    ],
    ids=["parameters", "definition", "no longer worked out"],
)
async def test_what_would_run_is_what_was_signed(world: World, rules_copy: Path, old: str, new: str, word: str) -> None:
    undoing = await undo(world, "ivan", await ended(world))
    await signed(world, "rita", undoing)
    await change(world, rules_copy, old, new)
    assert not await starts(world, undoing)
    assert await why(world, undoing) == ["revoked", word]


@pytest.mark.parametrize("how", ["left", "no responder"])
async def test_who_asked_may_ask_for_it_still(world: World, rules_copy: Path, how: str) -> None:
    """Ivan is gone by the start, or no responder any more, though he may see it still: he is the auditor."""
    undoing = await undo(world, "ivan", await ended(world))
    await signed(world, "rita", undoing)
    if how == "left":
        await leave(world, "ivan")
    else:
        await change(
            world, rules_copy, "members: [ivan, nora], may: [respond]", "members: [nora], may: [respond]", PEOPLE
        )
        await change(
            world, rules_copy, "{name: auditors, members: [anya]", "{name: auditors, members: [anya, ivan]", PEOPLE
        )
    assert not await starts(world, undoing)
    assert await why(world, undoing) == ["revoked", "not-entitled"]


async def test_newer_rules_want_more_people_for_it(world: World, rules_copy: Path) -> None:
    undoing = await undo(world, "ivan", await ended(world))
    await signed(world, "rita", undoing)
    plan = "undo: {stages: [{name: sign, group: signers, quorum: "
    await change(world, rules_copy, plan + "1", plan + "2")
    assert not await starts(world, undoing)
    assert await status(world, undoing) == "held"
    await signed(world, "mia", undoing)
    assert await starts(world, undoing)


async def unknown_and_undoing(world: World) -> tuple[View, View]:
    """A request with an unknown outcome and a conflict key, and the signed rollback of it."""
    shown = await ended(world, "do.once", SAID_503)
    undoing = await undo(world, "ivan", shown)
    await signed(world, "marco", undoing)
    return shown, undoing


async def test_the_key_of_an_unknown_one_is_taken_over_once_nothing_is_on_its_way(world: World) -> None:
    shown, undoing = await unknown_and_undoing(world)
    turn = await start(world.ctx, id_of(undoing), "one")
    assert (turn.go, turn.state.blocked) == (None, True)
    assert await keys(world, shown) == [True]
    assert (await start(later(world, QUIET), id_of(undoing), "one")).go is not None
    assert (await keys(world, shown), await keys(world, undoing)) == ([False], [True])
    other = await lost(world, "do.once", thing=shown["parameters"]["thing"])
    await signed(world, "dana", other)
    assert not await starts(world, other)


async def test_the_key_that_somebody_else_has_is_waited_for(world: World) -> None:
    shown = await ended(world, "do.once")
    undoing = await undo(world, "ivan", shown)
    await signed(world, "marco", undoing)
    assert (await world.row(undoing)).conflict_key == shown["parameters"]["thing"]
    other = await approved(world, "do.once", thing=shown["parameters"]["thing"])
    assert await starts(world, other)
    turn = await start(world.ctx, id_of(undoing), "one")
    assert (turn.go, turn.state.blocked) == (None, True)


@pytest.mark.parametrize(("answer", "back"), [(FAILED, True), (SUCCEEDED, False)], ids=["failed", "succeeded"])
async def test_a_rollback_that_failed_gives_the_key_back(world: World, answer: Answer, *, back: bool) -> None:
    """What it was to undo is as unknown as before."""
    shown, undoing = await unknown_and_undoing(world)
    assert (await start(later(world, QUIET), id_of(undoing), "one")).go is not None
    await finish(world.ctx, id_of(undoing), 1, "one", answer)
    assert (await keys(world, shown), await keys(world, undoing)) == ([back], [False])
    other = await lost(world, "do.once", thing=shown["parameters"]["thing"])
    assert (other["status"] == "denied") is back


async def test_the_owner_of_the_bot_does_not_cancel_its_rollback(world: World) -> None:
    undoing = await undo(world, "ivan", await ended(world))
    await cancel(world, world.person("olivia"), undoing)
    assert await status(world, undoing) == "held"
    await cancel(world, world.person("ivan"), undoing)
    assert await status(world, undoing) == "cancelled"


async def test_a_rollback_is_of_its_kind(world: World) -> None:
    """Its asker is a person; the bot that it is about is the original's."""
    row = await world.row(await undo(world, "ivan", await ended(world)))
    assert (row.kind, row.asker_kind, row.asker_id, row.bot) == (Kind.ROLLBACK, "person", "ivan", "bot")
