"""Sealed entries for those who keep them elsewhere: in order of their leaves, without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.db import export
from app.db.export import LedgerGap
from app.domain.errors import Forbidden, Unavailable
from app.ledger.lines import line_of
from app.steps.context import Context
from app.use_cases.access import for_people
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services


@dataclass(frozen=True, slots=True)
class Lines:
    """A page: lines from one leaf on. ``next``: the leaf to ask for then; ``sealed``: how many leaves there are."""

    lines: Sequence[bytes]
    next: int
    sealed: int


async def lines(ctx: Context, first: int, *, most: int = export.MOST, end: int | None = None) -> Lines:
    """The lines of the sealed leaves from ``first`` on, below ``end``; none where there are none yet.

    Raises Unavailable where the sealed ledger has a gap.
    """
    async with ctx.database.transaction() as session:
        size = await export.sealed(session)
        try:
            found = await export.page(session, first, size if end is None else min(end, size), most)
            made = [line_of(entry) for entry in found]
        except LedgerGap as error:
            raise Unavailable(f"The export stops: {error}.") from None
    return Lines(made, first + len(made), size)


async def entries(services: Services, who: Actor, first: int, most: int) -> Lines:
    """A page for an auditor. Raises Forbidden for anybody else."""
    for_people(who)
    person = person_id(who)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
    if not policy.may(person, "audit"):
        raise Forbidden("To read the ledger's entries one must be in a group that may audit.")
    return await lines(services.ctx, first, most=most)
