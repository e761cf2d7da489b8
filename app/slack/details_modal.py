"""Modals: Details and its pages, the forms that ask for a reason, and notices."""

from __future__ import annotations

import logging

from app.domain.errors import InterlockError, Unavailable
from app.slack import forms
from app.slack.deciding import Deciding, Said
from app.slack.details import Details, details, state_of
from app.slack.interaction import Interaction
from app.slack.pieces import Json
from app.slack.values import Click, Origin, decode
from app.slack.web import Refused, Slack, SlackError
from app.use_cases.card_facts import CardFacts

log = logging.getLogger(__name__)

NOT_OPENED = "Slack did not open it in time; nothing was recorded."


class Modals:
    """Opens and changes them. Whoever has a card before them may look, if they are of our own team."""

    def __init__(self, slack: Slack, deciding: Deciding, api_url: str) -> None:
        """``api_url``: where what Slack cannot do is done."""
        self._slack, self._deciding, self._api_url = slack, deciding, api_url

    async def open_details(self, act: Interaction) -> None:
        """Open Details at its first page. Raises InterlockErrors."""
        self._deciding.require_ours(act.account)
        click = decode(act.value)
        shown, card = await self._details(click)
        await self._place(act, shown.view(0, card, Origin(act.channel, act.message_ts)))

    async def turn(self, act: Interaction, by: int) -> None:
        """Show another page; the first one if the request has changed since: nobody decides on what they skipped.

        Raises InterlockErrors.
        """
        self._deciding.require_ours(act.account)
        if act.modal is None:
            return
        state = state_of(act.modal.sent)
        shown, card = await self._details(state.click)
        page = 0 if card is not None and card != state.click.card else state.page + by
        await self._place(act, shown.view(page, card, state.origin))

    async def ask(self, act: Interaction, decision: forms.Decision, facts: CardFacts, click: Click) -> None:
        """Open the form for a reason, in place of the modal if it was asked for in one. Raises Unavailable."""
        origin = Origin(act.channel, act.message_ts) if act.modal is None else self.origin(act)
        await self._place(act, forms.reason_form(decision, facts, click, origin))

    async def open(self, act: Interaction, view: Json) -> None:
        """Open a modal, in place of the one in which somebody clicked. Raises Unavailable."""
        await self._place(act, view)

    async def say(self, act: Interaction, said: Said) -> bool:
        """A notice in place of the modal, or in one if it was done at home; whether Slack took it."""
        view = forms.notice(said.title, said.sentence, said.rows)
        try:
            if act.modal is not None:
                await self._slack.call("views.update", view_id=act.modal.id, view=view)
            else:
                await self._slack.call("views.open", trigger_id=act.trigger_id, view=view)
        except SlackError as error:
            log.info("slack: a notice could not be shown: %s", error)
            return False
        return True

    def origin(self, act: Interaction) -> Origin:
        """The message from which the modal was opened, if it is known."""
        try:
            return Origin(None, None) if act.modal is None else state_of(act.modal.sent).origin
        except InterlockError:
            return Origin(None, None)

    async def _details(self, click: Click) -> tuple[Details, str | None]:
        """Details as of now, and the hash under which that is on record, if decisions are made on it."""
        facts = await self._deciding.facts(click)
        shown = details(facts, live=True, api_url=self._api_url)
        return shown, await self._deciding.show(click, shown.content()) if shown.decides else None

    async def _place(self, act: Interaction, view: Json) -> None:
        """Open a modal, or put it in place of the one in which somebody clicked. Raises Unavailable."""
        try:
            if act.modal is None:
                await self._slack.call("views.open", trigger_id=act.trigger_id, view=view)
            else:
                await self._slack.call("views.update", view_id=act.modal.id, hash=act.modal.hash, view=view)
        except Refused as refused:
            if refused.error == "hash_conflict":
                return  # two clicks at once: the other one has changed it
            log.warning("slack: a modal is refused: %s", refused.error)
            raise Unavailable(NOT_OPENED) from None
        except SlackError as error:
            log.info("slack: a modal could not be shown: %s", error)
            raise Unavailable(NOT_OPENED) from None
