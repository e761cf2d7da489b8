"""What Slack tells an app that somebody did, key for key."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.fakes.slack import forms
from tests.fakes.slack.hooks import Hooks
from tests.fakes.slack.state import Ephemeral, Message, Version, View, Workspace
from tests.fakes.slack.triggers import Triggers

Object = dict[str, Any]

VERIFICATION_TOKEN = "verification-token"


class Payloads:
    """Makes payloads; each has its own trigger, and its own response URL where Slack gives one."""

    def __init__(self, workspace: Workspace, triggers: Triggers, hooks: Hooks, base: Callable[[], str]) -> None:
        self._workspace, self._triggers, self._hooks, self._base = workspace, triggers, hooks, base

    def _common(self, kind: str, user: str) -> Object:
        space, person = self._workspace, self._workspace.users[user]
        return {
            "type": kind,
            "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id},
            "api_app_id": space.app_id,
            "token": VERIFICATION_TOKEN,
            "team": {"id": space.team, "domain": space.domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def response_url(self, channel: str, user: str, original: Message | Ephemeral | None = None) -> str:
        """A new response URL."""
        return self._base() + self._hooks.issue(channel, user, original)

    def click(
        self, user: str, shown: Message | Ephemeral, version: Version | None, action: tuple[Object, Object], chosen: Any
    ) -> Object:
        """block_actions of a message; `version`: as the person had it before them; `action`: block and element."""
        secret = isinstance(shown, Ephemeral)
        container = {"type": "message", "message_ts": shown.ts, "channel_id": shown.channel, "is_ephemeral": secret}
        payload = self._common("block_actions", user) | {
            "container": container,
            "trigger_id": self._triggers.issue(user),
            "channel": {"id": shown.channel, "name": self._workspace.channels[shown.channel].name},
            "state": forms.state(version.blocks if version else shown.blocks, {}),
            "response_url": self.response_url(shown.channel, user, shown),
            "actions": [self._action(action, chosen)],
        }
        if isinstance(shown, Message):
            payload["message"] = self._workspace.as_message(shown, version)
            metadata = (version or shown.now).metadata
            if metadata is not None:
                payload["message"]["metadata"] = copy.deepcopy(metadata)
            if shown.thread_ts:
                container["thread_ts"] = shown.thread_ts
        return payload

    def click_in_view(
        self, user: str, view: View, action: tuple[Object, Object], chosen: Any, values: Object
    ) -> Object:
        """block_actions of a view."""
        return self._common("block_actions", user) | {
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self._triggers.issue(user),
            "view": self._filled(view, values),
            "actions": [self._action(action, chosen)],
        }

    def _action(self, action: tuple[Object, Object], chosen: Any) -> Object:
        block, element = action
        made: Object = {"action_id": element["action_id"], "block_id": block["block_id"], "type": element["type"]}
        if element["type"] == "button":
            made["text"] = {"emoji": True, **element["text"]}
            made |= {key: element[key] for key in ("value", "style") if key in element}
        elif element["type"] == "overflow":
            made["selected_option"] = forms.option(element, chosen)
        else:
            made |= forms.filled(element, {element["action_id"]: chosen})
        return {**made, "action_ts": self._workspace.ts()}

    def _filled(self, view: View, values: Object) -> Object:
        return self._workspace.as_view(view) | {"state": forms.state(view.given["blocks"], values)}

    def submission(self, user: str, view: View, values: Object) -> Object:
        """view_submission. Raises `ValueError` if Slack's client would not send the form."""
        filled = self._filled(view, values)
        if refused := forms.refused(view.given["blocks"], filled["state"]["values"]):
            raise ValueError("; ".join(refused))
        more = {"trigger_id": self._triggers.issue(user), "view": filled, "response_urls": []}
        return self._common("view_submission", user) | more

    def closed(self, user: str, view: View) -> Object:
        """view_closed"""
        return self._common("view_closed", user) | {"view": self._workspace.as_view(view), "is_cleared": False}

    def command(self, user: str, channel: str, command: str, text: str) -> dict[str, str]:
        """The form of a slash command."""
        space, person = self._workspace, self._workspace.users[user]
        return {
            "token": VERIFICATION_TOKEN,
            "team_id": space.team,
            "team_domain": space.domain,
            "channel_id": channel,
            "channel_name": space.channels[channel].name,
            "user_id": user,
            "user_name": person.name,
            "command": command,
            "text": text,
            "api_app_id": space.app_id,
            "is_enterprise_install": "false",
            "response_url": self.response_url(channel, user),
            "trigger_id": self._triggers.issue(user),
        }

    def event(self, event: Object) -> Object:
        """The envelope of an event."""
        space = self._workspace
        owner = {"enterprise_id": None, "team_id": space.team, "user_id": space.bot_user}
        return {
            "token": VERIFICATION_TOKEN,
            "team_id": space.team,
            "api_app_id": space.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": space.name("Ev"),
            "event_time": int(space.clock.now()),
            "authorizations": [{**owner, "is_bot": True, "is_enterprise_install": False}],
            "is_ext_shared_channel": False,
        }
