"""Erasures for tests: asked for and signed by the steps alone, and carried out."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sqlalchemy import select

from app.db.metadata import METADATA
from app.db.session import Database
from app.domain.ask import Ask
from app.governance.built_in import ERASE
from app.steps.start import start
from app.use_cases import erasures
from app.use_cases.views import View
from tests.steps.words import admitted, id_of, vote
from tests.world import World

ASKER, SIGNERS = "ada", ("ben", "sam")
"""Of tests/rules: two administrators, and the security seat."""


async def asked(world: World, subject: str, action: str = ERASE, who: str = ASKER) -> View:
    """A person's ask about a subject, admitted without a workflow."""
    ask = Ask("governance", "person", who, None, action, {"subject": subject}, reason=f"{subject} wants it")
    return await admitted(world, ask)


async def ordered(world: World, subject: str, action: str = ERASE, signers: tuple[str, ...] = SIGNERS) -> View:
    """One that was signed, and took effect."""
    shown = await asked(world, subject, action)
    assert shown["status"] == "held", shown["verdict"]
    for one in signers:
        await vote(world, one, shown)
    await start(world.ctx, id_of(shown), "one")
    ended = await world.look(shown)
    assert ended["status"] == "succeeded", ended["ended_why"]
    return ended


async def carried_out(world: World) -> None:
    """Every order, to its end."""
    while await erasures.carry_out(world.services):
        pass


async def erased(world: World, subject: str) -> View:
    """What concerns a subject is gone."""
    shown = await ordered(world, subject)
    await carried_out(world)
    return await world.look(shown)


async def everything(database: Database) -> dict[str, bytes]:
    """All that every table holds: ``table row column`` to its bytes; JSON as it is written."""
    found: dict[str, bytes] = {}
    async with database.transaction() as session:
        for table in METADATA.sorted_tables:
            for n, row in enumerate((await session.execute(select(table))).mappings()):
                found |= {f"{table.name} {n} {name}": _bytes(value) for name, value in row.items()}
    return found


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)).encode()


def quoting(found: dict[str, bytes], *words: str) -> set[str]:
    """Where any of these words stands."""
    return {where for where, said in found.items() if any(word.encode() in said for word in words)}


def somebody() -> str:
    """A subject that nothing else is about."""
    return f"customer:somebody-{uuid.uuid4().hex[:12]}"
