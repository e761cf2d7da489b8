"""The home tab."""

from __future__ import annotations

from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from tests.fakes.slack.block_kit import readable
from tests.slack.conftest import Reception, user
from tests.slack.responding import done
from tests.steps.incidents import opened, undo_all


async def shows(reception: Reception, who: str, part: str, *, there: bool = True) -> None:
    """Wait until a person's home tab says this, or no more."""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
        with attempt:
            home = reception.fake.workspace.homes.get(user(who))
            assert home is not None
            assert (part in readable(home.given["blocks"])) is there


async def test_home_lists_what_waits_and_is_refreshed_by_a_decision(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate", on_behalf_of="customer:at-home")
    [sent] = await reception.fake.people.app_home_opened(user("dana"))
    assert sent.ok
    await shows(reception, "dana", "at-home")
    home = reception.fake.workspace.homes[user("dana")]
    assert (await reception.fake.people.click_in_view(user("dana"), home.id, "details")).ok
    modal = await reception.modal("dana")
    await reception.fake.people.click_in_view(user("dana"), modal.id, "approve")
    await reception.says("dana", "Approved")
    await shows(reception, "dana", "at-home", there=False)
    assert ("dana", "approve") in await reception.decisions(shown)


async def test_home_lists_the_rollback_of_an_incident(reception: Reception) -> None:
    rollback = await undo_all(reception.world, await opened(reception.world), chosen=[await done(reception.world)])
    await reception.fake.people.app_home_opened(user("marco"))
    await shows(reception, "marco", "Undoes 1; incident, in a person's words: It ran amok")
    home = reception.fake.workspace.homes[user("marco")]
    await reception.fake.people.click_in_view(user("marco"), home.id, "details")
    modal = await reception.modal("marco")
    assert "What will run, in this order" in readable(modal.given["blocks"])
    await reception.fake.people.click_in_view(user("marco"), modal.id, "approve")
    await reception.says("marco", "Approved")
    ended = await reception.world.until(rollback, "succeeded")
    [decided] = [entry for entry in await reception.world.entries(ended) if entry["kind"] == "decided"]
    assert decided["facts"]["card"].startswith("hmac-sha256:")
    assert decided["facts"]["not_shown"] == []


async def test_who_never_opened_it_gets_none(reception: Reception) -> None:
    shown = await reception.world.ask("do.two")
    await reception.click("priya", shown)
    await reception.told("priya", "1 of 2")
    await reception.door.keeping.drain(10)
    assert user("priya") not in reception.fake.workspace.homes


async def test_another_tab_is_left_alone(reception: Reception) -> None:
    [sent] = await reception.fake.people.app_home_opened(user("mia"), tab="messages")
    assert sent.ok
    await reception.door.keeping.drain(10)
    assert user("mia") not in reception.fake.workspace.homes


async def test_an_unlinked_account_is_told_how_to_link(reception: Reception) -> None:
    reception.fake.workspace.add_user("U0NEWCOMER", "newcomer")
    await reception.fake.people.app_home_opened("U0NEWCOMER")
    await shows(reception, "newcomer", "/interlock link")
