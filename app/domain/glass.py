"""Break-glass: whether one responder may release what is held, alone, and how soon another reviews it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from app.domain.request import Reversibility, Risk

CRITICAL, IRREVERSIBLE = "critical", "irreversible"
"""What a plan must allow by name."""


@dataclass(frozen=True, slots=True)
class Glass:
    """What a plan says of break-glass.

    ``allow``: what of `CRITICAL` and `IRREVERSIBLE` may be released all the same. ``review_within``: in which time
    another person must have reviewed it.
    """

    never: bool = False
    allow: frozenset[str] = frozenset()
    review_within: timedelta = timedelta(hours=24)


def strictest(glasses: Iterable[Glass]) -> Glass:
    """What several plans say together: never if any does, what all allow, the shortest review."""
    said = list(glasses)
    return Glass(
        never=any(one.never for one in said),
        allow=frozenset.intersection(*(one.allow for one in said)),
        review_within=min(one.review_within for one in said),
    )


def looser(now: Glass, before: Glass) -> bool:
    """True when something may be released that might not before, or be reviewed later."""
    if now.never or before.never:
        return before.never and not now.never
    return not now.allow <= before.allow or now.review_within > before.review_within


def refusal(glass: Glass, risk: Risk, reversibility: Reversibility) -> str | None:
    """Why no one person may release this, whoever it is; None when one may."""
    if glass.never:
        return "Its plan says that nobody releases it alone."
    if risk is Risk.CRITICAL and CRITICAL not in glass.allow:
        return "It is critical, and its plan does not allow that one person releases such alone."
    if reversibility is Reversibility.IRREVERSIBLE and IRREVERSIBLE not in glass.allow:
        return "It is irreversible, and its plan does not allow that one person releases such alone."
    return None
