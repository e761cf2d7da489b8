"""One message in Slack, brought step by step to what it must show. Each step is a transaction; the calls are between.

A message is due while ``shown`` is behind ``wanted``. `Messages.advance` records what came of the last call and says
which call comes next, from the latest state: what happened meanwhile is told by the same call. Before something is
posted, ``sending`` says so; when its answer is lost, it is looked for before it is posted again.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import leases, slack
from app.db.slack_tables import SlackMessage
from app.db.tables import Request
from app.domain.digest import sha256
from app.steps import shown
from app.steps.context import Context
from app.use_cases.card_facts import CardFacts
from app.use_cases.cards import facts_of
from app.use_cases.leases import Leadership
from app.use_cases.places import Spread, places
from app.use_cases.released import Told, told_in
from app.use_cases.reminders import Reminder, reminder_in

log = logging.getLogger(__name__)

CLOSED_FOR = timedelta(minutes=10)
"""After which a place that refused us is tried again."""

LONGEST_WAIT = 30
"""Seconds between two tries of a message while Slack does not answer: cards catch up soon after it is back."""

PUT_OFF = timedelta(minutes=1)
"""After which a message is tried again that met a defect of ours."""


@dataclass(frozen=True, slots=True)
class Item:
    """A request on a message. ``live``: its people are asked in this place, now. ``reminder``: of those who are.

    ``told``: who must hear that one person released it alone.
    """

    facts: CardFacts
    live: bool
    reminder: Reminder | None = None
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """What a message must show. ``content``: what decisions on it are made on, None when none can be made here.

    ``compose``: text, blocks and metadata, given the hash of what was kept. ``replies``: by key, for its thread.
    ``blank``: what replaces a reply about what was erased.
    """

    content: Any | None
    compose: Callable[[str | None], dict[str, Any]]
    replies: dict[str, dict[str, Any]]
    blank: dict[str, Any] = field(default_factory=dict)


Render = Callable[[uuid.UUID, str, Sequence[Item]], Picture]
"""Message, its kind (card, digest, bare) and its requests to what it shows; pure."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message with something to show. ``stands``: it was posted before."""

    message_id: uuid.UUID
    place: str
    stands: bool


@dataclass(frozen=True, slots=True)
class Step:
    """The next call. ``op``: open (a direct conversation), find, post, update, reply, or blank (a reply that stands).

    ``what``: ``message``, or the key of a reply; ``since``: from when on to look for it; ``thread``: under which
    message it stands, or its replies do; ``live``: one can decide on it.
    """

    op: str
    message_id: uuid.UUID
    place: str
    channel: str | None = None
    ts: str | None = None
    thread: str | None = None
    what: str = "message"
    since: datetime | None = None
    body: dict[str, Any] = field(default_factory=dict)
    fingerprint: str | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a step.

    ``word``: done, not-there (looked for, not found), again (not done: later), lost (nobody knows), gone (the message),
    frozen (it stands and cannot be edited), unfit (Slack takes no such content) or closed (the place).
    ``channel``, ``ts``: where it stands; ``wait``: seconds; ``why``: Slack's word for it.
    """

    word: str
    channel: str | None = None
    ts: str | None = None
    wait: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Messages:
    """All messages.

    ``spread`` says anew where requests are shown when a place is closed. ``first_wait``: seconds before a call is made
    again that failed once, or looked for that was not answered (it may still be on its way); doubled each time.
    """

    ctx: Context
    spread: Spread
    render: Render
    first_wait: float = 2.0

    async def due(self, of_each: int) -> list[Due]:
        """Those with something to show: so many of the new and the standing ones of each place. Raises Unavailable."""
        async with self.ctx.database.transaction() as session:
            return [Due(*row) for row in await slack.due(session, of_each)]

    async def put_off(self, message_id: uuid.UUID) -> None:
        """Let the others go first. Raises Unavailable."""
        async with self.ctx.database.transaction() as session:
            message = await slack.message(session, message_id, lock=True)
            message.due_at = await self.ctx.clock.now(session) + PUT_OFF
            message.tries += 1

    async def announce(self, step: Step) -> None:
        """Say anew that something is about to be posted: only now its turn has come. Raises Unavailable."""
        async with self.ctx.database.transaction() as session:
            message = await slack.message(session, step.message_id, lock=True)
            if step.op in ("post", "reply") and message.sending == step.what:
                message.sending_since = await self.ctx.clock.now(session)

    async def advance(self, lead: Leadership, last: Step | None, result: Result | None, of: uuid.UUID) -> Step | None:
        """Record what came of the last step and say the next one; None when there is nothing to do now.

        A leader that was replaced meanwhile has perhaps put older content over newer: the message is shown anew.
        Raises Unavailable.
        """
        async with self.ctx.database.transaction() as session:
            led = lead.epoch is not None and await leases.stands(session, lead.name, lead.epoch)
            message = await slack.message(session, of, lock=True)
            if not led:
                lead.epoch = None
                if last is not None and last.op != "find":
                    message.shown_hash = None
                    await slack.want(session, [of])
                return None
            now = await self.ctx.clock.now(session)
            if last is None or result is None:
                goes_on = message.wanted > message.shown and message.due_at <= now
            else:
                goes_on = await self._record(session, message, last, result, now)
            return await self._next(session, message, now) if goes_on else None

    async def _record(
        self, session: AsyncSession, message: SlackMessage, last: Step, result: Result, now: datetime
    ) -> bool:
        """What a result means for its message; False when it has to wait."""
        refused = result.word == "unfit" and message.kind == "bare"
        if refused or result.word in ("again", "lost"):
            if result.word != "lost" and last.op in ("post", "reply"):
                message.sending = message.sending_since = None
            wait = result.wait or min(LONGEST_WAIT, self.first_wait * 2 ** min(message.tries, 10))
            message.tries += 1
            message.due_at = now + timedelta(seconds=wait)
            return False
        if result.word == "closed":
            await self._closed(session, message, last, result, now)
            return False
        if result.word == "gone" and message.tries:
            message.due_at = now + CLOSED_FOR  # it goes as it comes: a place where nothing of ours stays
        message.tries += result.word == "gone"
        _APPLY[result.word](message, last, result)
        return message.due_at <= now

    async def _closed(
        self, session: AsyncSession, message: SlackMessage, last: Step, result: Result, now: datetime
    ) -> None:
        log.warning("slack: %s takes no messages of ours: %s", message.place, result.why)
        if last.op in ("post", "reply"):  # refused; what was only looked for may stand there
            message.sending = message.sending_since = None
        message.due_at = now + CLOSED_FOR
        message.tries += 1
        await slack.close_place(session, message.place, message.due_at, result.why)
        for row in await slack.requests_of(session, message.id):
            await self.spread.spread(session, row)
        await session.flush()

    async def _next(self, session: AsyncSession, message: SlackMessage, now: datetime) -> Step | None:
        if message.channel is None:
            if not message.place.startswith(("U", "W")):
                message.channel = message.place
            else:
                return Step("open", message.id, message.place)
        at = Step("find", message.id, message.place, message.channel, message.ts, message.thread or message.ts)
        if message.sending is not None:
            return replace(at, what=message.sending, since=message.sending_since)
        rows = await slack.requests_of(session, message.id)
        items = [await self._item(session, message, row) for row in rows]
        picture = self.render(message.id, message.kind, items)
        body, fingerprint = await self._composed(session, rows, items, picture)
        whole = replace(at, body=body, fingerprint=fingerprint, live=picture.content is not None)
        if message.ts is None:
            message.sending, message.sending_since = "message", now
            return replace(whole, op="post")
        if fingerprint != message.shown_hash:
            return replace(whole, op="update")
        missing = next((key for key in picture.replies if key not in message.replies), None)
        if missing is not None:
            message.sending, message.sending_since = missing, now
            return replace(at, op="reply", what=missing, body=picture.replies[missing])
        erased = _erased_reply(message, rows)
        if erased is None:
            message.shown, message.tries = message.wanted, 0
        return None if erased is None else replace(at, op="blank", what=erased, body=picture.blank)

    async def _item(self, session: AsyncSession, message: SlackMessage, row: Request) -> Item:
        asked = await places(self.ctx, session, row, self.spread.team())
        facts = await facts_of(self.ctx, session, row)
        live = row.status == "held" and message.place in asked
        reminded = live and facts.status == "held"  # it may have been stopped, which no step has recorded yet
        team = self.spread.team()
        reminder = await reminder_in(self.ctx, session, row, message.place, team) if reminded else None
        told = await told_in(self.ctx, session, row, message.place, team)
        return Item(facts, live=live, reminder=reminder, told=told)

    async def _composed(
        self, session: AsyncSession, rows: Sequence[Request], items: Sequence[Item], picture: Picture
    ) -> tuple[dict[str, Any], str]:
        """The body to send and what stands for it. The hash of a card is kept before anybody can click on it.

        Where all is erased it says nothing of anybody, and there is no secret any more.
        """
        stands = next((n for n, row in enumerate(rows) if row.erased_at is None), None)
        if stands is None:
            body = picture.compose(None)
            return body, sha256(body)
        row, card = rows[stands], None
        secret = await self.ctx.vault.find(session, f"request:{row.id}")
        if picture.content is not None:
            card = await shown.keep(session, secret, row, picture.content, items[stands].facts.not_shown)
        body = picture.compose(card)
        return body, secret.commit(body)


BLANK = "erased:"
"""Before the key of a reply that was replaced because what it is about was erased."""


def _erased_reply(message: SlackMessage, rows: Sequence[Request]) -> str | None:
    """The key of a reply that stands and is about what was erased."""
    gone = tuple(str(row.id) for row in rows if row.erased_at is not None)
    alone = len(gone) == len(rows)
    about = (key for key in message.replies if not key.startswith(BLANK) and (alone or key.endswith(gone or ("\0",))))
    return next(about, None)


def _blanked(message: SlackMessage, key: str) -> None:
    message.replies = [BLANK + one if one == key else one for one in message.replies]


def _done(message: SlackMessage, last: Step, result: Result) -> None:
    if last.op == "blank":
        _blanked(message, last.what)
    elif last.op == "open":
        message.channel = result.channel
    elif last.op in ("post", "reply", "find"):
        message.sending = message.sending_since = None
        if last.what != "message":
            message.replies = [*message.replies, last.what]
        else:
            message.channel, message.ts = result.channel or last.channel, result.ts
    if last.op in ("post", "update"):
        message.shown_hash, message.live = last.fingerprint, last.live


def _not_there(message: SlackMessage, last: Step, _result: Result) -> None:
    if last.op == "blank":
        _blanked(message, last.what)
    message.sending = message.sending_since = None


def _gone(message: SlackMessage, _last: Step, _result: Result) -> None:
    """Somebody deleted it: a new one is posted, with its thread."""
    message.sending = message.sending_since = message.ts = message.thread = message.shown_hash = None
    message.replies = []


def _frozen(message: SlackMessage, _last: Step, _result: Result) -> None:
    """It stands as it is: from now on a reply under it shows the request."""
    message.thread, message.ts, message.shown_hash = message.thread or message.ts, None, None


def _unfit(message: SlackMessage, last: Step, result: Result) -> None:
    log.error("slack: what %s %s was to show is refused: %s", message.kind, message.id, result.why)
    message.sending = message.sending_since = None
    if last.op == "reply":
        message.replies = [*message.replies, last.what]
    else:
        message.kind = "bare"


_APPLY: dict[str, Callable[[SlackMessage, Step, Result], None]] = {
    "done": _done,
    "not-there": _not_there,
    "gone": _gone,
    "frozen": _frozen,
    "unfit": _unfit,
}
