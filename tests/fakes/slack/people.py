"""The people of a workspace: they click, fill in, command, and see what comes of it."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.slack.arguments import SlackError
from tests.fakes.slack.calls import WebApi
from tests.fakes.slack.delivery import Delivery, Sent, signed
from tests.fakes.slack.hooks import Hooks
from tests.fakes.slack.messages_api import require_message
from tests.fakes.slack.payloads import VERIFICATION_TOKEN, Payloads
from tests.fakes.slack.state import Ephemeral, Message, Version, View, Workspace
from tests.fakes.slack.views_api import require_view

Object = dict[str, Any]

EVENT_RETRIES = 3
NO_CONNECTION = "We had some trouble connecting. Try again?"


class People:
    """What they can do. Each act returns what was sent and what came back."""

    def __init__(self, workspace: Workspace, api: WebApi, hooks: Hooks, payloads: Payloads, delivery: Delivery) -> None:
        self._workspace, self._payloads, self._delivery = workspace, payloads, delivery
        self._views, self._hooks, self._complaints = api.views, hooks, api.complaints

    async def click(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        block_id: str | None = None,
        version: Version | None = None,
        chosen: Any = None,
        team: str | None = None,
    ) -> Sent:
        """Clicks a button (or picks `chosen` by its value) in a message or in what only this person sees.

        `version`: one that the message had earlier, for a screen that has not caught up. `team`: another workspace
        that the click comes from. Raises `LookupError` if the message has no such button now.
        """
        shown = self._shown(user, channel, ts, gone=version is not None)
        action = self._live(version.blocks if version else shown.blocks, action_id, block_id)
        payload = self._payloads.click(user, shown, version, action, chosen)
        if team is not None:
            payload["team"], payload["user"]["team_id"] = {"id": team, "domain": team.lower()}, team
        return self._clicked(user, await self._delivery.interactive(payload))

    def _shown(self, user: str, channel: str, ts: str, *, gone: bool) -> Message | Ephemeral:
        everything: list[Message | Ephemeral] = [*self._workspace.messages, *self._workspace.ephemerals]
        for one in everything:
            mine = isinstance(one, Message) or one.user == user
            if (one.channel, one.ts) == (channel, ts) and mine and (gone or not one.deleted):
                return one
        raise LookupError(f"{user} sees no message {ts} in {channel}")

    def _live(self, blocks: list[Object], action_id: str, block_id: str | None) -> tuple[Object, Object]:
        for block, element in self._workspace.buttons(blocks):
            if element["action_id"] == action_id and block_id in {None, block["block_id"]}:
                return block, element
        raise LookupError(f"there is no live element {action_id}")

    def _clicked(self, user: str, sent: Sent) -> Sent:
        if sent.ok and sent.answer.strip():
            self._complaints.append("a click was answered with a body, which Slack ignores")
        return self._told(user, sent)

    def _told(self, user: str, sent: Sent) -> Sent:
        if sent.seen is not None:
            self._workspace.show(user, sent.seen)
        return sent

    async def click_in_view(
        self,
        user: str,
        view_id: str,
        action_id: str,
        *,
        block_id: str | None = None,
        chosen: Any = None,
        values: Object | None = None,
    ) -> Sent:
        """Clicks in an open modal or in the home view; `values`: what is filled in. Raises `LookupError`."""
        view = self._view(user, view_id)
        action = self._live(view.given["blocks"], action_id, block_id)
        payload = self._payloads.click_in_view(user, view, action, chosen, values or {})
        return self._clicked(user, await self._delivery.interactive(payload))

    def _view(self, user: str, view_id: str) -> View:
        for view in (*self._workspace.open_views(user), *self._workspace.homes.values()):
            if (view.id, view.user) == (view_id, user):
                return view
        raise LookupError(f"{user} has no view {view_id} open")

    async def submit(self, user: str, view_id: str, values: Object | None = None) -> Sent:
        """Submits a modal; `values` by action id, options by their value; then does what the app answers.

        Raises `LookupError` if the view is not open or has no such input, `ValueError` if Slack's client would not
        send the form.
        """
        view = self._view(user, view_id)
        sent = await self._delivery.interactive(self._payloads.submission(user, view, values or {}))
        if not sent.ok:
            sent.seen = NO_CONNECTION
            return self._told(user, sent)
        try:
            self._act(view, sent.json or {})
        except (SlackError, ValueError, TypeError, AttributeError) as error:
            self._complaints.append(f"the answer to a submission is not one: {error!r}")
            sent.seen = NO_CONNECTION
        return self._told(user, sent)

    def _act(self, view: View, answer: Object) -> None:
        match answer.get("response_action"):
            case None if not answer:
                view.open = False
            case "errors":
                self._show_errors(view, answer["errors"])
            case "update":
                require_view(answer["view"], "modal")
                self._workspace.replace(view, answer["view"])
            case "push":
                require_view(answer["view"], "modal")
                self._views.put(view.user, answer["view"], view)
            case "clear":
                for one in self._workspace.open_views(view.user):
                    one.open = False
            case other:
                raise ValueError(other)

    @staticmethod
    def _show_errors(view: View, errors: Object) -> None:
        inputs = {block["block_id"] for block in view.given["blocks"] if block["type"] == "input"}
        if not errors or not set(errors) <= inputs:
            raise ValueError(f"errors for {sorted(set(errors) - inputs)}, which are no input blocks")
        view.errors = dict(errors)

    async def close(self, user: str, view_id: str) -> Sent | None:
        """Closes a modal; the app is told if the view asks for it. Raises `LookupError`."""
        view = self._view(user, view_id)
        view.open = False
        if not view.given.get("notify_on_close"):
            return None
        return await self._delivery.interactive(self._payloads.closed(user, view))

    async def command(self, user: str, channel: str, command: str, text: str = "") -> Sent:
        """Types a slash command; what the app answers at once is shown to the person alone, or to all."""
        sent = await self._delivery.command(self._payloads.command(user, channel, command, text))
        if not sent.ok:
            sent.seen = f"{command} failed with the error {sent.seen}"
        elif sent.answer.strip():
            self._answered(user, channel, command, sent)
        return self._told(user, sent)

    def _answered(self, user: str, channel: str, command: str, sent: Sent) -> None:
        answer: Object = {"text": sent.answer.decode()}
        if sent.answer_headers.get("content-type", "").startswith("application/json"):
            answer = json.loads(sent.answer)
        try:
            require_message(answer.get("text"), answer.get("blocks"))
        except SlackError as error:
            self._complaints.append(f"the answer to a command is not a message: {error.code} {error.messages}")
            sent.seen = f"{command} failed with the error dispatch_failed"
            return
        self._hooks.say(channel, user, answer, "command")

    async def event(self, event: Object, *, retried: bool = True) -> list[Sent]:
        """Sends an event, and up to three times more (at once) while it is not taken; gives all deliveries."""
        payload, sent = self._payloads.event(event), list[Sent]()
        for retry in range(1 + (EVENT_RETRIES if retried else 0)):
            reason = "http_timeout" if sent and sent[-1].status is None else "http_error"
            sent.append(await self._delivery.event(payload, retry, reason if retry else ""))
            status = sent[-1].status
            if (status is not None and 200 <= status < 300) or sent[-1].answer_headers.get("x-slack-no-retry") == "1":
                break
        return sent

    async def app_home_opened(self, user: str, tab: str = "home") -> list[Sent]:
        """Opens the app's home."""
        event: Object = {
            "type": "app_home_opened",
            "user": user,
            "tab": tab,
            "channel": self._workspace.direct(user).id,
        }
        if home := self._workspace.homes.get(user):
            event["view"] = self._workspace.as_view(home)
        return await self.event({**event, "event_ts": self._workspace.ts()})

    async def url_verification(self, challenge: str = "a-challenge") -> Sent:
        """What Slack sends when the events URL is entered."""
        payload = {"token": VERIFICATION_TOKEN, "challenge": challenge, "type": "url_verification"}
        return await self._delivery.event(payload)

    async def resend(self, sent: Sent) -> Sent:
        """Sends the same bytes under the same headers once more; nothing is done with the answer."""
        return await self._delivery.resend(sent)

    async def raw(self, body: bytes, headers: dict[str, str]) -> Sent:
        """Posts any bytes under any headers to the events URL; see `signed` for good headers."""
        return await self._delivery.raw(body, headers)

    def signed(self, body: bytes, timestamp: float | str | None = None, secret: str | None = None) -> dict[str, str]:
        """Slack's headers for a body: by default of now and with the right secret."""
        return signed(body, self._delivery.signing_secret if secret is None else secret, timestamp)
