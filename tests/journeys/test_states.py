"""One journey through every state: each move of the table happens for real, and nothing else does."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from app.domain.ask import Ask
from app.domain.states import TRANSITIONS, Status
from app.steps.admit import admit
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.workflows.test_newer_rules import RULE, change
from tests.workflows.test_stale_authority import let_go, waiting
from tests.world import RULES, World


async def moves(world: World, shown: View) -> set[tuple[Status | None, Status]]:
    """The moves that a request made, as its ledger stream tells them."""
    found: set[tuple[Status | None, Status]] = set()
    now: Status | None = None
    for entry in await world.entries(shown):
        then = Status(entry["facts"]["status"])
        if then is not now:
            found.add((now, then))
        now = then
    return found


async def set_row(world: World, shown: View, assignment: str) -> None:
    """Change a stored request behind everybody's back."""
    async with world.ctx.database.transaction() as session:
        await session.execute(text(f"update request set {assignment} where id = :id"), {"id": uuid.UUID(shown["id"])})  # noqa: S608


async def straight(world: World) -> list[View]:
    """Allowed, denied, late, held and expired, cancelled, denied by a person, revoked by a stop."""
    late = uuid.uuid4()
    ask = Ask("action", "bot", "bot", "bot-client", "do.moderate", {"thing": "late"}, on_behalf_of="customer:carl")
    await admit(world.ctx, late, ask, waited=timedelta(seconds=61))
    allowed = await world.ask("do.moderate", parameters={"mode": "allow"})
    denied = await world.ask("do.moderate", parameters={"mode": "deny"})
    brief = await world.ask("do.brief")
    cancelled, refused, revoked = [await world.ask("do.moderate") for _ in range(3)]
    await act.cancel(world.services, world.bot(), uuid.UUID(cancelled["id"]), None)
    await world.say("dana", refused, "deny")
    await set_row(world, revoked, "stop_epochs = '[-1, -1]'")
    await tick(world.ctx, uuid.UUID(revoked["id"]))
    await world.until(brief, "expired")
    await world.until(allowed, "succeeded")
    return [{"id": str(late)}, allowed, denied, brief, cancelled, refused, revoked]


async def executed(world: World) -> list[View]:
    """Succeeded, failed, unknown and settled both ways, a read that nobody reported."""
    answers = {"failed": 409, "succeeded": 503}
    things = {outcome: uuid.uuid4().hex for outcome in answers}
    for outcome, status in answers.items():
        world.desk.script(things[outcome], status)
    failing = await world.ask("do.moderate", thing=things["failed"])
    unknown = [await world.ask("do.once", thing=things["succeeded"])]
    other = uuid.uuid4().hex
    world.desk.script(other, 503)
    unknown.append(await world.ask("do.once", thing=other))
    for shown in (failing, *unknown):
        await world.say("dana", shown)
    await world.until(failing, "failed")
    for shown, said in zip(unknown, ("succeeded", "failed"), strict=True):
        await world.until(shown, "unknown")
        async with world.ctx.database.transaction() as session:
            await session.execute(
                text(
                    "update execution_attempt set started_at = started_at - interval '1 minute' where request_id = :id"
                ),
                {"id": uuid.UUID(shown["id"])},
            )
        await act.settle(world.services, world.person("ivan"), uuid.UUID(shown["id"]), status=said, reason="looked")
    read = await world.ask("look.briefly", on_behalf_of=None)
    await set_row(world, read, 'execution = execution || \'{"window_ends": "2001-01-01T00:00:00Z"}\'')
    await tick(world.ctx, uuid.UUID(read["id"]))
    return [failing, *unknown, read]


async def between_yes_and_start(world: World) -> list[View]:
    """Approved, and then cancelled, withdrawn, lapsed, revoked."""
    cancelled, withdrawn, lapsed, revoked = [await waiting(world) for _ in range(4)]
    await act.cancel(world.services, world.bot(), uuid.UUID(cancelled["id"]), None)
    await world.say("dana", withdrawn, "deny")
    await set_row(world, lapsed, "expires_at = clock_timestamp() - interval '1 second'")
    await tick(world.ctx, uuid.UUID(lapsed["id"]))
    await set_row(world, revoked, "nonce = 'other'")
    await start(world.ctx, uuid.UUID(revoked["id"]), "somebody")
    for shown in (cancelled, withdrawn, lapsed, revoked):
        await let_go(world, shown)
    return [cancelled, withdrawn, lapsed, revoked]


async def test_every_move_of_the_table_happens_and_no_other(world: World, rules_copy: Path) -> None:
    again = await waiting(world)
    await change(world, rules_copy, RULE, "  - {name: more, when: 'action.name == \"do.once\"', hold: stages}\n" + RULE)
    await start(world.ctx, uuid.UUID(again["id"]), "somebody")
    await install(world.ctx, RULES, replace=True, by="ada")
    await let_go(world, again)
    seen = [again, *await straight(world), *await executed(world), *await between_yes_and_start(world)]
    happened = set().union(*[await moves(world, shown) for shown in seen])
    table = {(state, then) for state, exits in TRANSITIONS.items() for then in exits}
    assert happened == table
