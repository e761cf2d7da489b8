"""Standing permissions for tests: granted by the steps alone, and uses of them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.ask import Ask
from app.domain.clocks import rfc3339
from app.governance.built_in import PERMIT
from app.steps.context import Context
from app.steps.start import start
from app.use_cases.views import View
from tests.steps.words import admitted, id_of, sql, vote
from tests.world import World

ASKER, FIRST, SECOND = "petra", "eve", "sam"
"""Of tests/rules: the permissions seat asks, the exceptions seat signs, then the security seat."""


def within(**span: float) -> str:
    """So long from now."""
    return rfc3339(datetime.now(UTC) + timedelta(**span))


def wanted(**fields: Any) -> dict[str, Any]:
    """Parameters of a grant: for the bot, of do.moderate, ten times. A field of None is left out."""
    given = {
        "bot": "bot",
        "action": "do.moderate",
        "when": "true",
        "max_uses": 10,
        "expires_at": within(days=7),
        **fields,
    }
    return {name: value for name, value in given.items() if value is not None}


async def asked(world: World, who: str = ASKER, ctx: Context | None = None, **fields: Any) -> View:
    """A person's ask for a permission, as `lost`."""
    made = Ask("governance", "person", who, None, PERMIT, wanted(**fields), reason="It is always approved")
    return await admitted(world, made, ctx)


async def granted(
    world: World,
    ctx: Context | None = None,
    *,
    who: str = ASKER,
    signed: tuple[str, str] = (FIRST, SECOND),
    **fields: Any,
) -> str:
    """The id of a permission that was asked for, signed twice, and is in force."""
    shown = await asked(world, who, ctx, **fields)
    assert shown["status"] == "held", shown["verdict"]
    for one in signed:
        await vote(world, one, shown)
    await start(world.ctx, id_of(shown), "one")
    ended = await world.look(shown)
    assert ended["status"] == "succeeded", ended["ended_why"]
    return str(shown["id"])


async def revoked(world: World, permission: str) -> None:
    """Straight on the database."""
    statement = "update standing_permission set revoked_at = clock_timestamp() where id = :id"
    await sql(world, statement, id=uuid.UUID(permission))


async def uses(world: World, permission: str) -> tuple[int, int]:
    """How often it was used, and what that adds up to."""
    query = "select uses, total from standing_permission where id = :id"
    [(many, total)] = await sql(world, query, id=uuid.UUID(permission))
    return many, total
