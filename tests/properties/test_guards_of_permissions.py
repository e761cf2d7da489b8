"""Each guard of the standing permissions once, on the database alone: who grants one, what it covers, when it ends."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.db import ledger
from app.domain.ask import Ask
from app.domain.ledger import verify_stream
from app.domain.plan_rows import plan_from_json
from app.steps.admit import Held, admit
from app.steps.start import start
from app.use_cases import stop
from app.use_cases.views import View
from tests.properties.quiet import later
from tests.steps.budgeted import ask as asked_by
from tests.steps.budgeted import code, with_budgets
from tests.steps.standing import FIRST, SECOND, asked, granted, revoked, uses, within
from tests.steps.words import change, id_of, lost, sql, vote
from tests.world import World

pytestmark = pytest.mark.usefixtures("as_before")

TOTAL = {"parameter": "amount", "at_most": 100}
NOT_MODERATE = '"look.*", "do.high", "do.o*", "do.s*", "do.t*", "do.g*", "do.f*", "do.b*", "do.e*", "do.p*", "do.d*"'
SMALL = "has(parameters.amount) && parameters.amount <= 50"


@pytest.fixture(autouse=True)
async def no_other(world: World) -> AsyncIterator[None]:
    """What one test has granted concerns no other."""
    yield
    await sql(world, "update standing_permission set revoked_at = clock_timestamp()")


async def said(world: World, action: str = "do.moderate", **parameters: Any) -> str:
    """What the bot's ask comes to: allow, hold, or a denial's code."""
    return code(await lost(world, action, **parameters))


# Asking for one, and granting it.


async def test_two_persons_sign_in_turn(world: World) -> None:
    """The exceptions seat, then security; each by signing in, and nobody else."""
    shown = await asked(world)
    assert (shown["status"], shown["plan"]["name"]) == ("held", "interlock.permit")
    stages = [(one["group"], one["quorum"], one["level"]) for one in shown["plan"]["stages"]]
    assert stages == [("interlock:exceptions:bot", 1, "login"), ("interlock:security:bot", 1, "login")]
    plan = plan_from_json((await world.row(shown)).plan)
    assert not plan.allow_repeat
    assert shown["may_decide"] == ["eve"]
    await vote(world, "eve", shown)
    assert (await world.look(shown))["may_decide"] == ["ada", "ben", "sam"]
    assert code(await lost(world, "do.moderate")) == "hold"


@pytest.mark.parametrize("who", ["petra", "olivia", "ada"])
async def test_who_may_ask(world: World, who: str) -> None:
    """Never signed by themselves: an administrator leaves the second stage to the others."""
    shown = await asked(world, who)
    assert shown["status"] == "held"
    await vote(world, FIRST, shown)
    assert who not in (await world.look(shown))["may_decide"]


@pytest.mark.parametrize("who", ["dana", "sam", "ivan", "anya", "tom"])
async def test_who_may_not_ask(world: World, who: str) -> None:
    assert code(await asked(world, who)) == "not-entitled"


async def test_of_the_only_holder_of_the_exceptions_seat(world: World) -> None:
    """Nobody is left to sign, and it does not wait for its end."""
    assert (await asked(world, "eve"))["status"] == "expired"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"bot": "nobody"}, "no bot"),
        ({"action": "look.down"}, "not entitled"),
        ({"bot": "other-bot", "action": "do.high"}, "not entitled"),
        ({"action": "interlock.bots.resume"}, "not entitled"),
        ({"action": "do.once"}, "irreversible"),
        ({"when": "parameters.amount <="}, "does not compile"),
        ({"when": "parameters.amount"}, "must return BOOL"),
        ({"when": "parameter.amount < 5"}, "does not compile"),
        ({"when": 'action.name == "do.nothing"'}, "never true"),
        ({"max_total": {"parameter": "thing", "at_most": 5}}, "not an integer"),
        ({"max_total": {"parameter": "cents", "at_most": 5}}, "not an integer"),
        ({"expires_at": within(seconds=-1)}, "ended already"),
        ({"expires_at": within(days=31)}, "within 30 days"),
        ({"expires_at": "2026-02-30T00:00:00Z"}, "no such time"),
    ],
)
async def test_what_is_not_to_be_had(world: World, fields: dict[str, Any], why: str) -> None:
    shown = await asked(world, **fields)
    assert shown["status"] == "denied"
    assert why in shown["verdict"]["reason"]


async def test_for_what_is_critical(world: World, rules_copy: Path) -> None:
    await change(
        world, rules_copy, "title: Something high\n    risk: high", "title: Something high\n    risk: critical"
    )
    shown = await asked(world, action="do.high")
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-in-order")
    assert "critical" in shown["verdict"]["reason"]


async def test_it_is_granted_on_the_bots_stream(world: World) -> None:
    permission = await granted(world, when='on_behalf_of == "customer:carl"', max_total=TOTAL)
    async with world.ctx.database.transaction() as session:
        stored = await ledger.read(session, "bot:bot")
    assert verify_stream("bot:bot", stored) == []
    last = stored[-1].body
    assert b'"kind":"permission-granted"' in last
    assert permission.encode() in last
    assert b"customer:carl" not in last


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("permissions: petra", "permissions: rita", "not-entitled"),
        ("title: Something moderate", "title: Something else", "action-changed"),
        ('entitlements: ["do.*", "look.*"]', f"entitlements: [{NOT_MODERATE}]", "not-in-order"),
    ],
)
async def test_what_changes_before_it_is_granted(world: World, rules_copy: Path, old: str, new: str, why: str) -> None:
    shown = await asked(world)
    for who in (FIRST, SECOND):
        await vote(world, who, shown)
    await change(world, rules_copy, old, new)
    await start(world.ctx, id_of(shown), "one")
    ended = await world.look(shown)
    assert (ended["status"], ended["ended_why"]) == ("revoked", why)
    assert await sql(world, "select 1 from standing_permission where id = :id", id=id_of(shown)) == []


async def test_it_ends_before_it_is_granted(world: World) -> None:
    shown = await asked(world, expires_at=within(hours=1))
    for who in (FIRST, SECOND):
        await vote(world, who, shown)
    await start(later(world, timedelta(hours=2)), id_of(shown), "one")
    assert (await world.look(shown))["ended_why"] == "not-in-order"


# Using it.


async def test_what_would_be_held_is_allowed_and_counted(world: World) -> None:
    permission = await granted(world, when=SMALL, max_total=TOTAL)
    shown = await lost(world, "do.moderate", amount=30)
    verdict = shown["verdict"]
    assert (shown["status"], verdict["outcome"], verdict["code"]) == ("approved", "allow", "standing-permission")
    assert verdict["permission"] == permission
    assert permission in verdict["reason"]
    assert await uses(world, permission) == (1, 30)
    admitted = (await world.entries(shown))[0]
    assert admitted["facts"]["verdict"]["permission"] == permission
    assert (await start(world.ctx, id_of(shown), "one")).go is not None


async def test_so_often_and_no_more(world: World) -> None:
    permission = await granted(world, max_uses=2)
    assert [await said(world) for _ in range(3)] == ["allow", "allow", "hold"]
    assert await uses(world, permission) == (2, 0)


async def test_so_much_and_no_more(world: World) -> None:
    permission = await granted(world, max_total=TOTAL)
    assert [await said(world, amount=amount) for amount in (60, 41, 40, 1, 0)] == [
        "allow",
        "hold",
        "allow",
        "hold",
        "allow",
    ]
    assert await uses(world, permission) == (3, 100)


async def test_an_amount_that_is_none(world: World) -> None:
    """Nothing said, or below nothing: it makes no room for others, and is not covered itself."""
    permission = await granted(world, max_total=TOTAL)
    assert await said(world) == "hold"
    assert await said(world, amount=-50) == "hold"
    assert await uses(world, permission) == (0, 0)


async def test_the_condition(world: World) -> None:
    """False, or failing: it does not apply."""
    await granted(world, when="parameters.amount <= 50")
    assert [await said(world, amount=amount) for amount in (50, 51)] == ["allow", "hold"]
    assert await said(world) == "hold"


async def test_of_one_bot_and_one_action(world: World) -> None:
    await granted(world)
    assert await said(world, "do.high") == "hold"
    other = await asked_by(world, "other-bot", client="other-bot-client")
    assert code(other) == "hold"


async def test_what_a_rule_denies_is_denied_as_ever(world: World) -> None:
    permission = await granted(world)
    assert await said(world, mode="deny") == "rule"
    assert await said(world, mode="err") == "rule-error"
    assert await uses(world, permission) == (0, 0)


async def test_what_a_rule_allows_takes_no_use(world: World) -> None:
    permission = await granted(world)
    shown = await lost(world, "do.moderate", "allow")
    assert (shown["verdict"]["code"], "permission" in shown["verdict"]) == ("rule", False)
    assert await uses(world, permission) == (0, 0)


async def test_the_one_that_ends_first(world: World) -> None:
    longer = await granted(world, expires_at=within(days=9))
    shorter = await granted(world, expires_at=within(days=2), max_uses=1)
    named = [(await lost(world, "do.moderate"))["verdict"]["permission"] for _ in range(2)]
    assert named == [shorter, longer]


async def test_one_that_does_not_apply_does_not_stand_in_the_way(world: World) -> None:
    await granted(world, expires_at=within(days=2), when="false")
    await granted(world, expires_at=within(days=9))
    assert await said(world) == "allow"


async def test_by_another_model(world: World) -> None:
    """From moderate risk on, what another model asks for is held, as a rule cannot allow it either."""
    await granted(world)
    parameters = {"thing": uuid.uuid4().hex}
    made = Ask("action", "bot", "bot", "bot-client", "do.moderate", parameters, context={"model": "other"})
    id_ = uuid.uuid4()
    await admit(world.ctx, id_, made, waited=timedelta(0))
    assert code(await world.look({"id": str(id_)})) == "hold"


@pytest.mark.parametrize(("column", "worst"), [("risk", "critical"), ("reversibility", "irreversible")])
async def test_by_a_chain_whose_parent_is_worse(world: World, column: str, worst: str) -> None:
    await granted(world)
    assert await said(world) == "allow"
    parent = await lost(world, "do.high")
    await sql(world, f"update request set {column} = :worst where id = :id", worst=worst, id=id_of(parent))  # noqa: S608
    assert code(await asked_by(world, "bot", parent=parent["id"])) == "hold"


async def test_a_use_is_not_given_back(world: World) -> None:
    permission = await granted(world, max_uses=1)
    shown = await lost(world, "do.moderate")
    await sql(world, "update request set status = 'cancelled' where id = :id", id=id_of(shown))
    assert await said(world) == "hold"
    assert await uses(world, permission) == (1, 0)


async def test_budgets_count_all_the_same(world: World, rules_copy: Path) -> None:
    """What is over one is denied, and takes no use."""
    bot = await with_budgets(world, rules_copy, 'name: asks, action: "do.*", count: requests, at_most: 2, over: 1h')
    permission = await granted(world, bot=bot)
    assert [code(await asked_by(world, bot)) for _ in range(3)] == ["allow", "allow", "over-budget"]
    assert await uses(world, permission) == (2, 0)


async def test_it_is_not_held_up_by_what_is_held(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, 'name: waiting, action: "*", count: holds, at_most: 1')
    await asked_by(world, bot, "do.high")
    await granted(world, bot=bot)
    assert code(await asked_by(world, bot)) == "allow"


async def test_the_fast_path_knows_permissions(world: World) -> None:
    permission = await granted(world, action="look.up", max_uses=1)
    shown = await asked_by(world, "bot", "look.up", mode="hold", fast=True)
    assert (shown["status"], shown["verdict"]["code"]) == ("executing", "standing-permission")
    with pytest.raises(Held):
        await asked_by(world, "bot", "look.up", mode="hold", fast=True)
    assert await uses(world, permission) == (1, 0)


# The end of it.


async def test_after_its_end(world: World) -> None:
    await granted(world, expires_at=within(hours=1))
    before = await asked_by(world, "bot", ctx=later(world, timedelta(minutes=59)))
    after = await asked_by(world, "bot", ctx=later(world, timedelta(minutes=61)))
    assert (code(before), code(after)) == ("allow", "hold")


async def test_thirty_days_at_most(world: World) -> None:
    """At its real length: to the end of the thirtieth day, and no further."""
    await granted(world, expires_at=within(days=30, minutes=-1))
    told = [
        code(await asked_by(world, "bot", ctx=later(world, timedelta(days=days, minutes=-5)))) for days in (1, 29, 30)
    ]
    assert told == ["allow"] * 3
    assert code(await asked_by(world, "bot", ctx=later(world, timedelta(days=30)))) == "hold"


async def test_after_it_was_revoked(world: World) -> None:
    permission = await granted(world)
    await revoked(world, permission)
    assert await said(world) == "hold"


async def test_after_the_action_has_changed(world: World, rules_copy: Path) -> None:
    """Even in its title only: it was granted for what the signers knew. The entry back as it was, it holds again."""
    await granted(world)
    await change(world, rules_copy, "title: Something moderate", "title: Something else")
    assert await said(world) == "hold"
    await change(world, rules_copy, "title: Something else", "title: Something moderate")
    assert await said(world) == "allow"


async def ended(world: World, shown: View) -> tuple[str, str | None]:
    await start(world.ctx, id_of(shown), "one")
    seen = await world.look(shown)
    return seen["status"], seen["ended_why"]


async def test_revoked_before_the_start(world: World) -> None:
    permission = await granted(world)
    shown = await lost(world, "do.moderate")
    await revoked(world, permission)
    assert await ended(world, shown) == ("revoked", "permission-revoked")


async def test_ended_before_the_start(world: World) -> None:
    permission = await granted(world)
    shown = await lost(world, "do.moderate")
    statement = "update standing_permission set expires_at = clock_timestamp() where id = :id"
    await sql(world, statement, id=uuid.UUID(permission))
    assert await ended(world, shown) == ("revoked", "permission-expired")


async def test_a_stop_stands_above_it(world: World) -> None:
    await granted(world)
    shown = await lost(world, "do.moderate")
    await stop.suspend(world.services, world.person("ivan"), "bot", "It runs amok")
    assert await said(world) == "bot-suspended"
    assert (await world.look(shown))["ended_why"] == "stopped"


OTHER = ("title: Another bot", "title: Still another bot")


async def test_newer_rules_that_would_hold_it(world: World, rules_copy: Path) -> None:
    """It was and is excepted from that: it does not wait for people, and takes no second use."""
    permission = await granted(world, max_uses=1)
    shown = await lost(world, "do.moderate")
    await change(world, rules_copy, *OTHER)
    assert await ended(world, shown) == ("executing", None)
    assert await uses(world, permission) == (1, 0)


async def test_newer_rules_that_deny_it(world: World, rules_copy: Path) -> None:
    await granted(world)
    shown = await lost(world, "do.moderate")
    never = 'rules:\n  - {name: never, when: \'action.name == "do.moderate"\', deny: "Not now"}\n'
    await change(world, rules_copy, "rules:\n", never)
    assert await ended(world, shown) == ("revoked", "policy-stricter")


async def test_newer_rules_by_which_its_condition_is_not_true(world: World, rules_copy: Path) -> None:
    """Held for people; approved by them, it needs the permission no more."""
    permission = await granted(world, when='bot.model.name == "chat"')
    shown = await lost(world, "do.moderate")
    model = 'model: {provider: example, name: %s, version: "1"}\n    entitlements: ["do.*", "look.*"]'
    await change(world, rules_copy, model % "chat", model % "other")
    assert await ended(world, shown) == ("held", None)
    await revoked(world, permission)
    await vote(world, "dana", shown)
    assert await ended(world, shown) == ("executing", None)
