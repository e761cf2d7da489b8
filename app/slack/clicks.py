"""Clicks on Approve and Deny, and the forms that they open: decided before Slack has its answer, if that is quick."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from app.domain.errors import InterlockError
from app.slack import errors, forms
from app.slack.deciding import RECORDING, SILENT, Deciding, Said, Wish
from app.slack.details_modal import Modals
from app.slack.interaction import Interaction
from app.slack.keeping import Keeping
from app.slack.pieces import Json
from app.slack.submissions import Submissions, done, unfit, updated
from app.slack.values import decode


@dataclass(frozen=True, slots=True)
class Clicks:
    """What the buttons and forms do. ``decided``: told the Slack user whose decision was recorded."""

    deciding: Deciding
    modals: Modals
    submissions: Submissions
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
            return updated(Said("Not done", errors.sentence(error, "")))
        again = unfit(state.reason)
        if again is not None:
            return again
        wish = Wish(act.account, state.click, state.decision, state.reason, act.at)
        late = Said("Recording…", RECORDING)
        return await self.submissions.answer(act, self._decided(act, wish), state.origin, late, closes=True)

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
        late = not await done(task, act.deadline)
        self.keeping.start(self._tell_all(act, task, late=late and recording), "an answer to a click")

    async def _tell_all(self, act: Interaction, task: asyncio.Task[Said], *, late: bool) -> None:
        if late:
            await self.submissions.tell(act, Said("Recording…", RECORDING))
        said = await task
        if said is not SILENT:
            await self.submissions.tell(act, said)


def _about(act: Interaction) -> str | None:
    try:
        return decode(act.value).request_id
    except InterlockError:
        return None
