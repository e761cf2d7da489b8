"""What responders do from Slack: ask for a rollback, stop a bot or all of them. The core decides who may."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from app.domain.clocks import moment
from app.domain.errors import Conflict, InterlockError, NotFound, Unconfirmed
from app.slack import errors, naming, responder_forms
from app.slack.answers import ephemeral
from app.slack.deciding import Deciding, Said
from app.slack.details_modal import Modals
from app.slack.directory import Directory
from app.slack.interaction import Interaction
from app.slack.pieces import Json
from app.slack.responder_forms import RollbackState, StopState, whom
from app.slack.submissions import Submissions, unfit, updated
from app.slack.text import utc
from app.slack.values import Origin
from app.slack.words import brief, group, name
from app.use_cases import cards
from app.use_cases.actors import Actor
from app.use_cases.card_facts import RunningFacts, StopFacts
from app.use_cases.rollback import roll_back
from app.use_cases.services import Services
from app.use_cases.stop import suspend

ALL = "all"
"""What /interlock stop takes for the whole installation."""
LISTED = 20
"""Attempts that an answer names; the web API has all."""
UNSURE = (
    "No answer came in time: the rollback may yet be asked for. Look with /interlock show before you ask again; "
    "it counts once in any case."
)
CHANGED = "It has changed since you opened this form, and nothing was asked for. Send /interlock rollback {id} again."
RESUMED = "It was stopped and let go on since you opened this form; nothing was done. Send /interlock stop again."

S = TypeVar("S", RollbackState, StopState)


@dataclass(frozen=True, slots=True)
class Responding:
    """The commands, which open forms, and the forms. ``api_url``: where what Slack cannot do is done."""

    services: Services
    directory: Directory
    deciding: Deciding
    modals: Modals
    submissions: Submissions
    api_url: str

    async def ask_rollback(self, act: Interaction, named: str) -> Json | None:
        """Open the form, or say why not: a message. Raises InterlockErrors."""
        who = await self._person(act)
        found = await naming.found(self.services, who, "rollback", named)
        if isinstance(found, str):
            return ephemeral(found)
        facts, undo = await cards.undo(self.services, who, found)
        await self.modals.open(act, responder_forms.rollback_form(facts, undo, Origin(act.channel, None)))
        return None

    async def ask_stop(self, act: Interaction, named: str) -> Json | None:
        """Open the form, or say why not: a message. Raises InterlockErrors."""
        who = await self._person(act)
        if not named:
            return ephemeral(await self._which(who, "Name a bot: /interlock stop BOT, or /interlock stop all."))
        try:
            stop = await cards.stop(self.services, who, _bot(named))
        except NotFound:
            return ephemeral(await self._which(who, f"There is no bot {name(named)}."))
        await self.modals.open(act, responder_forms.stop_form(stop, Origin(act.channel, None)))
        return None

    async def rollback(self, act: Interaction) -> Json:
        """The form was sent that asks for a rollback; Slack's answer to that."""
        late = Said("Asking…", "Asking for the rollback…")
        return await self._answer(act, responder_forms.rollback_state, self._roll_back, late)

    async def stop(self, act: Interaction) -> Json:
        """The form was sent that stops bots; Slack's answer to that."""
        return await self._answer(act, responder_forms.stop_state, self._stop, Said("Stopping…", "Stopping…"))

    async def _answer(
        self,
        act: Interaction,
        read: Callable[[Json], S],
        work: Callable[[Interaction, S], Coroutine[Any, Any, Said]],
        late: Said,
    ) -> Json:
        try:
            state = read(act.view.sent if act.view else {})
        except InterlockError as error:
            return updated(Said("Not done", errors.sentence(error, self.api_url)))
        again = unfit(state.reason)
        if again is not None:
            return again
        said = self.deciding.safely(work(act, state))
        return await self.submissions.answer(act, said, state.origin, late, closes=False)

    async def _roll_back(self, act: Interaction, state: RollbackState) -> Said:
        who = await self._person(act)
        request_id = uuid.UUID(state.click.request_id)
        if await self._differs(who, request_id, state.seen):
            return Said("Not done", CHANGED.format(id=brief(state.click.request_id)))
        try:
            asked = await roll_back(self.services, who, request_id, _key(act, state.reason), state.reason)
        except Unconfirmed:
            return Said("Not sure", UNSURE)
        return Said("Asked for", _asked(asked.view), done=True)

    async def _differs(self, who: Actor, request_id: uuid.UUID, seen: str) -> bool:
        """Whether somebody would ask for another thing than they saw. Raises Forbidden, NotFound.

        What conflicts, the core says: it knows whether this form itself has asked for what stands.
        """
        try:
            facts, undo = await cards.undo(self.services, who, request_id)
        except Conflict:
            return False
        return responder_forms.seen(facts, undo) != seen

    async def _stop(self, act: Interaction, state: StopState) -> Said:
        who = await self._person(act)
        try:
            stop = await cards.stop(self.services, who, state.bot)
            if stop.epoch != state.epoch:  # this form has done it, or somebody else has since it was opened
                return Said("Not done", RESUMED) if stop.since is None else _stopped(stop, stop.since, stop.running)
            answer = await suspend(self.services, who, state.bot, state.reason)
        except NotFound:
            return Said("Not done", await self._which(who, f"There is no bot {name(state.bot or '')}."))
        return _stopped(stop, moment(answer["suspended_at"]), [_running_of(one) for one in answer["in_flight"]])

    async def _which(self, who: Actor, sentence: str) -> str:
        """The sentence, and which bots this person may stop. Raises Forbidden for who may stop none."""
        bots = await cards.stoppable(self.services, who)
        return f"{sentence} You may stop {', '.join(name(bot) for bot in bots)}, or all of them."

    async def _person(self, act: Interaction) -> Actor:
        who = await self.directory.actor(act.account)
        if who.kind != "person":
            raise errors.nobody()
        return who


def _bot(named: str) -> str | None:
    return None if named.lower() == ALL else named


def _key(act: Interaction, reason: str) -> str:
    """The idempotency key: a form sent twice counts once; see `app.slack.deciding.Wish.key`."""
    words = hashlib.sha256(reason.encode()).hexdigest()[:16]
    return f"slack:{act.account.team}:{act.at}-{words}"


def _asked(shown: dict[str, Any]) -> str:
    """Which request it is now, and what it waits for."""
    said = f"Asked for, as request {shown['id']}"
    if shown["status"] != "held":
        reason = (shown["verdict"] or {}).get("reason")
        return f"{said}; it is {shown['status']}. {reason or ''}".rstrip()
    stages = (shown["plan"] or {"stages": []})["stages"]
    waits = next((f" of {', '.join(map(group, stage['groups']))}" for stage in stages if stage["status"] == "open"), "")
    return f"{said}; it waits for the signature{waits}. See /interlock show {brief(shown['id'])}."


def _stopped(stop: StopFacts, since: datetime, running: Sequence[RunningFacts]) -> Said:
    rows = [_row(one) for one in running[:LISTED]]
    if len(running) > LISTED:
        rows.append(f"and {len(running) - LISTED:,} more")
    are = "All bots are" if stop.bot is None else f"{whom(stop)} is"
    attempts = "1 attempt" if len(running) == 1 else f"{len(running):,} attempts"
    what = f"{attempts} had started and may still act:" if running else "Nothing was under way."
    said = f"{are} stopped since {utc(since)}: nothing more starts. {what}"
    return Said("Stopped", said, done=True, rows=tuple(rows))


def _running_of(one: dict[str, Any]) -> RunningFacts:
    return RunningFacts(one["request_id"], one["attempt"], one["action"], moment(one["started_at"]))


def _row(one: RunningFacts) -> str:
    return f"{name(one.action)}, request {one.request_id}, attempt {one.attempt}, started {utc(one.started_at)}"
