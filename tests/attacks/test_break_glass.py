"""Break-glass under attack: by who stands near, on what no one person releases, without a review, after the fact."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.errors import Closed, DigestDiffers, Forbidden, NotFound, NotOpenToThis
from app.domain.request import Level
from app.steps.finish import finish
from app.steps.start import start
from app.use_cases import act
from tests.api.conftest import GO_ON
from tests.drafts import draft
from tests.properties.quiet import SUCCEEDED, decided, ended, leave, refused, starts, status
from tests.steps.breaking import broken, forbidden, reviewed, still, swept
from tests.steps.delegating import away, entry_of
from tests.steps.words import change, id_of, sql, undo, vote
from tests.world import World

RESPONDERS = "members: [ivan, nora], may: [respond]"


@pytest.fixture(autouse=True)
async def as_before(world: World) -> AsyncIterator[None]:
    """Nobody is away, all are active, nothing is suspended or to be reviewed."""
    yield
    await sql(world, "delete from delegation")
    await sql(world, "delete from review")
    await sql(world, "update person set active = true")
    await sql(world, "update client_credential set made_by = 'zoe'")
    for statement in GO_ON:
        await sql(world, statement)


async def responders(world: World, rules: Path, more: str) -> None:
    """These may respond as well."""
    await change(world, rules, RESPONDERS, f"members: [ivan, nora, {more}], may: [respond]", "people.yaml")


async def plan_says(world: World, rules: Path, terms: str) -> None:
    """Plan ``one`` says this of break-glass."""
    await change(world, rules, "expires: 4h}\n  two:", f"expires: 4h, break_glass: {terms}}}\n  two:")


async def plan_says_instead(world: World, rules: Path, before: str, now: str) -> None:
    await change(world, rules, f"break_glass: {before}}}\n  two:", f"break_glass: {now}}}\n  two:")


async def pid(world: World, person: str) -> str:
    return str((await sql(world, "select pid::text from person where id = :id", id=person))[0][0])


# What it is for.


@pytest.mark.aisvs("12.4.3")
async def test_a_responder_releases_it_alone_and_another_reviews_it(world: World) -> None:
    shown = await still(world, "do.high")
    seen = await broken(world, shown)
    assert seen["status"] == "approved"
    assert seen["break_glass"]["person"] == "ivan"
    assert seen["break_glass"]["review"]["reviewers"] == ["eve"]
    facts = await entry_of(world, shown, "glass-broken")
    assert (facts["person"], facts["reviewers"]) == (await pid(world, "ivan"), [await pid(world, "eve")])
    assert "Nobody answers" not in str(facts)
    assert await starts(world, shown)
    done = await reviewed(world, seen)
    assert (done["finding"], done["done_by"]) == ("justified", "eve")
    assert (await entry_of(world, shown, "reviewed"))["person"] == await pid(world, "eve")
    assert await swept(world) == 0


async def test_the_same_person_again_changes_nothing(world: World) -> None:
    shown = await still(world, "do.high")
    first = await broken(world, shown)
    assert await broken(world, shown) == first
    assert (await world.kinds(shown)).count("glass-broken") == 1
    with pytest.raises(Closed):
        await broken(world, shown, "nora")


# Who.


async def test_who_made_the_credential_does_not(world: World) -> None:
    await sql(world, "update client_credential set made_by = 'ivan'")
    shown = await still(world, "do.high")
    assert await forbidden(world, shown) == {"self-approval"}
    assert await status(world, shown) == "held"


async def test_for_whom_the_bot_acts_does_not(world: World, rules: Path) -> None:
    await responders(world, rules, "mia")
    shown = await still(world, "do.high", behalf="customer:mia")
    assert await forbidden(world, shown, "mia") == {"on-behalf-of"}


async def test_who_benefits_does_not(world: World, rules: Path) -> None:
    await responders(world, rules, "mia")
    shown = await still(world, "do.moderate", payee="customer:mia")
    assert await forbidden(world, shown, "mia") == {"beneficiary"}


@pytest.mark.parametrize("action", ["do.high", "do.moderate"])
async def test_the_bots_owner_does_not_at_any_risk(world: World, rules: Path, action: str) -> None:
    await responders(world, rules, "olivia")
    shown = await still(world, action)
    assert await forbidden(world, shown, "olivia") == {"bot-owner"}


async def test_the_delegate_of_who_is_excluded_does_not(world: World) -> None:
    await away(world, "mia", "ivan")
    shown = await still(world, "do.high", behalf="customer:mia")
    assert await forbidden(world, shown) == {"delegate-excluded"}


@pytest.mark.parametrize("action", ["do.high", "do.moderate"])
async def test_the_owners_delegate_does_not(world: World, action: str) -> None:
    await away(world, "olivia", "ivan")
    shown = await still(world, action)
    assert await forbidden(world, shown) == {"delegate-excluded"}


async def test_who_is_no_responder_does_not(world: World) -> None:
    shown = await still(world, "do.high")
    for who in ("dana", "sam"):
        assert await forbidden(world, shown, who) == set()
    with pytest.raises(NotFound):
        await broken(world, shown, "zoe")
    assert await status(world, shown) == "held"


async def test_a_responder_of_another_bot_does_not(world: World, rules: Path) -> None:
    seats = "business: olivia, security: sam, legal: lena, model_quality: max, rollback: nora, permissions: petra"
    other = 'entitlements: ["do.moderate"]\n    deployed_by: tom\n    owners: '
    await change(world, rules, f"{other}*owners", f"{other}{{{seats}, exceptions: eve, incident: rita}}")
    shown = await still(world, "do.high")
    with pytest.raises((Forbidden, NotFound)):
        await broken(world, shown, "rita")
    assert await status(world, shown) == "held"


LET_IN = (RESPONDERS, "members: [ivan, nora, ada, fiona], may: [respond]")


@pytest.fixture
async def long_ago(world: World) -> AsyncIterator[None]:
    """What one test has published concerns no other."""
    yield
    await sql(world, "update request set updated_at = updated_at - interval '400 days' where kind = 'governance'")


@pytest.mark.usefixtures("rules", "long_ago")
@pytest.mark.parametrize(("who", "by"), [("ada", "ben"), ("ben", "ada")], ids=["asked for it", "approved it"])
async def test_who_let_themselves_in_does_not(world: World, who: str, by: str) -> None:
    """Ada joins the responders by rules that she asked for, or approved; that Fiona does is no doing of hers."""
    await world.publish(draft(LET_IN), who, by)
    shown = await still(world, "do.high")
    assert await forbidden(world, shown, "ada") == {"policy-author"}
    assert (await broken(world, shown, "fiona"))["status"] == "approved"


@pytest.mark.usefixtures("rules", "long_ago")
async def test_who_let_themselves_in_may_in_time_and_who_responded_before_may_at_once(world: World) -> None:
    """Others' rules, and rules that change nothing of it, keep nobody out."""
    await world.publish(draft(LET_IN))
    await sql(world, "update request set updated_at = updated_at - interval '60 days' where kind = 'governance'")
    await world.publish(draft(LET_IN, ("title: Another bot", "title: Still another bot")))
    assert (await broken(world, await still(world, "do.high"), "ada"))["status"] == "approved"


async def test_an_old_sign_in_is_not_enough(world: World) -> None:
    shown = await still(world, "do.high")
    for level in (Level.CLICK, Level.LOGIN):
        assert await forbidden(world, shown, level=level) == {"weak-authentication"}
    assert await status(world, shown) == "held"


async def test_who_has_left_does_not(world: World) -> None:
    shown = await still(world, "do.high")
    await leave(world, "ivan")
    assert await forbidden(world, shown) == {"unlinked-identity"}


# What.


@pytest.mark.aisvs("9.2.4")
async def test_nothing_irreversible(world: World) -> None:
    shown = await still(world, "do.grave")
    with pytest.raises(NotOpenToThis, match="irreversible"):
        await broken(world, shown)
    assert await status(world, shown) == "held"


async def test_nothing_critical(world: World, rules: Path) -> None:
    await change(
        world, rules, "risk: high\n    reversibility: reversible", "risk: critical\n    reversibility: reversible"
    )
    shown = await still(world, "do.high")
    with pytest.raises(NotOpenToThis, match="critical"):
        await broken(world, shown)


async def test_unless_the_plan_allows_it(world: World, rules: Path) -> None:
    await plan_says(world, rules, "{allow: [irreversible], review_within: 1h}")
    seen = await broken(world, await still(world, "do.grave"))
    assert seen["status"] == "approved"


async def test_nothing_where_the_plan_says_never(world: World, rules: Path) -> None:
    await plan_says(world, rules, "never")
    shown = await still(world, "do.high")
    with pytest.raises(NotOpenToThis, match="alone"):
        await broken(world, shown)


async def test_nothing_but_what_a_bot_asks_for(world: World) -> None:
    undoing = await undo(world, "nora", await ended(world))
    with pytest.raises(NotOpenToThis, match="bot"):
        await broken(world, undoing)
    assert await status(world, undoing) == "held"


async def test_nothing_but_what_one_was_shown(world: World) -> None:
    shown = await still(world, "do.high")
    with pytest.raises(DigestDiffers):
        await broken(world, shown, digest=f"sha256:{'0' * 64}")
    assert await status(world, shown) == "held"


async def test_nothing_that_was_denied(world: World) -> None:
    shown = await still(world, "do.high")
    assert await decided(world, "dana", shown, "deny") == "record"
    with pytest.raises(Closed):
        await broken(world, shown)


async def test_nothing_whose_time_is_over_though_nobody_has_looked(world: World) -> None:
    shown = await still(world, "do.high")
    await sql(world, "update request set expires_at = now() - interval '1 s' where id = :id", id=id_of(shown))
    with pytest.raises(Closed):
        await broken(world, shown)
    assert await status(world, shown) == "expired"


async def test_nothing_of_a_stopped_bot(world: World) -> None:
    shown = await still(world, "do.high")
    await world.suspend("nora")
    with pytest.raises(Closed):
        await broken(world, shown)
    assert await status(world, shown) == "revoked"


async def test_nothing_that_nobody_could_review(world: World) -> None:
    for person in ("eve", "sam", "ada", "ben"):
        await leave(world, person)
    shown = await still(world, "do.high")
    with pytest.raises(NotOpenToThis, match="review"):
        await broken(world, shown)


# Between the break and the start.


async def test_a_stop_comes_first(world: World) -> None:
    shown = await still(world, "do.high")
    await broken(world, shown)
    await world.suspend("nora")
    assert not await starts(world, shown)
    assert await status(world, shown) == "revoked"


@pytest.mark.parametrize("how", ["left", "no responder any more", "stands near by now"])
async def test_who_has_lost_the_standing_has_released_nothing(world: World, rules: Path, how: str) -> None:
    shown = await still(world, "do.moderate", payee="customer:late")
    await broken(world, shown)
    match how:
        case "left":
            await leave(world, "ivan")
        case "no responder any more":
            await change(world, rules, RESPONDERS, "members: [nora], may: [respond]", "people.yaml")
        case _:
            await sql(world, "insert into person_subject (subject, person_id) values ('customer:late', 'ivan')")
    try:
        assert not await starts(world, shown)
        assert ((await world.row(shown)).status, (await world.row(shown)).ended_why) == ("revoked", "stale-authority")
    finally:
        await sql(world, "delete from person_subject where subject = 'customer:late'")


async def test_newer_rules_that_deny_it_revoke_it(world: World, rules: Path) -> None:
    shown = await still(world, "do.high", "hold")
    await broken(world, shown)
    await change(world, rules, 'parameters.mode == "deny"', 'parameters.mode == "hold"')
    assert not await starts(world, shown)
    assert (await world.row(shown)).ended_why == "policy-stricter"


async def test_newer_rules_that_want_more_people_do_not_hold_it_up(world: World, rules: Path) -> None:
    shown = await still(world, "do.high")
    await broken(world, shown)
    await change(
        world,
        rules,
        "one: {stages: [{name: lead, group: leads, quorum: 1",
        "one: {stages: [{name: lead, group: leads, quorum: 2",
    )
    assert await starts(world, shown)


async def test_newer_rules_that_allow_it_no_more_hold_it_again_for_people(world: World, rules: Path) -> None:
    shown = await still(world, "do.two")
    await vote(world, "dana", shown)
    await broken(world, shown)
    await change(
        world,
        rules,
        "quorum: 2, within: 1h}], expires: 4h}",
        "quorum: 2, within: 1h}], expires: 4h, break_glass: never}",
    )
    assert not await starts(world, shown)
    assert await status(world, shown) == "held"
    with pytest.raises(NotOpenToThis):
        await broken(world, shown)
    assert await decided(world, "dana", shown) == "record"  # what was said of the plan that was cut short is void
    assert await status(world, shown) == "held"
    assert await decided(world, "marco", shown) == "record"
    assert await starts(world, shown)


async def test_newer_rules_that_took_it_back_and_ask_for_others_ask_for_those_of_before_too(
    world: World, rules: Path
) -> None:
    shown = await still(world, "do.two")
    await broken(world, shown)
    await change(
        world,
        rules,
        "quorum: 2, within: 1h}], expires: 4h}",
        "quorum: 1, within: 1h}], expires: 4h, break_glass: never}",
    )
    assert not await starts(world, shown)
    assert await decided(world, "dana", shown) == "record"
    assert not await starts(world, shown)
    assert await decided(world, "marco", shown) == "record"
    assert await starts(world, shown)


async def test_newer_rules_that_took_it_back_and_allow_it_again(world: World, rules: Path) -> None:
    shown = await still(world, "do.high")
    await broken(world, shown)
    await plan_says(world, rules, "never")
    assert not await starts(world, shown)
    await plan_says_instead(world, rules, "never", "{}")
    await sql(world, "update request set plan = plan - 'break_glass' where id = :id", id=id_of(shown))
    with pytest.raises(NotOpenToThis, match="took that back"):
        await broken(world, shown)


async def test_who_had_approved_may_deny_it_until_it_starts(world: World) -> None:
    shown = await still(world, "do.two")
    await vote(world, "dana", shown)
    await broken(world, shown)
    assert await decided(world, "dana", shown, "deny") == "withdraw"
    assert not await starts(world, shown)


async def test_who_released_it_signs_nothing_that_covers_it_up(world: World, rules: Path) -> None:
    await change(
        world, rules, "members: [rita, dana, mia, ivan]", "members: [rita, dana, mia, ivan, nora]", "people.yaml"
    )
    shown = await still(world, "do.high")
    await broken(world, shown)
    assert (await start(world.ctx, id_of(shown), "one")).go is not None
    await finish(world.ctx, id_of(shown), 1, "one", SUCCEEDED)
    undoing = await undo(world, "nora", shown)
    assert "rollback-approver" in await refused(world, "ivan", undoing)


async def test_who_released_it_does_not_settle_it(world: World) -> None:
    shown = await still(world, "do.high")
    await broken(world, shown)
    assert await starts(world, shown)
    await sql(world, "update request set status = 'unknown' where id = :id", id=id_of(shown))
    with pytest.raises(Forbidden) as error:
        await act.settle(world.services, world.person("ivan"), id_of(shown), status="failed", reason="I looked")
    assert [one.invariant for one in error.value.violations] == ["stage-repeat"]
