"""Owner seats: all filled, and held by different persons where they must be (contract.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.errors import Finding
from app.governance import models
from app.governance.catalogue import covers
from app.governance.entries import Known
from app.governance.tree import Entry

DIFFER = (
    ("business", "security"),
    ("business", "exceptions"),
    ("permissions", "exceptions"),
    ("deployed_by", "security"),
    ("incident", "rollback"),
)
"""Seats that no person may hold both of, through a group either."""

Holders = Mapping[str, str]


def seat_findings(known: Known) -> Iterator[Finding]:
    """Seats that are empty, and persons who sit on two that must differ."""
    for entry, bot in known.of("bots", models.Bot):
        holders = {**bot.owners.seats(), "deployed_by": bot.deployed_by}
        yield from _empty(known, entry, holders)
        yield from _same(known, entry, holders, frozenset(holders))
    for entry, action in known.of("actions", models.Action):
        yield from _of_action(known, entry, action)


def _of_action(known: Known, entry: Entry, action: models.Action) -> Iterator[Finding]:
    own = action.owners.seats()
    bots = [bot for _, bot in known.of("bots", models.Bot) if _entitled(bot, action.name)]
    if not bots and not _may_be_entitled(known):
        yield from _empty(known, entry, own)
        yield from _same(known, entry, own, frozenset(own))
    elif own:
        filled = [seat for seat in own if not _persons(known, own[seat])]
        yield from (_no_holder(entry, seat, own[seat]) for seat in filled if _is_known(known, own[seat]))
        for bot in bots:
            holders = {**bot.owners.seats(), "deployed_by": bot.deployed_by, **own}
            yield from _same(known, entry, holders, frozenset(own))


def _entitled(bot: models.Bot, action: str) -> bool:
    return any(covers(pattern, action) for pattern in bot.entitlements)


def _may_be_entitled(known: Known) -> bool:
    """True while a bot did not fit its model: what it is entitled to is unknown, so nothing is said about seats."""
    return len(known.names["bots"]) > len(known.by_name("bots", models.Bot))


def _empty(known: Known, entry: Entry, holders: Holders) -> Iterator[Finding]:
    for seat in models.SEATS:
        holder = holders.get(seat)
        if holder is None:
            why = "" if entry.section == "bots" else "; no bot is entitled to the action, so it needs its own"
            yield Finding(entry.where("owners", seat), f"the seat is empty{why}")
        elif _is_known(known, holder) and not _persons(known, holder):
            yield _no_holder(entry, seat, holder)


def _no_holder(entry: Entry, seat: str, holder: str) -> Finding:
    return Finding(entry.where("owners", seat), f"the seat is empty: nobody is in {holder}")


def _is_known(known: Known, holder: str) -> bool:
    group = holder.removeprefix("group:")
    return group == holder or group in known.by_name("groups", models.Group)


def _same(known: Known, entry: Entry, holders: Holders, among: frozenset[str]) -> Iterator[Finding]:
    """Pairs held by one person, of which at least one seat is ``among`` those that this entry fills."""
    for one, other in DIFFER:
        if one not in holders or other not in holders or not among & {one, other}:
            continue
        if both := _persons(known, holders[one]) & _persons(known, holders[other]):
            seat = other if other in among else one
            path = (seat,) if seat == "deployed_by" else ("owners", seat)
            yield Finding(entry.where(*path), f"{one} and {other} must differ; {min(both)} holds both")


def _persons(known: Known, holder: str) -> frozenset[str]:
    name = holder.removeprefix("group:")
    if name == holder:
        return frozenset({holder})
    group = known.by_name("groups", models.Group).get(name)
    return frozenset() if group is None else frozenset(group.members)
