"""What somebody did in Slack, read from a payload that Slack has signed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.use_cases.actors import SlackAccount

Json = dict[str, Any]

_ID = re.compile(r"[A-Z0-9]{1,64}")
_TIMESTAMP = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_TOKEN = re.compile(r"[\x21-\x7e]{1,500}")
_URL = re.compile(r"[\x21-\x7e]{1,2000}")


class NotOfSlacksShape(ValueError):
    """The payload is not one that Slack sends. Its text quotes nothing."""


@dataclass(frozen=True, slots=True)
class View:
    """A modal or a home tab. ``sent``: all of it, as Slack sent it."""

    id: str
    hash: str
    kind: str
    sent: Json


@dataclass(frozen=True, slots=True)
class Interaction:
    """Who did what, and how they are answered.

    ``deadline``: on the event loop's clock; Slack must have our answer a little after. ``at``: Slack's own name for
    this one act, the same if it is sent again; empty where there is none. ``value``: of the button, or of the command.
    """

    account: SlackAccount
    deadline: float
    at: str = ""
    value: str = ""
    trigger_id: str | None = None
    response_url: str | None = None
    channel: str | None = None
    message_ts: str | None = None
    view: View | None = None

    @property
    def modal(self) -> View | None:
        """The modal in which it was done, if it was in one."""
        return self.view if self.view is not None and self.view.kind == "modal" else None


def clicked(body: Mapping[str, Any], deadline: float) -> Interaction:
    """A click on a button (``block_actions``). Raises NotOfSlacksShape."""
    actions = body.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise NotOfSlacksShape("no action")
    container = _object(body.get("container"))
    value = actions[0].get("value", "")
    return Interaction(
        account=_account(body),
        deadline=deadline,
        at=_required(actions[0].get("action_ts"), _TIMESTAMP),
        value=value if isinstance(value, str) else "",
        trigger_id=_optional(body.get("trigger_id"), _TOKEN),
        response_url=_optional(body.get("response_url"), _URL),
        channel=_optional(_object(body.get("channel")).get("id") or container.get("channel_id"), _ID),
        message_ts=_optional(container.get("message_ts"), _TIMESTAMP),
        view=None if body.get("view") is None else _view(body["view"]),
    )


def submitted(body: Mapping[str, Any], deadline: float) -> Interaction:
    """A form that was sent (``view_submission``); its name is that of the view as it stood. Raises NotOfSlacksShape."""
    view = _view(body.get("view"))
    return Interaction(
        account=_account(body),
        deadline=deadline,
        at=f"{view.id}-{view.hash}",
        trigger_id=_optional(body.get("trigger_id"), _TOKEN),
        view=view,
    )


def commanded(body: Mapping[str, Any], deadline: float) -> Interaction:
    """A slash command. Raises NotOfSlacksShape."""
    value = body.get("text", "")
    return Interaction(
        account=SlackAccount(_required(body.get("team_id"), _ID), _required(body.get("user_id"), _ID)),
        deadline=deadline,
        value=value if isinstance(value, str) else "",
        trigger_id=_optional(body.get("trigger_id"), _TOKEN),
        response_url=_optional(body.get("response_url"), _URL),
        channel=_optional(body.get("channel_id"), _ID),
    )


def opened_home(body: Mapping[str, Any]) -> SlackAccount | None:
    """Whose home tab was opened; None when it was another tab. Raises NotOfSlacksShape."""
    event = _object(body.get("event"))
    if event.get("tab", "home") != "home":
        return None
    return SlackAccount(_required(body.get("team_id"), _ID), _required(event.get("user"), _ID))


def _account(body: Mapping[str, Any]) -> SlackAccount:
    """The account, by its own team: in a shared channel that is not the team of the channel."""
    user = _object(body.get("user"))
    team = user.get("team_id") or _object(body.get("team")).get("id")
    return SlackAccount(_required(team, _ID), _required(user.get("id"), _ID))


def _view(given: Any) -> View:
    view = _object(given)
    ident, state = _required(view.get("id"), _ID), _required(view.get("hash"), _TOKEN)
    return View(ident, state, str(view.get("type")), view)


def _object(given: Any) -> Json:
    return given if isinstance(given, dict) else {}


def _required(given: Any, shape: re.Pattern[str]) -> str:
    if not isinstance(given, str) or not shape.fullmatch(given):
        raise NotOfSlacksShape("a name is missing, or not of Slack's shape")
    return given


def _optional(given: Any, shape: re.Pattern[str]) -> str | None:
    return given if isinstance(given, str) and shape.fullmatch(given) else None
