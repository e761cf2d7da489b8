"""The Web API of the fake, called with Slack's own SDK: what it keeps, what it refuses, and how it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack.failing import KINDS, Failing
from tests.fakes.slack.server import SlackFake

Object = dict[str, Any]

METADATA = {"event_type": "request", "event_payload": {"id": "r1"}}
DIVIDER: list[Object] = [{"type": "divider"}]
HOME = {"type": "home", "blocks": DIVIDER}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Release"}, "blocks": DIVIDER}


@pytest.fixture
async def fake() -> AsyncIterator[SlackFake]:
    """A workspace without rate limits."""
    async with SlackFake.serving(signing_secret="s", token="xoxb-1", rate=None) as made:
        made.workspace.add_user("U0DANA", "dana", "dana@shop.example")
        made.workspace.add_user("U0GONE", "gone", "gone@shop.example", deleted=True)
        made.workspace.add_channel("C0APPROVE", "approvals")
        yield made


@pytest.fixture
def slack(fake: SlackFake) -> AsyncWebClient:
    """Slack's own client, which here repeats nothing by itself and waits one second."""
    return AsyncWebClient("xoxb-1", base_url=fake.api_url, retry_handlers=[], timeout=1)


async def error(call: Any) -> str:
    """The error code that a call ends with."""
    with pytest.raises(SlackApiError) as raised:
        await call
    return str(raised.value.response["error"])


async def post(slack: AsyncWebClient, text: str = "a", **more: Any) -> str:
    """Posts a message and gives its time stamp."""
    return str((await slack.chat_postMessage(channel="C0APPROVE", text=text, **more))["ts"])


async def history(slack: AsyncWebClient, **more: Any) -> list[str]:
    """The texts of a page of history."""
    answer = await slack.conversations_history(channel="C0APPROVE", **more)
    return [message["text"] for message in answer["messages"]]


async def test_who_we_are(fake: SlackFake, slack: AsyncWebClient) -> None:
    answer = await slack.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0SHOP", "U0INTERLOCK", "B0INTERLOCK")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")
    assert fake.calls[0].outcome == "ok"


@pytest.mark.parametrize(
    ("token", "said"), [(None, "not_authed"), ("xoxb-2", "invalid_auth"), ("xapp-test", "not_allowed_token_type")]
)
async def test_tokens(fake: SlackFake, token: str | None, said: str) -> None:
    assert await error(AsyncWebClient(token, base_url=fake.api_url).auth_test()) == said


async def test_unknown_methods_and_arguments(fake: SlackFake, slack: AsyncWebClient) -> None:
    assert await error(slack.api_call("chat.postMessages")) == "unknown_method"
    await post(slack, link_names=True)
    assert fake.complaints == ["chat.postMessage: argument link_names"]


async def test_a_scope_that_is_missing(fake: SlackFake, slack: AsyncWebClient) -> None:
    fake.api.scopes -= {"users:read", "users:read.email"}
    with pytest.raises(SlackApiError) as raised:
        await slack.users_info(user="U0DANA")
    assert (raised.value.response["error"], raised.value.response["needed"]) == ("missing_scope", "users:read")


async def test_a_message_keeps_all_its_versions(fake: SlackFake, slack: AsyncWebClient) -> None:
    ts = await post(slack, "a", blocks=[{"type": "divider", "block_id": "mine"}, *DIVIDER], metadata=METADATA)
    await slack.chat_update(channel="C0APPROVE", ts=ts, text="b")
    message = fake.message("C0APPROVE", ts)
    assert [version.text for version in message.versions] == ["a", "b"]
    first, last = message.versions
    assert first.blocks[0] == {"type": "divider", "block_id": "mine"}
    assert first.blocks[1]["block_id"]
    assert (last.blocks, last.metadata) == ([], METADATA)


async def test_metadata_is_kept_replaced_and_taken_away(fake: SlackFake, slack: AsyncWebClient) -> None:
    ts = await post(slack, metadata=METADATA)
    other = {"event_type": "other", "event_payload": {}}
    await slack.chat_update(channel="C0APPROVE", ts=ts, text="b", metadata=other)
    await slack.chat_update(channel="C0APPROVE", ts=ts, text="c", metadata={})
    assert [version.metadata for version in fake.message("C0APPROVE", ts).versions] == [METADATA, other, None]


async def test_blocks_and_metadata_may_come_as_strings_in_a_form(fake: SlackFake, slack: AsyncWebClient) -> None:
    form = {"channel": "C0APPROVE", "text": "a", "blocks": json.dumps(DIVIDER), "metadata": json.dumps(METADATA)}
    ts = (await slack.api_call("chat.postMessage", data=form))["ts"]
    message = fake.message("C0APPROVE", ts)
    assert (message.blocks[0]["type"], message.metadata) == ("divider", METADATA)
    assert await error(slack.api_call("chat.postMessage", data={**form, "blocks": "{"})) == "invalid_blocks_format"
    assert await error(slack.api_call("chat.postMessage", data={**form, "metadata": "[]"})) == "invalid_metadata_format"


async def test_blocks_that_slack_refuses(fake: SlackFake, slack: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as raised:
        await post(slack, blocks=[{"type": "marquee"}])
    answer = raised.value.response
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == ["[ERROR] unsupported type: marquee [json-pointer:/blocks/0]"]
    assert fake.workspace.messages == []
    assert fake.calls[-1].committed is False


async def test_what_a_message_may_not_be(slack: AsyncWebClient) -> None:
    ts = await post(slack)
    assert await error(slack.chat_update(channel="C0APPROVE", ts=ts, text="x" * 4001)) == "msg_too_long"
    assert await error(slack.api_call("chat.update", json={"channel": "C0APPROVE", "ts": ts})) == "no_text"
    assert await error(post(slack, metadata={"event_type": "a"})) == "invalid_metadata_format"
    assert await error(post(slack, thread_ts="yesterday")) == "invalid_thread_ts"


async def test_channels_that_do_not_take_it(fake: SlackFake, slack: AsyncWebClient) -> None:
    assert await error(slack.chat_postMessage(channel="C0NONE", text="a")) == "channel_not_found"
    assert await error(slack.chat_postMessage(channel="U0GONE", text="a")) == "channel_not_found"
    fake.remove_bot("C0APPROVE")
    assert await error(post(slack)) == "not_in_channel"
    assert await error(slack.conversations_history(channel="C0APPROVE")) == "not_in_channel"
    fake.archive("C0APPROVE")
    assert await error(post(slack)) == "is_archived"


async def test_messages_that_cannot_be_updated(fake: SlackFake, slack: AsyncWebClient) -> None:
    ts = await post(slack)
    fake.close_edit_window("C0APPROVE", ts)
    assert await error(slack.chat_update(channel="C0APPROVE", ts=ts, text="b")) == "edit_window_closed"
    fake.delete_message("C0APPROVE", ts)
    assert await error(slack.chat_update(channel="C0APPROVE", ts=ts, text="b")) == "message_not_found"
    fake.message("C0APPROVE", await post(slack)).user = "U0DANA"
    ts = fake.workspace.posted()[0].ts
    assert await error(slack.chat_update(channel="C0APPROVE", ts=ts, text="b")) == "cant_update_message"


async def test_history_is_newest_first_in_pages(slack: AsyncWebClient) -> None:
    stamps = [await post(slack, str(number)) for number in range(5)]
    first = await slack.conversations_history(channel="C0APPROVE", limit=2)
    assert ([one["text"] for one in first["messages"]], first["has_more"]) == (["4", "3"], True)
    cursor = first["response_metadata"]["next_cursor"]
    assert await history(slack, limit=9, cursor=cursor) == ["2", "1", "0"]
    assert await history(slack, oldest=stamps[1], latest=stamps[3]) == ["2"]
    assert await history(slack, oldest=stamps[1], latest=stamps[3], inclusive=True) == ["3", "2", "1"]
    assert await error(history(slack, cursor="bad")) == "invalid_cursor"
    assert await error(history(slack, limit=1000)) == "invalid_limit"


async def test_history_gives_metadata_only_when_asked(slack: AsyncWebClient) -> None:
    await post(slack, metadata=METADATA)
    bare = await slack.conversations_history(channel="C0APPROVE")
    full = await slack.conversations_history(channel="C0APPROVE", include_all_metadata=True)
    assert "metadata" not in bare["messages"][0]
    assert full["messages"][0]["metadata"] == METADATA


async def test_replies_are_in_their_thread_only(fake: SlackFake, slack: AsyncWebClient) -> None:
    ts = await post(slack, "first")
    await post(slack, "reply", thread_ts=ts, metadata=METADATA)
    await post(slack, "to all", thread_ts=ts, reply_broadcast=True)
    assert await history(slack) == ["to all", "first"]
    replies = await slack.conversations_replies(channel="C0APPROVE", ts=ts, include_all_metadata=True)
    assert [one["text"] for one in replies["messages"]] == ["first", "reply", "to all"]
    assert replies["messages"][1]["metadata"] == METADATA
    assert await error(slack.conversations_replies(channel="C0APPROVE", ts="1.000000")) == "thread_not_found"
    fake.delete_message("C0APPROVE", ts)
    assert await history(slack) == ["to all", "This message was deleted."]


async def test_what_one_person_alone_sees(fake: SlackFake, slack: AsyncWebClient) -> None:
    await slack.chat_postEphemeral(channel="C0APPROVE", user="U0DANA", text="for you")
    assert fake.workspace.seen_by("U0DANA") == ["for you"]
    assert await history(slack) == []
    fake.workspace.channels["C0APPROVE"].members.discard("U0DANA")
    call = slack.chat_postEphemeral(channel="C0APPROVE", user="U0DANA", text="for you")
    assert await error(call) == "user_not_in_channel"


async def test_people(slack: AsyncWebClient) -> None:
    assert (await slack.users_info(user="U0DANA"))["user"]["profile"]["email"] == "dana@shop.example"
    assert (await slack.users_info(user="U0GONE"))["user"]["deleted"] is True
    assert (await slack.users_lookupByEmail(email="Dana@shop.example"))["user"]["id"] == "U0DANA"
    assert await error(slack.users_info(user="U0NOBODY")) == "user_not_found"
    assert await error(slack.users_lookupByEmail(email="gone@shop.example")) == "users_not_found"


async def test_direct_messages(fake: SlackFake, slack: AsyncWebClient) -> None:
    channel = (await slack.conversations_open(users="U0DANA"))["channel"]["id"]
    assert channel.startswith("D")
    assert (await slack.conversations_open(users=["U0DANA"]))["channel"]["id"] == channel
    assert (await slack.chat_postMessage(channel="U0DANA", text="a"))["channel"] == channel
    assert [message.text for message in fake.workspace.posted(channel)] == ["a"]
    assert await error(slack.conversations_open(users="U0NOBODY")) == "user_not_found"
    assert await error(slack.conversations_open(users="U0GONE")) == "user_disabled"
    assert await error(slack.conversations_open(users="U0INTERLOCK")) == "cannot_dm_bot"


async def test_home_views(fake: SlackFake, slack: AsyncWebClient) -> None:
    first = (await slack.views_publish(user_id="U0DANA", view=HOME))["view"]
    second = (await slack.views_publish(user_id="U0DANA", view=HOME, hash=first["hash"]))["view"]
    assert second["id"] == first["id"] == fake.workspace.homes["U0DANA"].id
    assert await error(slack.views_publish(user_id="U0DANA", view=HOME, hash=first["hash"])) == "hash_conflict"
    assert await error(slack.views_publish(user_id="U0DANA", view=MODAL)) == "invalid_arguments"


async def test_a_trigger_opens_one_modal_within_three_seconds(fake: SlackFake, slack: AsyncWebClient) -> None:
    trigger = fake.api.triggers.issue("U0DANA")
    assert await error(slack.views_open(trigger_id="1.2.3", view=MODAL)) == "invalid_trigger_id"
    assert await error(slack.views_open(trigger_id=trigger, view=HOME)) == "invalid_arguments"
    await slack.views_open(trigger_id=trigger, view=MODAL)
    assert await error(slack.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
    late = fake.api.triggers.issue("U0DANA")
    fake.clock.advance(3.1)
    assert await error(slack.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"
    assert len(fake.workspace.open_views("U0DANA")) == 1


async def test_a_modal_is_updated_by_its_hash(fake: SlackFake, slack: AsyncWebClient) -> None:
    trigger = fake.api.triggers.issue("U0DANA")
    given = (await slack.views_open(trigger_id=trigger, view={**MODAL, "external_id": "mine"}))["view"]
    await slack.views_update(view_id=given["id"], view=MODAL, hash=given["hash"])
    again = slack.views_update(view_id=given["id"], view=MODAL, hash=given["hash"])
    assert await error(again) == "hash_conflict"
    assert await error(slack.views_update(external_id="mine", view=MODAL)) == "not_found"
    assert len(fake.workspace.views[given["id"]].earlier) == 1


async def test_posts_are_limited_by_channel(fake: SlackFake, slack: AsyncWebClient) -> None:
    fake.limits.rate = 1.0
    fake.workspace.add_channel("C0OTHER")
    for _ in range(3):
        await post(slack)
    with pytest.raises(SlackApiError) as raised:
        await post(slack)
    answer = raised.value.response
    assert (answer.status_code, answer.headers["Retry-After"], answer["error"]) == (429, "1", "ratelimited")
    await slack.chat_postMessage(channel="C0OTHER", text="a")
    fake.clock.advance(1)
    await post(slack)
    assert (fake.limits.refused, len(fake.workspace.posted())) == (1, 5)


async def test_updates_are_limited_by_workspace(fake: SlackFake, slack: AsyncWebClient) -> None:
    ts = await post(slack)
    fake.limits.rate = 1.0
    for _ in range(50):
        await slack.chat_update(channel="C0APPROVE", ts=ts, text="b")
    assert await error(slack.chat_update(channel="C0APPROVE", ts=ts, text="b")) == "ratelimited"
    fake.limits.rate = 20.0
    fake.clock.advance(0.06)
    await slack.chat_update(channel="C0APPROVE", ts=ts, text="b")


async def end_of(slack: AsyncWebClient) -> str:
    """How a post ends for its caller."""
    try:
        await post(slack)
    except SlackApiError as failed:
        return str(failed.response.status_code)
    except TimeoutError:
        return "timeout"
    except aiohttp.ServerDisconnectedError:
        return "disconnect"
    except aiohttp.ClientOSError:
        return "disconnect"
    return "ok"


@pytest.mark.parametrize("kind", KINDS)
async def test_each_failure(fake: SlackFake, slack: AsyncWebClient, kind: Any) -> None:
    fake.fail_next("chat.postMessage", kind)
    slack.timeout = 0.2  # type: ignore[assignment]  # aiohttp takes fractions
    assert await end_of(slack) == kind.split(" ")[0]
    committed = kind.endswith("after commit")
    assert len(fake.workspace.messages) == committed
    assert (fake.calls[-1].outcome, fake.calls[-1].committed) == (kind, committed)
    assert await end_of(slack) == "ok"


async def test_random_failures_are_the_same_for_the_same_seed(fake: SlackFake, slack: AsyncWebClient) -> None:
    ends = []
    for _ in range(2):
        fake.failing = Failing(0.5, ("500", "disconnect after commit"), seed=7)
        ends.append([await end_of(slack) for _ in range(20)])
    assert ends[0] == ends[1]
    assert set(ends[0]) == {"ok", "500", "disconnect"}


async def test_down_and_up_again(fake: SlackFake, slack: AsyncWebClient) -> None:
    await slack.auth_test()
    fake.down = True
    assert await end_of(slack) == "disconnect"
    fake.down = False
    assert await end_of(slack) == "ok"
    assert [call.outcome for call in fake.calls] == ["ok", "down", "ok"]


async def test_a_call_that_hangs_does_not_hold_the_end_up() -> None:
    async with SlackFake.serving(signing_secret="s", token="xoxb-1") as fake:
        fake.fail_next("auth.test", "timeout before commit")
        slack = AsyncWebClient("xoxb-1", base_url=fake.api_url, retry_handlers=[], timeout=5)
        hanging = asyncio.create_task(slack.auth_test())
        await fake.api.called("auth.test")
    with pytest.raises(aiohttp.ClientError):
        await hanging
