"""What the rules may set of separation of duties: they can add to an invariant, never take anything away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from app.domain.clocks import duration
from app.domain.errors import Finding
from app.governance import models
from app.governance.entries import Known

COOL_DOWN = timedelta(days=7)
"""How long who lowered the bar does not decide what comes under it, when the rules do not say."""

MIN_COOL_DOWN, MAX_COOL_DOWN = timedelta(days=1), timedelta(days=90)


def cool_down_of(known: Known) -> timedelta:
    """The cool-down of `policy-author`."""
    said = [duration(one.cool_down) for _, one in known.of("separation", models.Separation)]
    return said[0] if said else COOL_DOWN


def separation_findings(known: Known) -> Iterator[Finding]:
    """A cool-down that is too short to be one, or longer than anybody looks back."""
    for entry, one in known.of("separation", models.Separation):
        if not MIN_COOL_DOWN <= duration(one.cool_down) <= MAX_COOL_DOWN:
            what = f"must be from {MIN_COOL_DOWN.days}d to {MAX_COOL_DOWN.days}d"
            yield Finding(entry.where("cool_down"), what)
