"""A bot of a test's own, with budgets: what others asked for does not count against it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.domain.ask import Ask
from app.steps.admit import admit
from app.steps.context import Context
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.steps.words import sql
from tests.world import World

BEFORE = "actions:\n"


def a_bot(*budgets: str, name: str | None = None) -> tuple[str, str]:
    """The id of a bot and its entry for desk.yaml. ``budgets``: as the files spell them."""
    bot = name or f"bot-{uuid.uuid4().hex[:12]}"
    lines = "".join(f"      - {{{budget}}}\n" for budget in budgets)
    entry = (
        f'  - id: {bot}\n    use_case: {{purpose: Tests}}\n    entitlements: ["do.*", "look.*"]\n'
        f"    deployed_by: tom\n    owners: *owners\n"
        f"    budgets:\n{lines}"
    )
    return bot, entry


async def with_budgets(world: World, folder: Path, *budgets: str, name: str | None = None) -> str:
    """Put the rules in force with another bot, which has these budgets and a credential; its id."""
    bot, entry = a_bot(*budgets, name=name)
    path = folder / "desk.yaml"
    path.write_text(path.read_text().replace(BEFORE, entry + BEFORE, 1))
    await install(world.ctx, folder, replace=True, by="ada")
    await sql(
        world,
        "insert into client_credential (client_id, holder_kind, holder_id, secret_hash, made_by, created_at) "
        "values (:bot || '-client', 'bot', :bot, '', 'zoe', clock_timestamp()) on conflict do nothing",
        bot=bot,
    )
    return bot


async def ask(
    world: World, bot: str, action: str = "do.moderate", *, ctx: Context | None = None, fast: bool = False, **asked: Any
) -> View:
    """What this bot's ask comes to, without a workflow. ``ctx``: at another time, say; ``asked``: parameters too."""
    fields = {name: asked.pop(name) for name in ("supersedes", "parent") if name in asked}
    client, parameters = asked.pop("client", "bot-client"), {"thing": uuid.uuid4().hex, **asked}
    made = Ask("action", "bot", bot, client, action, parameters, on_behalf_of="customer:carl", **fields)
    id_ = uuid.uuid4()
    await admit(ctx or world.ctx, id_, made, waited=timedelta(0), fast=fast)
    return await world.look({"id": str(id_)})


def code(shown: View) -> str:
    """What a verdict comes to, in a word."""
    verdict = shown["verdict"]
    return str(verdict["code"] if verdict["outcome"] == "deny" else verdict["outcome"])
