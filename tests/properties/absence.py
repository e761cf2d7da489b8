"""Who is away, as generated lives have it: worked out once more, without a line of the code under test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st

from tests.properties.made import POOL


@dataclass(frozen=True, slots=True)
class Giving:
    """Somebody wants another to decide for them, after so long and for so long."""

    person: str
    to: str
    after: int
    span: int


givings = st.builds(
    Giving,
    person=st.sampled_from(POOL),
    to=st.sampled_from(POOL),
    after=st.sampled_from([0, 0, 0, 0, 30, 600]),
    span=st.sampled_from([3 * 3600, 3 * 3600, 24 * 3600, 900, 31 * 86_400]),
)


@dataclass
class Away:
    """What was given and when; ``ended``: before its time."""

    id: str
    person: str
    delegate: str
    created: datetime
    starts: datetime
    ends: datetime
    ended: bool = False

    def for_what_came(self, admitted: datetime | None, now: datetime) -> bool:
        """It counts now for what was admitted then."""
        known = admitted is not None and self.created < admitted
        return known and not self.ended and self.starts <= now < self.ends


def may_give(given: Iterable[Away], giving: Giving, now: datetime) -> bool:
    """For 30 days at most, and no two of one person at the same time; whoever they are."""
    starts = now + timedelta(seconds=giving.after)
    ends = starts + timedelta(seconds=giving.span)
    others = [one for one in given if one.person == giving.person and not one.ended]
    free = all(one.ends <= starts or ends <= one.starts for one in others)
    return free and giving.person != giving.to and giving.span <= 30 * 86_400


def as_one(persons: Iterable[str], pairs: Iterable[tuple[str, str]]) -> int:
    """How many these are, when each pair among them is one."""
    name = {person: person for person in persons}
    for one, other in pairs:
        if one in name and other in name:
            merged, kept = name[one], name[other]
            name = {person: kept if called == merged else called for person, called in name.items()}
    return len(set(name.values()))


def beside(pairs: Iterable[tuple[str, str]], person: str) -> set[str]:
    """Who stands in for a person, and for whom they do."""
    return {one for pair in pairs if person in pair for one in pair} - {person}


def away_for(pairs: Iterable[tuple[str, str]], person: str) -> set[str]:
    """For whom a person stands in."""
    return {away for delegate, away in pairs if delegate == person}
