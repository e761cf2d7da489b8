"""Replies under a card: one for each end of a request that people want to hear of, and reminders before that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.slack.incidents import ending
from app.slack.pieces import Bullets, Line, Mention, Prose, Run, Verbatim, as_json, bold, line
from app.slack.sections import runs
from app.slack.text import excerpt, spoken, visible
from app.slack.words import STATUS, UNKNOWN, brief, denier, name, status_line, titled
from app.use_cases.card_facts import CardFacts, RollbackFacts
from app.use_cases.reminders import Reminder

RESULT = "What the target answered is in the web API, not here."
REVERSED = "reversed"
"""The key of the reply that says that a rollback has succeeded; there is one such at most."""
MAX_REASON = 2_000
MAX_MENTIONS = 20
"""People who are named in a reminder; more would be a crowd that everybody leaves it to."""
MAX_NOT_UNDONE = 10
"""Items of each kind of end that a thread names; Details has all."""
_ENDS = frozenset({"denied", "expired", "cancelled", "revoked", "lapsed", "succeeded", "failed", "unknown"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A message under the card. ``key``: stable, so that each is posted once."""

    key: str
    text: str
    blocks: list[dict[str, Any]]


def replies(facts: CardFacts) -> list[Reply]:
    """All replies that must stand under the card by now, in order."""
    return list(_replies(facts))


def reminding(facts: CardFacts, reminder: Reminder) -> Reply:
    """The reminder, to those whom it is for: nobody else is mentioned anywhere."""
    whom: list[Mention | Run] = [*map(Mention, reminder.users), *(Run(name(one)) for one in reminder.names)]
    shown = [part for one in whom[:MAX_MENTIONS] for part in (Run(", "), one)][1:]
    left = len(whom) - MAX_MENTIONS
    more = (f" and {left:,} more",) if left > 0 else ()
    what = line(bold("Reminder: "), f"{titled(facts)} still waits for a decision")
    said = line("By ", *shown, *more, ", until ", reminder.until)
    return Reply(reminder.key, f"Reminder: {spoken(titled(facts))}", as_json((Prose((what, said)),), None))


def _replies(facts: CardFacts) -> Iterator[Reply]:
    settled = facts.ended_why == "settled"
    if settled:
        yield _reply("unknown", facts, line(bold(STATUS["unknown"])), _unknown())
    if facts.status == "unknown":
        yield _reply("unknown", facts, line(bold(status_line(facts))), _unknown())
    elif facts.status in _ENDS:
        yield _reply(facts.status, facts, line(bold(status_line(facts))), *_more(facts))
    alone = (one for one in facts.reversed_by if one.part_of is None)  # of many, the thread of that one tells
    yield from (_reversed(facts, one) for one in alone if one.status == "succeeded")


def _unknown() -> Line:
    return line(UNKNOWN)


def _more(facts: CardFacts) -> Iterator[Line | Bullets | Verbatim]:
    by = denier(facts)
    if facts.ended_reason:
        yield line("Why it was stopped, in a person's words:")
        yield Verbatim(excerpt(visible(facts.ended_reason), MAX_REASON))
    elif by is not None and by.reason:
        yield line("Their reason:")
        yield Verbatim(excerpt(visible(by.reason), MAX_REASON))
    elif facts.status == "denied" and by is None and facts.verdict_reason:
        yield line(*runs(facts.verdict_reason, MAX_REASON))
    if facts.incident is not None:
        yield from ending(facts, MAX_NOT_UNDONE)
    elif facts.status in {"succeeded", "failed"}:
        yield line(RESULT)


def _reversed(facts: CardFacts, one: RollbackFacts) -> Reply:
    said = line(bold("Rolled back"), f" by request {brief(one.request_id)}, asked by {name(one.asker)}")
    return Reply(REVERSED, f"Rolled back: {spoken(facts.title)}", as_json((Prose((said,)),), None))


def _reply(key: str, facts: CardFacts, *parts: Line | Bullets | Verbatim) -> Reply:
    """``text`` is what a notification shows: our words and the title."""
    said = STATUS[key].partition(":")[0]
    return Reply(key, f"{said}: {spoken(titled(facts))}", as_json((Prose(parts),), None))
