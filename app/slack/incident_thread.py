"""Replies under the card of an incident's rollback while it runs: that it has begun, was paused and goes on.

Each is there once, however often the rollback has moved; of several pauses the last alone is told. What came of it is
said with its end (`app.slack.thread`).
"""

from __future__ import annotations

from collections.abc import Iterator

from app.slack.incidents import begun
from app.slack.pieces import Line, Prose, as_json, bold, line
from app.slack.text import spoken
from app.slack.thread import Reply
from app.slack.words import name, titled
from app.use_cases.card_facts import CardFacts
from app.use_cases.incident_facts import TurnFacts

BEGUN = "begun"
"""The key of the first one; the others have the number of the pause, ``paused-1`` and ``resumed-1``."""


def progress(facts: CardFacts) -> Iterator[Reply]:
    """All that must stand there by now, in order, before its end."""
    incident = facts.incident
    if incident is None or not begun(incident):
        return
    started = facts.execution and facts.execution.started_at
    many = "1 request is" if len(incident.items) == 1 else f"{len(incident.items):,} requests are"
    when = () if started is None else (", ", started)
    yield _reply(BEGUN, "Begun", facts, line(bold("Begun"), f": {many} undone, the newest first", *when))
    for turn in incident.turns:
        yield _turn(facts, turn)


def _turn(facts: CardFacts, turn: TurnFacts) -> Reply:
    by = f" by {name(turn.person)}, "
    if turn.paused:
        said = line(bold("Paused"), by, turn.at, ": nothing more of it starts; what had started goes on to its end")
        return _reply(f"paused-{turn.count}", "Paused", facts, said)
    return _reply(f"resumed-{turn.count}", "Goes on", facts, line(bold("Goes on"), ": resumed", by, turn.at))


def _reply(key: str, word: str, facts: CardFacts, said: Line) -> Reply:
    return Reply(key, f"{word}: {spoken(titled(facts))}", as_json((Prose((said,)),), None))
