"""Journeys through every state, by kind: each move of the table happens for real, and nothing else does."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from app.domain.ask import Ask
from app.domain.states import TRANSITIONS, Status
from app.governance.built_in import RESUME_BOT
from app.steps.admit import admit
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.properties.quiet import cancel, decided, ended, leave, signed, starts
from tests.steps.words import id_of, resumption, undo
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
    assert await happened(world, seen) == TABLE


TABLE = {(state, then) for state, exits in TRANSITIONS.items() for then in exits}


async def happened(world: World, seen: list[View]) -> set[tuple[Status | None, Status]]:
    """All moves that any of these made."""
    return set().union(*[await moves(world, shown) for shown in seen])


async def late(world: World, ask: Ask) -> View:
    """An ask that came to be admitted when nobody waited for it any more."""
    id_ = uuid.uuid4()
    await admit(world.ctx, id_, ask, waited=timedelta(seconds=61))
    return {"id": str(id_)}


async def over(world: World, shown: View) -> View:
    """Its time is over."""
    await set_row(world, shown, "expires_at = clock_timestamp() - interval '1 second'")
    await tick(world.ctx, id_of(shown))
    return shown


async def held_and_signed(world: World, ask: Callable[[], Awaitable[View]], asker: str, signer: str) -> list[View]:
    """Requests of a person, without a workflow: what can become of them held, and between the yes and the start."""
    refused, cancelled, expired = [await ask() for _ in range(3)]
    await decided(world, signer, refused, "deny")
    await cancel(world, world.person(asker), cancelled)
    await over(world, expired)
    ready = [await ask() for _ in range(5)]
    for shown in ready:
        await signed(world, signer, shown)
    withdrawn, called_off, lapsed, revoked, again = ready
    await decided(world, signer, withdrawn, "deny")
    await cancel(world, world.person(asker), called_off)
    await over(world, lapsed)
    await set_row(world, revoked, "nonce = 'other'")
    await starts(world, revoked)
    await leave(world, signer)
    await starts(world, again)
    async with world.ctx.database.transaction() as session:
        await session.execute(text("update person set active = true"))
    return [refused, cancelled, expired, *ready]


async def undone(world: World, status: int | None, said: str | None = None) -> View:
    """A rollback, from the ask to the outcome. ``status``: how the target answers; ``said``: how people settle it."""
    original = await world.ask("do.once")
    await world.say("dana", original)
    await world.until(original, "succeeded")
    undoing = f"{original['parameters']['thing']}-undone"
    if status is not None:
        world.desk.script(undoing, status)
    shown = await world.roll_back("ivan", original)
    await world.say("marco", shown)
    await world.until(shown, "succeeded", "failed", "unknown")
    if said is not None:
        ago = "update execution_attempt set started_at = started_at - interval '1 minute' where request_id = :id"
        async with world.ctx.database.transaction() as session:
            await session.execute(text(ago), {"id": id_of(shown)})
        await act.settle(world.services, world.person("nora"), id_of(shown), status=said, reason="looked")
    return shown


async def test_a_rollback_makes_the_same_moves_but_those_without_people(world: World) -> None:
    """It is never allowed outright, no stop revokes it, and no bot runs it."""
    ended_well = [await undone(world, None), await undone(world, 422)]
    settled = [await undone(world, 503, said) for said in ("succeeded", "failed")]
    original = await ended(world)
    again = [await undo(world, "ivan", original), await undo(world, "nora", original)]
    too_late = await late(world, Ask("rollback", "person", "ivan", None, "undo.well", {}, reverses=original["id"]))

    async def ask() -> View:
        return await undo(world, "ivan", await ended(world))

    seen = [*ended_well, *settled, *again, too_late, *await held_and_signed(world, ask, "ivan", "rita")]
    never = {(None, Status.APPROVED), (Status.HELD, Status.REVOKED), (Status.EXECUTING, Status.LAPSED)}
    assert await happened(world, seen) == TABLE - never


async def test_a_change_makes_the_same_moves_but_is_never_unknown(world: World) -> None:
    """Its effect and its outcome commit together."""
    denied = await resumption(world, "ivan")
    await world.suspend()
    gone_on = await world.resume("ivan")
    await world.say("ada", gone_on)
    await world.until(gone_on, "succeeded")
    await world.suspend()
    too_late = await late(world, Ask("governance", "person", "ivan", None, RESUME_BOT, {"bot": "bot"}))
    first, second = await resumption(world, "ivan"), await resumption(world, "nora")
    for shown in (first, second):
        await signed(world, "ada", shown)
    seen = [denied, gone_on, too_late, first, second]
    seen += await held_and_signed(world, lambda: resumption(world, "ivan"), "ivan", "ada")
    for shown in (first, second):
        await starts(world, shown)
    never = {(None, Status.APPROVED), (Status.HELD, Status.REVOKED)}
    never |= {(state, then) for state, then in TABLE if Status.UNKNOWN in (state, then)}
    assert await happened(world, seen) == TABLE - never - {(Status.EXECUTING, Status.LAPSED)}
    assert await happened(world, [second]) >= {(Status.EXECUTING, Status.FAILED)}
