"""What one person does in Slack to decide one request, and what they are told of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.fakes.slack.delivery import Sent
from tests.fakes.slack.server import SlackFake
from tests.fakes.slack.state import View
from tests.journeys.slack.board import Board
from tests.slack.seen import strings

LOOKS_AGAIN_AFTER = 8.0
"""Seconds without any answer after which a person tries once more."""
FORMS = ("approve", "deny")
TAKEN, GONE = "taken", "no such button"


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody wants. ``through``: the button on the message that they begin with."""

    request_id: str
    channel: str
    say: str
    reason: str
    through: str


class Hands:
    """One try of one person."""

    def __init__(self, fake: SlackFake, board: Board, user: str) -> None:
        self._fake, self._board, self._user = fake, board, user
        self._calls, self._views = len(fake.calls), set(fake.workspace.views)

    async def carry_out(self, plan: Plan) -> str | None:
        """What the person was told in the end.

        `TAKEN`: a form was accepted and closed; `GONE`: there is nothing to click on any more; None: nothing came.
        """
        try:
            return await self._carried_out(plan)
        except TimeoutError:
            return None
        finally:
            for view in reversed(self._fake.workspace.open_views(self._user)):
                await self._fake.people.close(self._user, view.id)

    async def _carried_out(self, plan: Plan) -> str | None:
        found = self._board.button(plan.request_id, plan.channel, plan.through)
        if found is None:
            return GONE
        message, block = found
        people = self._fake.people
        sent = took(await people.click(self._user, plan.channel, message.ts, plan.through, block_id=block))
        answer = await self._until(lambda: self._view() or self._said(sent))
        while isinstance(answer, View):
            answer = await self._go_on(plan, answer)
        return answer

    async def _go_on(self, plan: Plan, view: View) -> View | str | None:
        """One act in the modal that is open; what comes of it."""
        people, callback, stood = self._fake.people, view.given["callback_id"], view.hash
        if callback == "notice":
            text = words(view)
            if "Recording" not in text:
                return text
        elif callback in FORMS:
            took(await people.submit(self._user, view.id, {"reason": plan.reason}))
            if not view.open:
                return TAKEN
        else:
            turn = self._turn(view, plan.say)
            if turn is None:
                return GONE
            took(await people.click_in_view(self._user, view.id, turn))
        return await self._until(lambda: self._changed(view, stood) or self._shown_in_channel())

    def _turn(self, view: View, say: str) -> str | None:
        actions = [element["action_id"] for _, element in self._fake.workspace.buttons(view.given["blocks"])]
        return next((action for action in ("next", say) if action in actions), None)

    def _changed(self, view: View, stood: str) -> View | None:
        return view if view.open and view.hash != stood else None

    def _view(self) -> View | None:
        """The modal that came of this try."""
        mine = self._fake.workspace.open_views(self._user)
        return next((view for view in mine if view.id not in self._views), None)

    def _said(self, sent: Sent) -> str | None:
        """What came by the address that went along with the click, or into the channel."""
        path = urlsplit(sent.payload["response_url"]).path
        for call in self._fake.calls[self._calls :]:
            if call.method == "response_url" and call.arguments["path"] == path and call.committed:
                text = str(json.loads(call.arguments["body"])["text"])
                if "Recording" not in text:
                    return text
        return self._shown_in_channel()

    def _shown_in_channel(self) -> str | None:
        for call in self._fake.calls[self._calls :]:
            to_me = call.method == "chat.postEphemeral" and call.arguments.get("user") == self._user
            if to_me and call.committed:
                return str(call.arguments["text"])
        return None

    async def _until(self, condition: Callable[[], View | str | None]) -> View | str | None:
        found: View | str | None = await self._fake.until(condition, LOOKS_AGAIN_AFTER)
        return found


def took(sent: Sent) -> Sent:
    """What the app took. Raises TimeoutError if Slack had no answer in its three seconds: the person sees an error."""
    if sent.status is None and sent.seen == "operation_timeout":
        raise TimeoutError
    assert sent.ok, f"Slack says to whoever clicked: {sent.seen}"
    return sent


def words(view: View) -> str:
    """What a modal says."""
    return " ".join(strings(view.given["blocks"]))
