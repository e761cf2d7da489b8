"""Undoing many: in which order, what is next, what is left alone because something before it was not undone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Standing(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ROLLING_BACK = "rolling_back"
    PAUSED = "paused"
    CLOSED = "closed"


class ItemState(StrEnum):
    """Where one of those that are to be undone stands. Skipped: nothing ran, and nothing will."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


ENDED = frozenset({ItemState.SUCCEEDED, ItemState.FAILED, ItemState.UNKNOWN, ItemState.SKIPPED})


@dataclass(frozen=True, slots=True)
class Deed:
    """What is to be undone. ``at``: when it was started; ``key``: what it touched; ``parent``: what led to it."""

    request: str
    at: datetime
    key: str | None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One of those that are to be undone, as of now. ``after``: the numbers of those that must be undone before it."""

    n: int
    after: tuple[int, ...]
    state: ItemState


def in_order(deeds: Iterable[Deed]) -> list[Deed]:
    """The newest first; of one moment by id, so that the same choice always makes the same list."""
    return sorted(deeds, key=lambda deed: (-deed.at.timestamp(), deed.request))


def dependencies(deeds: Sequence[Deed]) -> list[tuple[int, ...]]:
    """For each of these, which are in order, the numbers (from 1) of those that must be undone before it.

    Of what touched the same thing that is the next newer one; and whatever a request led to comes before it.
    """
    newest: dict[str, int] = {}
    led_to: dict[str, list[int]] = {}
    found: list[tuple[int, ...]] = []
    for n, deed in enumerate(deeds, start=1):
        before = set(led_to.get(deed.request, ()))
        if deed.key is not None:
            before |= {newest[deed.key]} if deed.key in newest else set()
            newest[deed.key] = n
        if deed.parent is not None:
            led_to.setdefault(deed.parent, []).append(n)
        found.append(tuple(sorted(before)))
    return found


def doomed(items: Sequence[Item]) -> list[int]:
    """The waiting ones that cannot be undone any more: something that had to be undone before them was not."""
    state = {item.n: item.state for item in items}
    lost = {n for n, at in state.items() if at in ENDED and at is not ItemState.SUCCEEDED}
    found: list[int] = []
    for item in sorted(items, key=lambda one: one.n):
        if item.state is ItemState.WAITING and lost & set(item.after):
            lost.add(item.n)
            found.append(item.n)
    return found


def ready(items: Sequence[Item], at_once: int) -> list[int]:
    """Whose turn it is, the newest first, while at most so many run at once."""
    undone = {item.n for item in items if item.state is ItemState.SUCCEEDED}
    running = sum(item.state is ItemState.RUNNING for item in items)
    waiting = [item.n for item in items if item.state is ItemState.WAITING and undone >= set(item.after)]
    return sorted(waiting)[: max(0, at_once - running)]


def over(items: Iterable[Item]) -> bool:
    """True when nothing waits or runs."""
    return all(item.state in ENDED for item in items)


def figures(items: Iterable[Item]) -> dict[str, int]:
    """How many there are in all, and in each state but running: what runs has not ended, and is waited for."""
    states = [item.state for item in items]
    counted = {state.value: states.count(state) for state in ENDED}
    return {"total": len(states), "waiting": len(states) - sum(counted.values()), **counted}
