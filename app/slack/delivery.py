"""One step of a message as one call to Slack, and what its answer means for the message."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from app.slack.pace import Pace
from app.slack.web import Limited, Lost, Refused, Slack, Unreachable
from app.use_cases.messages import Result, Step

log = logging.getLogger(__name__)

METHOD = {
    "open": "conversations.open",
    "post": "chat.postMessage",
    "reply": "chat.postMessage",
    "update": "chat.update",
}

GONE = frozenset({"message_not_found", "thread_not_found"})
FROZEN = frozenset({"cant_update_message", "edit_window_closed"})
UNFIT = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_too_long",
        "msg_blocks_too_long",
        "no_text",
        "metadata_too_large",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "too_many_attachments",
    }
)
CLOSED = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "is_inactive",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "posting_to_general_channel_denied",
        "messages_tab_disabled",
        "user_not_found",
        "user_disabled",
        "users_not_found",
        "user_not_visible",
        "cannot_dm_bot",
        "invalid_user_combination",
    }
)
"""Nothing can be posted in that place, whatever it is."""

SKEW = timedelta(minutes=5)
"""How far Slack's clock may be behind ours when we look for what we have posted."""

AT_MOST = timedelta(minutes=1)
"""After its posting was announced, the longest until Slack has it."""

PAGE, PAGES = 200, 50
REFUSED_FOR = 60.0
"""Seconds after which a call is tried again that Slack refused for a reason of its own: a scope, a token, a setting."""


def method_of(step: Step) -> str:
    """The method of Slack's Web API that a step calls."""
    return METHOD.get(step.op) or ("conversations.replies" if step.thread else "conversations.history")


async def deliver(slack: Slack, pace: Pace, step: Step, us: str | None) -> Result:
    """Make the call of a step; its turn has come. Never raises for what Slack or the network does.

    ``us``: the user that our bot is; other apps can put any metadata on messages of theirs.
    """
    try:
        if step.op in ("find", "blank"):
            return await (_find if step.op == "find" else _blank)(slack, pace, step, us)
        return _meaning(step, await slack.call(method_of(step), **_arguments(step)))
    except Limited as limited:
        pace.hold(method_of(step), step.place, limited.retry_after)
        return Result("again", wait=limited.retry_after, why="ratelimited")
    except Unreachable:
        return Result("again", why="unreachable")
    except Lost:
        return Result("lost", why="no answer")
    except Refused as refused:
        return _refused(refused)


def _arguments(step: Step) -> dict[str, Any]:
    if step.op == "open":
        return {"users": step.place}
    if step.op == "update":
        return {"channel": step.channel, "ts": step.ts, **step.body}
    return {"channel": step.channel, **step.body} | ({"thread_ts": step.thread} if step.thread else {})


def _meaning(step: Step, answer: dict[str, Any]) -> Result:
    if step.op == "open":
        return Result("done", channel=answer["channel"]["id"])
    return Result("done", channel=answer["channel"], ts=answer["ts"])


def _refused(refused: Refused) -> Result:
    words = ((GONE, "gone"), (FROZEN, "frozen"), (UNFIT, "unfit"), (CLOSED, "closed"))
    word = next((word for errors, word in words if refused.error in errors), "again")
    if word == "again":
        log.error("slack refuses: %s", refused.error)
    return Result(word, why=refused.error, wait=REFUSED_FOR if word == "again" else 0.0)


async def _find(slack: Slack, pace: Pace, step: Step, us: str | None) -> Result:
    """Look whether what was posted stands, by its metadata; newest first, back to when it was posted."""
    cursor = ""
    for page in range(PAGES):
        if page:
            await pace.turn(method_of(step), step.place)
        answer = await _page(slack, step, cursor)
        for message in answer["messages"]:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            known = payload.get("message") == str(step.message_id) and payload.get("what") == step.what
            if known and message.get("user") == us and message["ts"] != step.thread:  # that one it has replaced
                return Result("done", channel=step.channel, ts=message["ts"])
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return Result("not-there")
    return Result("again", why="too much was posted since")


async def _blank(slack: Slack, pace: Pace, step: Step, us: str | None) -> Result:
    """Find a reply and replace it; one that is gone need not be. Slack's answer otherwise as for an update."""
    found = await _find(slack, pace, step, us)
    if found.word != "done" or found.ts is None:
        return found
    await pace.turn("chat.update", step.place)
    try:
        await slack.call("chat.update", channel=step.channel, ts=found.ts, **step.body)
    except Refused as refused:
        if refused.error not in GONE | FROZEN:
            raise
        log.warning("slack: a reply about what was erased cannot be replaced: %s", refused.error)
        return Result("not-there", why=refused.error)
    return found


async def _page(slack: Slack, step: Step, cursor: str) -> dict[str, Any]:
    given: dict[str, Any] = {"channel": step.channel, "limit": PAGE, "include_all_metadata": True}
    if step.thread:
        given["ts"] = step.thread
    if cursor:
        given["cursor"] = cursor
    if step.since is not None:
        given["oldest"] = f"{(step.since - SKEW).timestamp():.6f}"
        given["latest"] = f"{(step.since + SKEW + AT_MOST).timestamp():.6f}"
    return await slack.call(method_of(step), **given)
