"""Whose account it is, by Slack's word and our links."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.errors import Unavailable
from app.slack.directory import GOOD_FOR, KEPT, Directory
from app.slack.web import Slack
from app.use_cases.actors import SlackAccount
from tests.fakes.slack.failing import Kind
from tests.fakes.slack.server import SlackFake
from tests.slack.office import TEAM, fake_slack
from tests.world import World

DANA = SlackAccount(TEAM, "U0DANA")


class Bench:
    """A directory over a fake, and a clock that a test moves."""

    def __init__(self, world: World, fake: SlackFake, slack: Slack) -> None:
        self.fake, self.at, self.team = fake, 100.0, TEAM
        self.directory = Directory(
            world.services, slack, lambda: self.team or None, frozenset({"shop.example"}), lambda: self.at
        )

    def asked(self) -> int:
        return len([call for call in self.fake.calls if call.method == "users.info"])


@pytest.fixture
async def bench(world: World) -> AsyncIterator[Bench]:
    async with fake_slack() as fake:
        slack = Slack(fake.token, api_url=fake.api_url, timeout=5)
        yield Bench(world, fake, slack)
        await slack.close()


async def test_a_linked_member_is_the_person_by_a_click(bench: Bench) -> None:
    who = await bench.directory.actor(DANA)
    assert (who.kind, who.id, who.identity, who.level.name, who.via) == ("person", "dana", DANA.name, "CLICK", "slack")


async def test_slacks_word_is_believed_for_a_minute(bench: Bench) -> None:
    await bench.directory.actor(DANA)
    bench.fake.workspace.users["U0DANA"].deleted = True
    bench.at += GOOD_FOR - 1
    assert (await bench.directory.actor(DANA)).kind == "person"
    assert bench.asked() == 1
    bench.at += 1
    assert (await bench.directory.actor(DANA)).kind == "unlinked"
    assert bench.asked() == 2


async def test_so_many_words_are_kept(bench: Bench) -> None:
    bench.fake.limits.limits.clear()
    await bench.directory.actor(DANA)
    for n in range(KEPT):
        bench.directory._known[f"U{n}"] = bench.directory._known["U0DANA"]  # noqa: SLF001
    await bench.directory.actor(SlackAccount(TEAM, "U0MARCO"))
    assert "U0DANA" not in bench.directory._known  # noqa: SLF001


@pytest.mark.parametrize("flags", [{"deleted": True}, {"is_bot": True}, {"is_restricted": True}])
async def test_no_full_member_is_nobody(bench: Bench, flags: dict[str, Any]) -> None:
    bench.fake.workspace.add_user("U0DANA", "dana", **flags)
    assert (await bench.directory.actor(DANA)).kind == "unlinked"
    assert await bench.directory.member(DANA) is None


async def test_a_stranger_of_a_shared_channel_is_nobody(bench: Bench) -> None:
    bench.fake.workspace.add_user("U0DANA", "dana", team_id="T0OTHER")
    assert (await bench.directory.actor(DANA)).kind == "unlinked"


async def test_another_teams_account_is_nobodys_and_slack_is_not_asked(bench: Bench) -> None:
    assert (await bench.directory.actor(SlackAccount("T0OTHER", "U0DANA"))).kind == "unlinked"
    assert bench.asked() == 0


async def test_whom_slack_does_not_know_is_nobody(bench: Bench) -> None:
    assert (await bench.directory.actor(SlackAccount(TEAM, "U0GONE"))).kind == "unlinked"


@pytest.mark.parametrize("kind", ["500", "timeout before commit", "disconnect before commit"])
async def test_one_failure_is_forgiven_two_are_not(bench: Bench, kind: Kind) -> None:
    bench.fake.fail_next("users.info", kind)
    assert (await bench.directory.actor(DANA)).kind == "person"
    bench.at += GOOD_FOR
    bench.fake.fail_next("users.info", kind, times=4)  # aiohttp itself asks again over a connection that was cut
    with pytest.raises(Unavailable, match="Slack did not say"):
        await bench.directory.actor(DANA)
    bench.fake.ordered.clear()
    assert (await bench.directory.actor(DANA)).kind == "person"


async def test_a_missing_scope_or_too_many_calls_is_not_asked_twice(bench: Bench) -> None:
    bench.fake.fail_next("users.info", "429")
    with pytest.raises(Unavailable):
        await bench.directory.actor(DANA)
    bench.fake.api.scopes.discard("users:read")
    with pytest.raises(Unavailable):
        await bench.directory.actor(DANA)
    assert bench.asked() == 2


async def test_while_our_team_is_not_known_nobody_is_believed(bench: Bench) -> None:
    bench.team = ""
    with pytest.raises(Unavailable, match="which workspace"):
        await bench.directory.actor(DANA)


@pytest.mark.parametrize(
    ("user", "email"),
    [
        ({"is_email_confirmed": True, "profile": {"email": "Dana@SHOP.example"}}, "Dana@SHOP.example"),
        ({"team_id": "T0ELSE", "is_email_confirmed": True, "profile": {"email": "dana@shop.example"}}, None),
        ({"is_email_confirmed": True, "profile": {"email": "dana@shop.example.evil.test"}}, None),
        ({"is_email_confirmed": True, "profile": {"email": "dana@sub.shop.example"}}, None),
        ({"is_email_confirmed": False, "profile": {"email": "dana@shop.example"}}, None),
        ({"is_email_confirmed": "true", "profile": {"email": "dana@shop.example"}}, None),
        ({"profile": {"email": "dana@shop.example"}}, None),
        ({"is_email_confirmed": True, "profile": {}}, None),
        ({"is_email_confirmed": True, "profile": "x"}, None),
        ({"is_email_confirmed": True, "deleted": True, "profile": {"email": "dana@shop.example"}}, None),
    ],
)
async def test_only_a_confirmed_address_of_our_domains_counts(
    bench: Bench, user: dict[str, Any], email: str | None
) -> None:
    assert bench.directory._read({"team_id": TEAM, **user}).email == email  # noqa: SLF001
