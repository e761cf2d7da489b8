"""Who lowers the bar does not step over it (`policy-author`): each of these would pass without the rule."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.db.tables import Request
from app.domain.errors import Forbidden
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.drafts import draft
from tests.world import RULES, World

LEADS = "members: [dana, marco, priya, olivia, mia, tom]"
ADA_LEADS = (LEADS, "members: [dana, marco, priya, olivia, mia, tom, ada, ben]")
ONE = "  one: {stages: [{name: lead, group: leads, quorum: 1, within: 1h}], expires: 4h}"
TWO_LEADS = (ONE, ONE.replace("quorum: 1", "quorum: 2"))
STRONG = (ONE, ONE.replace("within: 1h", "within: 1h, level: recent"))
REASON = (ONE, ONE.replace("within: 1h", "within: 1h, reason_required: true"))
REPEAT = (
    "    expires: 4h\n  brief",
    "    allow_repeat: true\n    expires: 4h\n  brief",
)
HIGH = ("    title: Something high\n    risk: high", "    title: Something high\n    risk: moderate")
DENIED = ("rules:\n", 'rules:\n  - {name: never, when: \'action.name == "do.moderate"\', deny: "Not now"}\n')
SHORT = ("rules:\n", "separation: [{name: policy-author, cool_down: 1d}]\nrules:\n")
UNRELATED = ("title: Another bot", "title: Still another bot")


@pytest.fixture(autouse=True)
async def two_hats(world: World) -> AsyncIterator[None]:
    """Ada and Ben administer, and are leads as well: since ever, as nobody has published that."""
    yield
    async with world.ctx.database.transaction() as session:
        long_ago = Request.updated_at - timedelta(days=400)
        await session.execute(update(Request).where(Request.kind == "governance").values(updated_at=long_ago))
    await install(world.ctx, RULES, replace=True, by="ada")


async def begin(world: World, folder: object, *edits: tuple[str, str]) -> None:
    """The rules before: put in force by no publication."""
    files = draft(ADA_LEADS, *edits)
    for name, text in files.items():
        (folder / name).write_text(text)  # type: ignore[operator]
    await install(world.ctx, folder, replace=True, by="zoe")  # type: ignore[arg-type]


async def refused(world: World, who: str, shown: View) -> set[str]:
    with pytest.raises(Forbidden) as error:
        await world.say(who, shown)
    return {violation.invariant for violation in error.value.violations}


@pytest.mark.parametrize(
    "was",
    [TWO_LEADS, STRONG, REASON, DENIED],
    ids=["fewer people", "a weaker sign-in", "no reason any more", "it was denied"],
)
async def test_neither_who_asked_nor_who_approved_steps_over(
    world: World, tmp_path: object, was: tuple[str, str]
) -> None:
    await begin(world, tmp_path, was)
    await world.publish(draft(ADA_LEADS))
    shown = await world.ask("do.moderate")
    assert await refused(world, "ada", shown) == {"policy-author"}
    assert await refused(world, "ben", shown) == {"policy-author"}
    assert "ada" not in (await world.look(shown))["may_decide"]
    [admitted] = [entry for entry in await world.entries(shown) if entry["kind"] == "admitted"]
    assert len(admitted["facts"]["lowered_by"]) == 2
    await world.say("dana", shown)
    await world.until(shown, "succeeded")


async def test_a_lower_risk(world: World, tmp_path: object) -> None:
    await begin(world, tmp_path)
    await world.publish(draft(ADA_LEADS, HIGH))
    assert await refused(world, "ada", await world.ask("do.high")) == {"policy-author"}
    assert (await world.say("ada", await world.ask("do.moderate")))["status"] != "held"


async def test_signing_twice(world: World, tmp_path: object) -> None:
    await begin(world, tmp_path)
    await world.publish(draft(ADA_LEADS, REPEAT))
    assert await refused(world, "ada", await world.ask("do.stages")) == {"policy-author"}


async def test_an_action_that_was_not_there(world: World, tmp_path: object) -> None:
    await begin(world, tmp_path, ('entitlements: ["do.moderate"]', 'entitlements: ["do.once"]'))
    await world.publish(draft(ADA_LEADS))
    await world.approve_use_case("other-bot")
    assert await refused(world, "ada", await world.ask("do.moderate", bot="other-bot")) == {"policy-author"}


MANY = ("properties: {thing: {type: string},", "properties: {thing: {type: string, maxLength: 100},")
NOBODY = ("    title: Something moderate\n", "    title: Something moderate\n    on_behalf_of: optional\n")
BUDGET = "    budgets: [{name: none, action: do.moderate, count: requests, at_most: 0, over: 24h}]\n"
NONE_A_DAY = ("    deployed_by: tom\n    owners: &owners", BUDGET + "    deployed_by: tom\n    owners: &owners")


@pytest.mark.parametrize(
    "was", [(NOBODY, MANY), (), (NOBODY, NONE_A_DAY)], ids=["off schema", "on nobody's behalf", "over budget"]
)
async def test_what_was_not_to_be_had(world: World, tmp_path: object, was: tuple[tuple[str, str], ...]) -> None:
    await begin(world, tmp_path, *was)
    await world.publish(draft(ADA_LEADS, NOBODY))
    shown = await world.ask("do.moderate", on_behalf_of=None, thing="a" + "long" * 50 + uuid.uuid4().hex)
    assert await refused(world, "ada", shown) == {"policy-author"}


async def test_who_let_themselves_in(world: World) -> None:
    """Only Ada and Ben gain by it; that Fiona joins as well is her colleagues' doing."""
    await world.publish(draft((LEADS, "members: [dana, marco, priya, olivia, mia, tom, ada, fiona]")))
    shown = await world.ask("do.moderate")
    assert await refused(world, "ada", shown) == {"policy-author"}
    assert (await world.say("fiona", shown))["status"] != "held"


async def test_who_is_no_longer_said_to_be_the_payee(world: World) -> None:
    """Mia has it taken from her that she is employee:mia: of what was asked before and after she is kept out still."""
    before = await world.ask("do.moderate", parameters={"payee": "employee:mia"})
    await world.publish(draft(('subjects: ["customer:mia", "employee:mia"]', 'subjects: ["customer:mia"]')))
    after = await world.ask("do.moderate", parameters={"payee": "employee:mia"})
    for_her = await world.ask("do.moderate", on_behalf_of="employee:mia")
    assert await refused(world, "mia", before) == await refused(world, "mia", after) == {"beneficiary"}
    assert await refused(world, "mia", for_her) == {"on-behalf-of"}
    assert (await world.say("mia", await world.ask("do.moderate")))["status"] != "held"


async def test_in_two_steps(world: World, tmp_path: object) -> None:
    """Ada takes the second person away, Ben the reason: both are kept out, also of what only the other lowered."""
    await begin(world, tmp_path, (ONE, ONE.replace("quorum: 1, within: 1h", "quorum: 2, reason_required: true")))
    await world.publish(draft(ADA_LEADS, REASON))
    await world.publish(draft(ADA_LEADS), who="ben", by="ada")
    shown = await world.ask("do.moderate")
    assert await refused(world, "ada", shown) == await refused(world, "ben", shown) == {"policy-author"}


async def test_raised_again_or_about_something_else(world: World, tmp_path: object) -> None:
    """What was lowered and stands as before, and what was not touched, is theirs to decide."""
    await begin(world, tmp_path)
    await world.publish(draft(ADA_LEADS, TWO_LEADS))
    await world.publish(draft(ADA_LEADS, TWO_LEADS, UNRELATED), who="ben", by="ada")
    shown = await world.ask("do.moderate")
    assert (await world.say("ada", shown))["status"] == "held"
    await world.say("ben", shown)
    await world.until(shown, "succeeded")


async def test_the_cool_down_does_not_shorten_itself(world: World, tmp_path: object) -> None:
    """Three days after, a cool-down of one day would be over: but seven held when it was lowered."""
    await begin(world, tmp_path, TWO_LEADS)
    published = await world.publish(draft(ADA_LEADS, SHORT))
    await aged(world, published, timedelta(days=3))
    assert await refused(world, "ada", await world.ask("do.moderate")) == {"policy-author"}
    await aged(world, published, timedelta(days=5))
    assert (await world.say("ada", await world.ask("do.moderate")))["status"] != "held"


async def test_nor_do_two_publications_shorten_it(world: World, tmp_path: object) -> None:
    """The first only shortens the cool-down, the second lowers the bar: the seven days hold for that as well."""
    await begin(world, tmp_path, TWO_LEADS)
    first = await world.publish(draft(ADA_LEADS, TWO_LEADS, SHORT))
    second = await world.publish(draft(ADA_LEADS, SHORT))
    for published in (first, second):
        await aged(world, published, timedelta(days=3))
    assert await refused(world, "ada", await world.ask("do.moderate")) == {"policy-author"}
    for published in (first, second):
        await aged(world, published, timedelta(days=5))
    assert (await world.say("ada", await world.ask("do.moderate")))["status"] != "held"


async def aged(world: World, published: View, by: timedelta) -> None:
    """Let a publication have been earlier."""
    async with world.ctx.database.transaction() as session:
        mine = update(Request).where(Request.id == uuid.UUID(published["id"]))
        await session.execute(mine.values(updated_at=Request.updated_at - by))


async def test_a_rollback_that_needed_more(world: World, tmp_path: object) -> None:
    sign = "  undo: {stages: [{name: sign, group: signers, quorum: 1, within: 1h, level: login}], expires: 4h}"
    signers = ("members: [rita, dana, mia, ivan]", "members: [rita, dana, mia, ivan, ada]")
    await begin(world, tmp_path, signers, (sign, sign.replace("quorum: 1", "quorum: 2")))
    shown = await world.ask("do.high")
    await world.say("dana", shown)
    original = await world.until(shown, "succeeded")
    await world.publish(draft(ADA_LEADS, signers))
    rollback = await world.roll_back("ivan", original)
    assert await refused(world, "ada", rollback) == {"policy-author"}
    await world.say("rita", rollback)
    await world.until(rollback, "succeeded")


async def test_a_change_whose_rule_is_gone(world: World, tmp_path: object) -> None:
    """The rules wanted finance for every publication; Ada and Ben take that away, and sign the next one alone."""
    more = ("rules:\n", "rules:\n  - {name: more, when: 'action.name.startsWith(\"interlock.\")', hold: stages}\n")
    await begin(world, tmp_path, more)
    asked = await world.publish(draft(ADA_LEADS), by=None)
    assert [stage["group"] for stage in asked["plan"]["stages"]] == ["interlock:administrators", "leads", "finance"]
    await world.say("ben", asked)
    await world.say("marco", asked)
    await world.say("fiona", asked)
    await world.until(asked, "succeeded")
    following = await world.publish(draft(ADA_LEADS, UNRELATED), by=None)
    assert await refused(world, "ben", following) == {"policy-author"}
