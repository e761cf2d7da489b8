"""What a bot may take at most: how often it asks, how much of it waits for people, how much it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.domain.clocks import milliseconds, rfc3339


class Counts(StrEnum):
    """What a budget counts."""

    REQUESTS = "requests"
    HOLDS = "holds"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget of a bot, shared by all actions that the pattern ``action`` covers.

    ``parameter``: what `Counts.AMOUNT` adds up, else None. ``over``: the rolling span; None for `Counts.HOLDS`.
    """

    name: str
    action: str
    counts: Counts
    parameter: str | None
    at_most: int
    over: timedelta | None


def own(budget: Budget, parameters: Mapping[str, Any]) -> int | None:
    """What a request takes of a budget that it falls under; None when it does not say, or no whole number.

    An amount below nothing takes nothing: it must not make room for others.
    """
    if budget.parameter is None:
        return 1
    value = parameters.get(budget.parameter)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return max(0, int(value))


def over(budget: Budget, figure: int | None, takes: int | None) -> bool:
    """True when a request that takes so much is more than the budget allows. ``figure``: what is taken already.

    What is not known is too much.
    """
    return figure is None or takes is None or figure + takes > budget.at_most


def sentence(budget: Budget, figure: int | None, takes: int | None, frees_up: datetime | None) -> str:
    """Why a request is over a budget: its name, what it allows, and when it frees up.

    ``frees_up``: when there is room for this request again if nothing else is asked; None: nobody can say.
    """
    if figure is None or takes is None:
        whose = "this request" if takes is None else "an earlier request"
        allows = f"adds up {budget.parameter}, and {whose} has no whole number there"
    elif budget.counts is Counts.HOLDS:
        return f"The budget {budget.name} allows {budget.at_most} held at once; it frees up as people decide them."
    else:
        requests = "request" if budget.at_most == 1 else "requests"
        what = requests if budget.parameter is None else f"of {budget.parameter}"
        allows = f"allows {budget.at_most} {what} over {spelled(budget.over or timedelta(0))}"
        if takes > budget.at_most:
            allows += ", and this request alone is more"
    then = "" if frees_up is None else f"; it frees up at {to_the_second(frees_up)}, if nothing else is asked"
    return f"The budget {budget.name} {allows}{then}."


def spelled(span: timedelta) -> str:
    """A span as the governance files spell it, in the largest unit that it is a whole number of; a day is 24h."""
    left = milliseconds(span)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if left >= size and left % size == 0 and (unit, left) != ("d", size):
            return f"{left // size}{unit}"
    return f"{left}ms"


def to_the_second(moment: datetime) -> str:
    """A moment for people; the next full second, so that what is said to be then is."""
    up = moment if moment.microsecond == 0 else moment + timedelta(seconds=1)
    return rfc3339(up.replace(microsecond=0)).replace(".000000", "")
