"""Arguments as Slack takes them: query, form or JSON, with JSON in strings where a form cannot nest."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

Object = dict[str, Any]

_PAGE = frozenset({"channel", "cursor", "inclusive", "include_all_metadata", "latest", "limit", "oldest"})
_POST = frozenset({"channel", "text", "blocks", "thread_ts"})

# What our product has a reason to send. Slack knows more; that we send more by mistake is a complaint.
KNOWN: dict[str, frozenset[str]] = {
    "auth.test": frozenset(),
    "chat.postMessage": _POST | {"metadata", "unfurl_links", "unfurl_media", "reply_broadcast", "mrkdwn"},
    "chat.update": frozenset({"channel", "ts", "text", "blocks", "metadata", "reply_broadcast"}),
    "chat.postEphemeral": _POST | {"user"},
    "views.open": frozenset({"trigger_id", "view"}),
    "views.update": frozenset({"view_id", "external_id", "view", "hash"}),
    "views.publish": frozenset({"user_id", "view", "hash"}),
    "users.info": frozenset({"user", "include_locale"}),
    "users.lookupByEmail": frozenset({"email"}),
    "conversations.open": frozenset({"users", "channel", "return_im"}),
    "conversations.history": _PAGE,
    "conversations.replies": _PAGE | {"ts"},
    "apps.connections.open": frozenset(),
}
FORM_ONLY = frozenset({"users.info", "users.lookupByEmail"})
_NESTED = {"blocks": list, "metadata": dict, "view": dict}
_UNREADABLE = {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format", "view": "invalid_arguments"}


class SlackError(Exception):
    """What Slack refuses: its error code, and the sentences of response_metadata.messages."""

    def __init__(self, code: str, *messages: str) -> None:
        super().__init__(code)
        self.code, self.messages = code, messages


async def read(request: web.Request) -> Object:
    """The arguments of a call, strings where a form gave them. Raises `SlackError`."""
    arguments: Object = dict(request.query)
    if request.content_type == "application/json":
        return arguments | _object(await request.read())
    if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return arguments | {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    if await request.read():
        raise SlackError("invalid_post_type")
    return arguments


def _object(body: bytes) -> Object:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(value, dict):
        raise SlackError("json_not_object")
    return value


def unfolded(arguments: Object) -> Object:
    """The arguments with blocks, metadata and view as JSON values, whichever way they came. Raises `SlackError`."""
    made = dict(arguments)
    for name, shape in _NESTED.items():
        if isinstance(value := made.get(name), str):
            made[name] = value = _parsed(name, value)
        if value is not None and not isinstance(value, shape):
            raise SlackError(_UNREADABLE[name], f"[ERROR] must be a JSON {shape.__name__} [json-pointer:/{name}]")
    return made


def _parsed(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise SlackError(_UNREADABLE[name], f"[ERROR] is not JSON [json-pointer:/{name}]") from error


def truth(value: Any) -> bool:
    """A boolean as Slack reads it: true, 1, "1", "true"."""
    return value in (True, 1, "1", "true", "True")


def token(request: web.Request, arguments: Object) -> str | None:
    """The call's token, out of the header or, taken out of them, the arguments."""
    said = arguments.pop("token", None)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return given if scheme == "Bearer" and given else said
