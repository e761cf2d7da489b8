"""Short words for tests that reach behind the use cases: other rules, lost workflows, votes, straight SQL."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.db import requests
from app.domain.ask import Ask
from app.domain.outcome import Answer, Sent
from app.governance.built_in import RESUME_BOT, RESUME_INSTALLATION
from app.steps import judge
from app.steps.admit import admit
from app.steps.context import Context
from app.steps.scene import scene
from app.use_cases import attempts
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.world import World


async def change(world: World, folder: Path, old: str, new: str, file: str = "desk.yaml") -> None:
    """Put other rules in force."""
    source = (folder / file).read_text()
    assert old in source
    (folder / file).write_text(source.replace(old, new))
    await install(world.ctx, folder, replace=True, by="ada")


async def sql(world: World, statement: str, **values: Any) -> list[Any]:
    """Straight on the database."""
    async with world.ctx.database.transaction() as session:
        done: Any = await session.execute(text(statement), values)
        return list(done.all()) if done.returns_rows else []


async def lost(
    world: World, action: str, mode: str | None = None, *, behalf: str = "customer:carl", **parameters: Any
) -> View:
    """A request that was admitted and whose workflow Temporal has lost."""
    given = {"thing": uuid.uuid4().hex, **({"mode": mode} if mode else {}), **parameters}
    return await admitted(world, Ask("action", "bot", "bot", "bot-client", action, given, on_behalf_of=behalf))


async def undo(world: World, who: str, shown: View, ctx: Context | None = None) -> View:
    """A rollback of a request, as `lost`: refused ones stand as `denied`. ``ctx``: at another time, say."""
    ask = Ask("rollback", "person", who, None, "undo.well", {}, reason="It was wrong", reverses=shown["id"])
    return await admitted(world, ask, ctx)


async def resumption(world: World, who: str, bot: str | None = "bot") -> View:
    """A person's ask to let a bot (None: the installation) go on, as `lost`."""
    action, parameters = (RESUME_INSTALLATION, {}) if bot is None else (RESUME_BOT, {"bot": bot})
    return await admitted(world, Ask("governance", "person", who, None, action, parameters, reason="It is mended"))


async def admitted(world: World, ask: Ask, ctx: Context | None = None) -> View:
    """Whatever an ask comes to, without a workflow."""
    id_ = uuid.uuid4()
    await admit(ctx or world.ctx, id_, ask, waited=timedelta(0))
    return await world.look({"id": str(id_)})


async def vote(world: World, who: str, shown: View) -> None:
    """A recorded approval, without a workflow."""
    async with scene(world.ctx, uuid.UUID(shown["id"])) as found:
        body = {"decision": "approve", "reason": "because", "digest": shown["digest"]}
        attempt = attempts.build(found, world.person(who), "decide", None, body)
        await requests.store_attempt(found.session, attempt)
    await judge.decide(world.ctx, uuid.UUID(shown["id"]), attempt.id)


def id_of(shown: View) -> uuid.UUID:
    return uuid.UUID(shown["id"])


SAID_503 = Answer(Sent.UNCERTAIN, 503, None, {"status": 503, "body": None})
NOT_SENT = Answer(Sent.NOT_SENT, None, None, {"status": None, "body": None, "reason": "refused"})
