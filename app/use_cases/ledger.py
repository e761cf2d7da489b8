"""The sealed ledger for auditors: its newest checkpoint, and proofs."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import sealing
from app.db.sealing_tables import SignedHead
from app.domain.errors import Forbidden, Malformed, NotFound
from app.ledger import proofs
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services

NOTHING_SEALED = "Nothing is sealed yet."

View = dict[str, Any]


async def checkpoint(services: Services, who: Actor) -> str:
    """The newest signed note. For who may audit or administer. Raises Forbidden, NotFound."""
    async with services.ctx.database.transaction() as session:
        return (await _newest(services, session, who)).note


async def inclusion(services: Services, who: Actor, leaf: int, size: int | None) -> View:
    """``{leaf, size, leaf_hash, path, checkpoint}``: that a leaf is in a tree, by default the newest.

    ``checkpoint``: the note of just that size, None where none was signed. Raises Forbidden, NotFound, Malformed.
    """
    async with services.ctx.database.transaction() as session:
        newest = await _newest(services, session, who)
        size = _size(newest, "size", size)
        if leaf >= size:
            raise Malformed(
                f"leaf: a tree of {size} leaves has none of that number; the last is {size - 1}.", where="leaf"
            )
        path = await proofs.inclusion(session, leaf, size)
        found = await proofs.leaf_hash(session, leaf)
        note = await sealing.note_of(session, newest.origin, size)
    return {"leaf": leaf, "size": size, "leaf_hash": found.hex(), "path": _hex(path), "checkpoint": note}


async def consistency(services: Services, who: Actor, old: int, size: int | None) -> View:
    """``{from, to, path}``: that a tree, by default the newest, goes on from an older one.

    Raises Forbidden, NotFound, Malformed.
    """
    async with services.ctx.database.transaction() as session:
        size = _size(await _newest(services, session, who), "to", size)
        if old > size:
            raise Malformed(f"from: a tree of {size} leaves does not go on from a larger one.", where="from")
        path = await proofs.consistency(session, old, size)
    return {"from": old, "to": size, "path": _hex(path)}


async def _newest(services: Services, session: AsyncSession, who: Actor) -> SignedHead:
    person = person_id(who)
    policy = await services.ctx.rules.in_force(session)
    if not (policy.may(person, "audit") or policy.may(person, "administer")):
        raise Forbidden("To see how the ledger is sealed one must be in a group that may audit or administer.")
    found = await sealing.newest(session)
    if found is None:
        raise NotFound(NOTHING_SEALED)
    return found


def _size(newest: SignedHead, where: str, size: int | None) -> int:
    if size is not None and size > newest.size:
        raise Malformed(f"{where}: the newest checkpoint has {newest.size} leaves.", where=where)
    return newest.size if size is None else size


def _hex(path: list[bytes]) -> list[str]:
    return [hash_.hex() for hash_ in path]
