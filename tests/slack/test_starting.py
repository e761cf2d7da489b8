"""At the start: a wrong token and missing rights stop us with a sentence; Slack being away does not."""

from __future__ import annotations

from typing import Any

import pytest

from app.devstack.ports import LOOPBACK, free_port
from app.domain.errors import Misconfigured
from app.slack.starting import EMAIL_SCOPE, SCOPES, Installed, check
from app.slack.web import Slack
from tests.fakes.slack.server import SlackFake
from tests.slack.small_slack import TOKEN, Reply, cuts, says, small_slack

WHO = {"ok": True, "team_id": "T0SHOP", "team": "Shop", "user_id": "U0BOT", "bot_id": "B0BOT"}


def granted(*scopes: str) -> Reply:
    return says(WHO, headers={"x-oauth-scopes": ",".join(scopes)})


async def test_it_learns_where_it_is_and_what_it_may_do() -> None:
    async with small_slack(granted(*SCOPES, "reactions:write")) as (fake, slack):
        assert await check(slack) == Installed("T0SHOP", "U0BOT", SCOPES | {"reactions:write"})
    assert [asked.method for asked in fake.asked] == ["auth.test"]


@pytest.mark.parametrize("scope", sorted(SCOPES))
async def test_a_missing_scope_is_named_and_so_is_the_manifest(scope: str) -> None:
    async with small_slack(granted(*SCOPES - {scope})) as (_, slack):
        with pytest.raises(Misconfigured, match=rf"scopes {scope}: .*deploy/slack/manifest\.yaml"):
            await check(slack)


async def test_all_missing_scopes_are_named() -> None:
    async with small_slack(granted("chat:write")) as (_, slack):
        with pytest.raises(Misconfigured) as caught:
            await check(slack)
    assert all(scope in str(caught.value) for scope in SCOPES - {"chat:write"})


async def test_matching_by_email_needs_one_more() -> None:
    async with small_slack(granted(*SCOPES)) as (_, slack):
        assert await check(slack) is not None
        with pytest.raises(Misconfigured, match=EMAIL_SCOPE):
            await check(slack, SCOPES | {EMAIL_SCOPE})


async def test_scopes_that_slack_does_not_tell_are_not_missed() -> None:
    async with small_slack(says(WHO)) as (_, slack):
        assert await check(slack) == Installed("T0SHOP", "U0BOT", frozenset())


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("invalid_auth", "does not know it"),
        ("not_authed", "does not know it"),
        ("account_inactive", "removed"),
        ("token_revoked", "revoked"),
        ("token_expired", "rotation"),
        ("not_allowed_token_type", "not a bot's"),
    ],
)
async def test_a_wrong_token_is_said_to_be_wrong_and_not_shown(error: str, why: str) -> None:
    async with small_slack(says({"ok": False, "error": error})) as (_, slack):
        with pytest.raises(
            Misconfigured, match=rf"^SLACK_BOT_TOKEN is not valid, .*{why}.*: install the app"
        ) as caught:
            await check(slack)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (says({}, status=429), "limited"),
        (says({}, status=503), "lost, http_503"),
        (cuts, "lost"),
        (says({"ok": False, "error": "team_added_to_org"}), "refused, team_added_to_org"),
        (says({"ok": True}), "names no workspace"),
        (says(WHO | {"team_id": 7}), "names no workspace"),
    ],
)
async def test_slack_being_away_keeps_nothing_down(reply: Any, why: str, caplog: pytest.LogCaptureFixture) -> None:
    async with small_slack(reply) as (_, slack):
        assert await check(slack) is None
    assert why in caplog.text
    assert TOKEN not in caplog.text


async def test_slack_not_to_be_reached_keeps_nothing_down(caplog: pytest.LogCaptureFixture) -> None:
    slack = Slack(TOKEN, api_url=f"http://{LOOPBACK}:{free_port()}/api/")
    assert await check(slack) is None
    await slack.close()
    assert "unreachable" in caplog.text


async def test_a_strict_slack_knows_its_own_token_and_tells_its_scopes() -> None:
    async with SlackFake.serving(signing_secret="s", token=TOKEN, team="T0SHOP") as fake:
        slack, stranger = Slack(TOKEN, api_url=fake.api_url), Slack("xoxb-other", api_url=fake.api_url)
        found = await check(slack)
        assert found is not None
        assert (found.team, found.bot_user) == ("T0SHOP", fake.workspace.bot_user)
        fake.api.scopes.discard("im:history")
        with pytest.raises(Misconfigured, match="scopes im:history:"):
            await check(slack)
        with pytest.raises(Misconfigured, match="SLACK_BOT_TOKEN is not valid"):
            await check(stranger)
        await slack.close()
        await stranger.close()
