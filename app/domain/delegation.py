"""Delegation: whose decisions somebody else takes for a while, and how many persons a pair of the two is."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST = timedelta(days=30)
"""For how long somebody may be away at most."""

Pairs = Set[tuple[str, str]]
"""Who stands in, and for whom; within a stage the two of them are one."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """``delegate`` decides for ``person`` from ``starts_at`` until ``ends_at``, unless it was ended before."""

    person: str
    delegate: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime

    def given_before(self, admitted_at: datetime) -> bool:
        """Only then does it count for a request: nobody is called in for what is pending."""
        return self.created_at < admitted_at


def period_error(created_at: datetime, starts_at: datetime, ends_at: datetime) -> tuple[str, str] | None:
    """What is wrong with a period, and which end of it is to blame: ``from`` or ``until``. None: nothing."""
    if starts_at < created_at:
        return "from", "It lies in the past; leave it out to begin now."
    if ends_at <= starts_at:
        return "until", "It must lie after the begin, and in the future."
    if ends_at - starts_at > LONGEST:
        return "until", f"At most {LONGEST.days} days."
    return None


def beside(person: str, pairs: Pairs) -> set[str]:
    """Who stands in for a person, and for whom they stand in. No further: it is one deep."""
    return {a if b == person else b for a, b in pairs if person in (a, b)} - {person}


def distinct(persons: Iterable[str], pairs: Pairs) -> int:
    """How many these are, when all who stand in for each other among them are one."""
    left, count = set(persons), 0
    while left:
        together = [left.pop()]
        while together:
            near = beside(together.pop(), pairs) & left
            left -= near
            together += near
        count += 1
    return count


def most_apart(persons: Iterable[str], pairs: Pairs) -> int:
    """How many of these can vote at most, when nobody may who stands beside one who did.

    Exact, as each person has one delegate at a time: whoever stands beside fewest goes first.
    """
    left, count = set(persons), 0
    while left:
        chosen = min(sorted(left), key=lambda one: len(beside(one, pairs) & left))
        left -= {chosen, *beside(chosen, pairs)}
        count += 1
    return count
