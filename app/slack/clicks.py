"""Clicks on Approve and Deny, and the forms that they open: decided before Slack has its answer, if that is quick."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from app.domain.errors import InterlockError
from app.slack import errors, forms
from app.slack.answers import Answers
from app.slack.deciding import RECORDING, SILENT, Deciding, Said, Wish
from app.slack.details_modal import Modals
from app.slack.interaction import Interaction
from app.slack.keeping import Keeping
from app.slack.pieces import Json
from app.slack.values import Origin, decode

AFTER_THE_ANSWER = 0.5
"""Seconds from answering a form with a view to the next change of that view: Slack shows the answer first."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Clicks:
    """What the buttons and forms do. ``decided``: told the Slack user whose decision was recorded."""

    deciding: Deciding
    modals: Modals
    answers: Answers
    keeping: Keeping
    decided: Callable[[Interaction], None]

    async def approve(self, act: Interaction) -> None:
        """Approve at once, or ask for the reason that the stage wants."""
        await self._in_time(act, self._approve(act), recording=True)

    async def deny(self, act: Interaction) -> None:
        """Ask for the reason."""
        await self._in_time(act, self._ask(act, "deny"))

    async def details(self, act: Interaction) -> None:
        """Open Details."""
        await self._in_time(act, self._silently(self.modals.open_details(act)))

    async def turn(self, act: Interaction, by: int) -> None:
        """Show another page of Details."""
        await self._in_time(act, self._silently(self.modals.turn(act, by)))

    async def submit(self, act: Interaction) -> Json | None:
        """A form with a reason was sent; Slack's answer to that."""
        try:
            state = forms.form_state(act.view.sent if act.view else {})
        except InterlockError as error:
            return _updated(Said("Not done", errors.sentence(error, "")))
        if not state.reason:
            return _reason_error("Say why, in a few words.")
        if _NO_TEXT.search(state.reason):
            return _reason_error("This holds characters that cannot be kept; write it anew.")
        wish = Wish(act.account, state.click, state.decision, state.reason, act.at)
        return await self._submitted(act, wish, state.origin)

    async def _submitted(self, act: Interaction, wish: Wish, origin: Origin) -> Json:
        deciding = self.keeping.start(self._decided(act, wish), "a decision")
        if not await _done(deciding, act.deadline):
            self.keeping.start(self._tell_later(act, deciding, origin), "the outcome of a form")
            return _updated(Said("Recording…", RECORDING))
        said = deciding.result()
        return {"response_action": "clear"} if said.done else _updated(said)

    async def _tell_later(self, act: Interaction, deciding: asyncio.Task[Said], origin: Origin) -> None:
        answered = asyncio.get_running_loop().time()
        said = await deciding
        await asyncio.sleep(max(0.0, answered + AFTER_THE_ANSWER - asyncio.get_running_loop().time()))
        await self._tell(act, said, origin)

    async def _approve(self, act: Interaction) -> Said:
        wish = Wish(act.account, decode(act.value), "approve", None, act.at)
        facts = await self.deciding.wants_reason(wish)
        if facts is not None:
            await self.modals.ask(act, "approve", facts, wish.click)
            return SILENT
        return await self._decided(act, wish)

    async def _ask(self, act: Interaction, decision: forms.Decision) -> Said:
        click = decode(act.value)
        self.deciding.require_ours(act.account)
        await self.modals.ask(act, decision, await self.deciding.facts(click), click)
        return SILENT

    async def _decided(self, act: Interaction, wish: Wish) -> Said:
        said = await self.deciding.decide(wish)
        if said.done:
            self.decided(act)
        return said

    async def _silently(self, work: Awaitable[None]) -> Said:
        await work
        return SILENT

    async def _in_time(self, act: Interaction, work: Coroutine[Any, Any, Said], *, recording: bool = False) -> None:
        """Until the work is done, or Slack must have its answer: then the work goes on, and the person is told so."""
        task = self.keeping.start(self.deciding.safely(work, _about(act)), "a click")
        late = not await _done(task, act.deadline)
        self.keeping.start(self._tell_all(act, task, late=late and recording), "an answer to a click")

    async def _tell_all(self, act: Interaction, task: asyncio.Task[Said], *, late: bool) -> None:
        if late:
            await self._tell(act, Said("Recording…", RECORDING))
        said = await task
        if said is not SILENT:
            await self._tell(act, said)

    async def _tell(self, act: Interaction, said: Said, origin: Origin | None = None) -> None:
        """In the modal if it was done in one, else to the person alone in the channel."""
        if act.view is None or not await self.modals.say(act, said.title, said.sentence):
            await self.answers.say(_at(act, origin or self.modals.origin(act)), said.sentence)


async def _done(task: asyncio.Task[Any], deadline: float) -> bool:
    await asyncio.wait({task}, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
    return task.done()


def _about(act: Interaction) -> str | None:
    try:
        return decode(act.value).request_id
    except InterlockError:
        return None


def _at(act: Interaction, origin: Origin) -> Interaction:
    if act.channel is not None:
        return act
    return Interaction(act.account, act.deadline, channel=origin.channel, response_url=act.response_url)


def _updated(said: Said) -> Json:
    return {"response_action": "update", "view": forms.notice(said.title, said.sentence)}


def _reason_error(sentence: str) -> Json:
    return {"response_action": "errors", "errors": {"reason": sentence}}
