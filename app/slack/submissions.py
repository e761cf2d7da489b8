"""Forms that were sent: answered in time with what came of them, or with a word that it is under way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from app.slack import forms
from app.slack.answers import Answers
from app.slack.deciding import Said
from app.slack.details_modal import Modals
from app.slack.interaction import Interaction
from app.slack.keeping import Keeping
from app.slack.pieces import Json
from app.slack.values import Origin

AFTER_THE_ANSWER = 0.5
"""Seconds from answering a form with a view to the next change of that view: Slack shows the answer first."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Submissions:
    """Sees to it that Slack has its answer in time, and the person theirs in the end."""

    modals: Modals
    answers: Answers
    keeping: Keeping

    async def answer(
        self, act: Interaction, work: Coroutine[Any, Any, Said], origin: Origin, late: Said, *, closes: bool
    ) -> Json:
        """Slack's answer to a form. ``late``: what is said when the work is not done by then; the rest follows.

        ``closes``: the form closes when all is done, for the person sees elsewhere that it is.
        """
        task = self.keeping.start(work, "a form")
        if not await done(task, act.deadline):
            self.keeping.start(self._tell_later(act, task, origin), "the outcome of a form")
            return updated(late)
        said = task.result()
        return {"response_action": "clear"} if said.done and closes else updated(said)

    async def _tell_later(self, act: Interaction, task: asyncio.Task[Said], origin: Origin) -> None:
        answered = asyncio.get_running_loop().time()
        said = await task
        await asyncio.sleep(max(0.0, answered + AFTER_THE_ANSWER - asyncio.get_running_loop().time()))
        await self.tell(act, said, origin)

    async def tell(self, act: Interaction, said: Said, origin: Origin | None = None) -> None:
        """In the modal if it was done in one, else to the person alone in the channel."""
        if act.view is None or not await self.modals.say(act, said):
            await self.answers.say(_at(act, origin or self.modals.origin(act)), said.text)


async def done(task: asyncio.Task[Any], deadline: float) -> bool:
    """Whether a task is done by then, on the event loop's clock; it goes on in any case."""
    await asyncio.wait({task}, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
    return task.done()


def unfit(reason: str) -> Json | None:
    """Slack's answer to a form whose reason cannot be taken; None for one that can."""
    if not reason:
        return _reason_error("Say why, in a few words.")
    if _NO_TEXT.search(reason):
        return _reason_error("This holds characters that cannot be kept; write it anew.")
    return None


def updated(said: Said) -> Json:
    """Slack's answer to a form: a notice in its place."""
    return {"response_action": "update", "view": forms.notice(said.title, said.sentence, said.rows)}


def _at(act: Interaction, origin: Origin) -> Interaction:
    if act.channel is not None:
        return act
    return Interaction(act.account, act.deadline, channel=origin.channel, response_url=act.response_url)


def _reason_error(sentence: str) -> Json:
    return {"response_action": "errors", "errors": {"reason": sentence}}
