"""The common frame of all steps: locks in one order, what was read under them, and how a change is written down."""

from __future__ import annotations

import math
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger, outbox, requests
from app.db.governance import InForce
from app.db.tables import Request
from app.domain.clocks import moment
from app.domain.errors import NotFound
from app.domain.plan import Plan
from app.domain.plan_rows import plan_as_json, plan_from_json
from app.domain.progress import next_due
from app.domain.request import Kind, Mode
from app.domain.states import OPEN, Status, may_become
from app.governance.policy import Policy
from app.ledger.vault import Secret
from app.steps.context import Context
from app.steps.crowd import Crowd, crowd
from workflows.contracts import State

SINKS = ("slack", "wake")
"""Who is told of every change."""

WEBHOOK = "webhook"
"""Who is told of the requests of bots that have one, when they are over or wait for the bot."""

NO_SUCH_REQUEST = "There is no such request."
"""Said of what is not there and of what one may not see: nobody learns which."""

_IN_LINE = (Status.APPROVED, Status.EXECUTING)
"""Where a request has its conflict key or waits for it."""


class IllegalMove(AssertionError):
    """A step tried a move that the table of states does not have: a defect of ours, never a caller's."""


@dataclass(slots=True)
class Scene:
    """One step's transaction on one locked request. ``original``: what it undoes, locked too, if it is a rollback."""

    ctx: Context
    session: AsyncSession
    row: Request
    now: datetime
    in_force: InForce
    policy: Policy
    crowd: Crowd
    secret: Secret
    original: Request | None = None
    blocked: bool = False
    _left_the_line: bool = False
    _moved: bool = False
    _entries: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def status(self) -> Status:
        """Where the request stands."""
        return Status(self.row.status)

    @property
    def plan(self) -> Plan | None:
        """Its plan, if it is or was held."""
        return None if self.row.plan is None else plan_from_json(self.row.plan)

    @property
    def stopped(self) -> bool:
        """True when a stop has come since this action was admitted; rollbacks and governance go on."""
        if self.row.kind != Kind.ACTION:
            return False
        return self.in_force.suspended or self.in_force.stop_epochs != self.row.stop_epochs

    def set_plan(self, plan: Plan) -> None:
        """Keep the plan."""
        self.row.plan = plan_as_json(plan)

    def pid(self, person_id: str | None) -> str | None:
        """How the ledger names a person."""
        return None if person_id is None else self.crowd.pids[person_id]

    def asker(self) -> dict[str, str | None]:
        """How the ledger names who asked."""
        id_ = self.row.asker_id if self.row.asker_kind == "bot" else self.pid(self.row.asker_id)
        return {"kind": self.row.asker_kind, "id": id_}

    def note(
        self, kind: str, personal: Mapping[str, Any] | None = None, /, *, why: str | None = None, **facts: Any
    ) -> None:
        """An entry to write when the step ends. ``personal`` goes in sealed; ``facts`` and ``why`` in clear."""
        sealed = {} if personal is None else {"sealed": self.secret.seal(dict(personal))}
        reason = {} if why is None else {"why": why}
        self._entries.append((kind, {**facts, **reason, **sealed, "status": self.row.status}))

    def become(self, status: Status, why: str | None = None) -> None:
        """Move along the table. Raises IllegalMove for anything else."""
        if not may_become(self.status, status):
            raise IllegalMove(f"{self.row.status} -> {status} of request {self.row.id}")
        self._left_the_line |= self.status in _IN_LINE and status not in (*_IN_LINE, Status.UNKNOWN)
        self._left_the_line |= self.status is Status.UNKNOWN
        self._moved = True
        self.row.status = status.value
        self.row.ended_why = why if status not in OPEN else None
        if status not in OPEN and self.plan is not None:
            self.set_plan(self.plan.closed())

    async def changed(self) -> None:
        """Count the change, set when something is due next, write the entries, mark what must be told."""
        self.row.version += 1
        self.row.updated_at = self.now
        self.row.due_at = self.due_at()
        await self.session.flush()
        await self.write_entries()
        for sink in SINKS:
            outbox.mark(self.session, sink, self.row.id, self.row.version)
        if self._for_webhook:
            outbox.mark(self.session, WEBHOOK, self.row.id, self.row.version)
        if self._left_the_line:
            await self._nudge_next()
        if self._moved or self.row.version == 1:
            self._show_original()

    @property
    def _for_webhook(self) -> bool:
        """True when a bot that has a webhook asked for it, and it is over, or the next move is the bot's."""
        bot = self.policy.bots.get(self.row.asker_id) if self.row.asker_kind == "bot" else None
        if bot is None or bot.webhook is None or not (self._moved or self.row.version == 1):
            return False
        return self.status not in OPEN or (self.status is Status.APPROVED and self.waits_for_bot)

    def _show_original(self) -> None:
        """What a rollback undoes shows how that stands."""
        never_stood = self.row.version == 1 and self.status is Status.DENIED
        if self.original is not None and not never_stood:
            self.original.version += 1
            for sink in SINKS:
                outbox.mark(self.session, sink, self.original.id, self.original.version)

    async def _nudge_next(self) -> None:
        """Wake the workflow of the oldest request that waits for the conflict key which this one has, or waited for."""
        key = self.row.conflict_key
        waiting = None if key is None else await requests.waiting_for_key(self.session, key)
        if waiting is not None:
            outbox.nudge(self.session, waiting)

    async def write_entries(self) -> None:
        """Write what was noted; the row's lock orders the stream."""
        await ledger.extend(self.session, f"request:{self.row.id}", self.now, self._entries)
        self._entries.clear()

    def block(self, span: timedelta) -> None:
        """Look again after this: the conflict key is taken. Kept on the row for the sweeper; no change to be told."""
        self.blocked = True
        self.row.due_at = min(self.now + span, self.row.expires_at)

    def due_at(self) -> datetime | None:
        """When the next thing is due: at once for an approved request that Interlock runs itself."""
        if self.status is Status.HELD and self.plan is not None:
            return next_due(self.plan, self.row.expires_at)
        if self.status is Status.APPROVED:
            return self.row.expires_at if self.row.mode == Mode.BOT else self.now
        if self.status is Status.EXECUTING:
            return self.window_ends if self.row.mode in (Mode.BOT, Mode.INCIDENT) else self.now + self.window
        return None

    @property
    def window(self) -> timedelta:
        """How long the running execution may take before somebody must look after it."""
        return timedelta(seconds=(self.row.execution or {})["window_s"])

    @property
    def window_ends(self) -> datetime:
        """Until when the bot may report what it started."""
        return moment((self.row.execution or {})["window_ends"])

    @property
    def waits_for_bot(self) -> bool:
        """True while the next move is the bot's: it runs the action itself."""
        return self.row.mode == Mode.BOT and self.status in (Status.APPROVED, Status.EXECUTING)

    @property
    def waits_for_items(self) -> bool:
        """True while the items of an incident's rollback run, each by a request of its own."""
        return self.row.mode == Mode.INCIDENT and self.status is Status.EXECUTING

    def state(self) -> State:
        """How the row stands, for the workflow."""
        blocked, due = self.blocked or self.waits_for_bot or self.waits_for_items, self.row.due_at
        due_in = None if due is None else float(max(1, math.ceil((due - self.now).total_seconds() + 0.001)))
        return State(self.row.version, self.row.status, due_in, blocked)


@asynccontextmanager
async def scene(ctx: Context, request_id: uuid.UUID) -> AsyncIterator[Scene]:
    """Lock a request and read what every step needs. Raises NotFound when there is none.

    Locks in the one order of DESIGN.md section 4; time and stop state are read in statements after them. A request
    whose bot or installation was stopped since its admission is `revoked` here, whatever the step came for.
    """
    async with ctx.database.transaction() as session:
        concern = await governance.shared_stop_locks_of(session, request_id)
        if concern is None:
            raise NotFound(NO_SUCH_REQUEST)
        rows = await requests.locked_together(session, {request_id, concern.reverses or request_id})
        original = None if concern.reverses is None else rows[concern.reverses]
        found = await on_locked(ctx, session, rows[request_id], original)
        if await revoke_if_stopped(found):
            outbox.nudge(session, request_id)
        yield found


async def on_locked(ctx: Context, session: AsyncSession, row: Request, original: Request | None = None) -> Scene:
    """What every step needs, read after the caller has locked the row, and that which it reverses."""
    in_force = await governance.in_force(session, row.bot)
    now = await ctx.clock.now(session)
    return Scene(
        ctx=ctx,
        session=session,
        row=row,
        now=now,
        in_force=in_force,
        policy=await ctx.rules.named(session, in_force.policy),
        crowd=await crowd(session, now),
        secret=await secret_of(ctx, session, row),
        original=original,
    )


async def secret_of(ctx: Context, session: AsyncSession, row: Request) -> Secret:
    """The request's secret; once its content is erased, one that nobody keeps."""
    kid = f"request:{row.id}"
    return await ctx.vault.find(session, kid) if row.erased_at is None else ctx.vault.throwaway(kid)


async def revoke_if_stopped(found: Scene) -> bool:
    """Revoke a held or approved request whose bot or installation was stopped since its admission; True if so."""
    if not found.stopped or found.status not in (Status.HELD, Status.APPROVED):
        return False
    await revoke(found, "stopped", found.in_force.why_stopped(found.row.stop_epochs))
    return True


async def revoke(found: Scene, why: str, reason: str | None = None) -> None:
    """End a request whose ground has gone; nothing runs from it any more. ``reason``: a person's words."""
    found.become(Status.REVOKED, why)
    found.row.ended_reason = reason
    found.note("revoked", None if reason is None else {"reason": reason}, why=why)
    await found.changed()
