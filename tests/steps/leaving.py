"""People who leave, for tests: by the steps alone, or through workflows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.domain.ask import Ask
from app.governance.built_in import LINK, OFF_BOARD
from app.steps.context import Context
from app.steps.start import start
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.steps.delegating import everybody_back
from tests.steps.words import admitted, change, id_of, sql, vote
from tests.world import RULES, World


async def as_at_first(world: World) -> None:
    """The usual rules and people, nothing published lately, nobody away, nothing linked."""
    await everybody_back(world)
    await sql(world, "delete from person_identity where source = 'link'")
    await install(world.ctx, RULES, replace=True, by="zoe")
    await sql(world, "update request set updated_at = updated_at - interval '400 days' where kind = 'governance'")


async def asked(world: World, person: str, to: str | None = None, who: str = "ada", **seats: str) -> View:
    """An ask to let somebody go, as `lost`. ``seats``: by place, with ``__`` for its dots."""
    wish: dict[str, Any] = {"person": person}
    wish |= {} if to is None else {"to": to}
    wish |= {"seats": {place.replace("__", "."): one for place, one in seats.items()}} if seats else {}
    return await admitted(world, Ask("governance", "person", who, None, OFF_BOARD, wish, reason="They leave"))


async def link_asked(world: World, person: str, slack: str, who: str = "ada", ctx: Context | None = None) -> View:
    """An ask to link a Slack account to somebody, as `lost`."""
    wish = {"person": person, "identity": {"slack": slack}}
    return await admitted(world, Ask("governance", "person", who, None, LINK, wish, reason="It is theirs"), ctx)


async def run(world: World, shown: View) -> View:
    """What comes of it when it is started."""
    await start(world.ctx, id_of(shown), "one")
    return await world.look(shown)


async def gone(
    world: World, person: str, to: str | None = None, *, who: str = "ada", by: str = "ben", **seats: str
) -> View:
    """Somebody who was let go: asked for by one administrator, approved by another."""
    shown = await asked(world, person, to, who, **seats)
    assert shown["status"] == "held", shown["verdict"]
    await vote(world, by, shown)
    ended = await run(world, shown)
    assert ended["status"] == "succeeded", ended
    return ended


async def three_administrators(world: World, folder: Path) -> None:
    """Zoe administers as well: since ever, as nobody has published that."""
    await change(world, folder, "members: [ada, ben]", "members: [ada, ben, zoe]", "people.yaml")


async def holders(world: World, bot: str = "bot") -> dict[str, str]:
    """Who sits on the seats of a bot by the rules in force."""
    async with world.ctx.database.transaction() as session:
        policy = await world.ctx.rules.in_force(session)
    return {**policy.bots[bot].owners, "deployed_by": policy.bots[bot].deployed_by}


async def members(world: World, group: str) -> set[str]:
    """Who is in a group by the rules in force."""
    async with world.ctx.database.transaction() as session:
        return set((await world.ctx.rules.in_force(session)).members(group))


async def active(world: World, person: str) -> bool:
    """Whether somebody is here still."""
    async with world.ctx.database.transaction() as session:
        found = await session.execute(text("select active from person where id = :id"), {"id": person})
        return bool(found.scalar_one())
