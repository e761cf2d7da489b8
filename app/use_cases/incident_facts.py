"""What a card says of the rollback of an incident: plain values, as `app.use_cases.card_facts`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One of those that are undone, in the order in which that happens.

    ``request_id``: what is undone; ``of``, ``of_title``, ``bot``: for which action, of which bot by its title;
    ``status``: what came of that. ``action``, ``title``, ``version``, ``parameters``: what undoes it, masked.
    ``after``: the numbers of those that must have been undone before. ``state``: where this stands, None before all of
    it has begun; ``undo``: the request that undoes it, once there is one; ``why``: a code, of what was not undone.
    """

    n: int
    request_id: str
    of: str
    of_title: str
    bot: str
    status: str
    action: str
    title: str
    version: str
    parameters: Any
    after: tuple[int, ...]
    state: str | None = None
    undo: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class TurnFacts:
    """That somebody paused it or let it go on. ``person``: their name; ``count``: of those pauses, from 1."""

    paused: bool
    count: int
    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """The incident that a request undoes, and how far that is.

    ``title``: a person's words. ``bots``: their titles; ``actions``: patterns; empty: all. ``opened_by``,
    ``closed_by``: names. ``standing``: open, rolling_back, paused or closed. ``turns``: the last pause, and that it was
    over.
    """

    id: str
    title: str
    bots: tuple[str, ...]
    actions: tuple[str, ...]
    since: datetime
    until: datetime
    opened_by: str
    opened_at: datetime
    standing: str
    items: tuple[ItemFacts, ...]
    turns: tuple[TurnFacts, ...] = ()
    closed_by: str | None = None
