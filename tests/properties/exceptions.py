"""What one person may release alone and what a bot may do unasked, as generated lives have it.

Worked out once more, without a line of the code under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st

from tests.properties.made import ACTIONS, ALL, POOL, RESUMERS, Files, GlassMade, StageMade

GRANT = "interlock.permissions.grant"
SIGNERS = tuple(
    StageMade(group, 1, None, "login", reason=False, escalate_to=None)
    for group in ("interlock:exceptions:bot", "interlock:security:bot")
)
"""Who signs a permission, one after the other, whatever else the rules ask for."""

LONGEST = 30 * 86_400
REVIEWED = {"20m": timedelta(minutes=20), "1h": timedelta(hours=1), "24h": timedelta(hours=24)}

WHENS: Mapping[str, Callable[[str | None, int | None], bool]] = {
    "true": lambda _payee, _amount: True,
    "!has(parameters.payee)": lambda payee, _amount: payee is None,
    "parameters.amount < 10": lambda _payee, amount: amount is not None and amount < 10,
}
"""Conditions; one that cannot be worked out is not true."""


def strictest(glasses: Iterable[GlassMade | None]) -> GlassMade | None:
    """What several plans say together; None: never."""
    said = list(glasses)
    known = [one for one in said if one is not None]
    if len(known) < len(said):
        return None
    within = min((one.review_within for one in known), key=REVIEWED.__getitem__, default="24h")
    return GlassMade(ALL.intersection(*(one.allow for one in known)), within)


def closed_to_one(glass: GlassMade | None, risk: str, *, irreversible: bool) -> Iterator[str]:
    """Why no one person may release this."""
    if glass is None:
        yield "nobody releases it alone"
    elif risk == "critical" and "critical" not in glass.allow:
        yield "it is critical"
    elif irreversible and "irreversible" not in glass.allow:
        yield "it is irreversible"


@dataclass(frozen=True, slots=True)
class Wish:
    """A permission that somebody wants: for so long from when they ask."""

    action: str
    when: str
    uses: int
    total: int | None
    of: str
    span: int


wishes = st.builds(
    Wish,
    action=st.sampled_from([*["do.moderate", "do.low", "do.low"] * 5, "look.up", *ACTIONS]),
    when=st.sampled_from(["true", "true", *WHENS]),
    uses=st.sampled_from([1, 2, 2, 5]),
    total=st.sampled_from([None, None, 10, 40]),
    of=st.sampled_from(["amount"] * 9 + ["thing"]),
    span=st.sampled_from([3600, 86_400, 86_400, 86_400, 3600, 600, LONGEST - 1, LONGEST + 60]),
)


@dataclass
class Permission:
    """One that was granted. ``definition``: of the action, as signers knew it; ``by``: who asked for it or signed."""

    id: str
    wish: Wish
    definition: tuple[int, str | None]
    ends: datetime
    by: frozenset[str]
    uses: int = 0
    total: int = 0
    revoked: bool = False

    def live(self, now: datetime) -> bool:
        """It has not ended."""
        return not self.revoked and now < self.ends

    def speaks_of(self, action: str, payee: str | None, amount: int | None) -> bool:
        """Its condition is true of this, and there is room for one more."""
        room = self.uses < self.wish.uses
        if self.wish.total is not None:
            room = room and amount is not None and self.total + amount <= self.wish.total
        return action == self.wish.action and room and WHENS[self.wish.when](payee, amount)

    def used(self, amount: int | None) -> None:
        """Once more."""
        self.uses, self.total = self.uses + 1, self.total + (0 if self.wish.total is None else amount or 0)


def may_ask(files: Files, person: str) -> bool:
    """Who holds a seat that asks for permissions, or administers."""
    return person in files.owners | {"per", files.exceptions, "ada", "ben"}


def may_revoke(files: Files, person: str) -> bool:
    """Who holds a seat of the bot that revokes, responds for it, or administers."""
    return person in files.owners | files.responders | {files.exceptions, *RESUMERS}


def wrong_in_wish(files: Files, wish: Wish) -> Iterator[str]:
    """Why nobody may have this."""
    made = ACTIONS[wish.action]
    if wish.action not in files.entitled:
        yield "the bot is not entitled to it"
    if made.risk == "critical" or made.reversibility == "irreversible":
        yield "it is critical, or irreversible"
    if wish.total is not None and wish.of != "amount":
        yield f"{wish.of} is no whole number"
    if wish.span > LONGEST:
        yield "it would go on for too long"


@dataclass
class Broken:
    """That one person released it alone. ``void``: newer rules have taken that back."""

    by: str
    void: bool = False


@dataclass
class Review:
    """What must be looked at, by whom and by when; ``done``: by somebody; ``overdue``: nobody had."""

    id: str
    case: str
    by: str
    due: datetime
    reviewers: list[str]
    done: str | None = None
    overdue: bool = False


@dataclass
class Exceptions:
    """All of them."""

    permissions: list[Permission] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)

    def late(self, now: datetime) -> list[Review]:
        """What nobody has looked at in time, and nobody has found."""
        return [one for one in self.reviews if one.due <= now and one.done is None and not one.overdue]


askers_of_permissions = st.sampled_from([*["per"] * 12, "ada", *POOL])
