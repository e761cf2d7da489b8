"""Where things are killed: a stack of processes, the target that it calls, and words for what befalls it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psutil
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from app.codec import data_converter
from app.devstack.dev import DATABASE
from app.devstack.probes import exists
from app.devstack.process import Command, spawn
from tests.fakes.desk import Desk, desk
from tests.kills.callers import Callers
from tests.kills.findings import OPEN, findings, lost
from tests.kills.records import Record, clock, records, statuses, untold
from tests.processes.stack import PROJECT, Stack, stack
from tests.world import RULES
from workflows.request import RequestWorkflow

Figure = Callable[[str], None]
DEADLINE = 120.0
FAILED_TASK = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
LOOKS_AGAIN = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
"""No fault: something came while the workflow completed, so that Temporal has it look again, as it then does."""


@dataclass(frozen=True, slots=True)
class Place:
    """The stack, its target and a client credential of the bot."""

    running: Stack
    desk: Desk
    client_id: str

    @property
    def dsn(self) -> str:
        """The database, for asyncpg."""
        return self.running.server.dsn(DATABASE)

    def callers(self) -> Callers:
        """Callers who have not called yet."""
        return Callers(self.running, self.client_id)

    @asynccontextmanager
    async def nobody_restarts(self) -> AsyncIterator[None]:
        """The supervisor sleeps: what dies stays dead until the block ends."""
        supervisor = psutil.Process(self.running.pid("worker")).ppid()
        os.kill(supervisor, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)

    @asynccontextmanager
    async def fuse(self, point: str, request_id: str) -> AsyncIterator[None]:
        """The worker kills itself at a point within the block, and is replaced by its end."""
        worker = self.running.pid("worker")
        fuse = self.running.lay_fuse(point, request_id)
        yield
        await self.running.replaced("worker", worker)
        assert not fuse.exists(), f"nobody came to {point} of {request_id}"

    @asynccontextmanager
    async def second_worker(self) -> AsyncIterator[None]:
        """Another worker process in the environment of the first."""
        data = self.running.data
        ready = data / "second.ready"
        environment = psutil.Process(self.running.pid("worker")).environ()
        command = Command(
            name="the second worker",
            argv=(sys.executable, "-m", "app.worker"),
            record=data / "second.process",
            log=data / "logs" / "second.log",
            env={**environment, "INTERLOCK_WORKER__READY_FILE": str(ready)},
            cwd=PROJECT,
        )
        child = await spawn(command)
        try:
            await child.answers(exists(ready), within=60)
            yield
        finally:
            await child.stop()

    async def records(self, ids: Collection[str]) -> dict[str, Record]:
        """What the database and the target know of these requests."""
        found = await records(self.dsn, ids)
        for record in found.values():
            record.calls = [call.key for calls in self.desk.seen.values() for call in calls if call.key == record.id]
        return found

    def database_processes(self) -> list[int]:
        """The processes of the database server that still run, its children included."""
        data = str(self.running.data / "postgres" / "pgdata")
        running = [
            process for process in psutil.process_iter(["cmdline", "cwd", "status"]) if process.info["cwd"] == data
        ]
        return [process.pid for process in running if process.info["status"] != psutil.STATUS_ZOMBIE]

    async def status(self, request_id: str) -> str:
        """How one stands."""
        return (await statuses(self.dsn, [request_id]))[request_id]

    async def closed(self, ids: Collection[str], *, but: Collection[str] = ()) -> None:
        """Wait until none of these is open any more, except those with a status that is given."""

        async def look() -> None:
            found = await statuses(self.dsn, ids)
            still = {id_: status for id_, status in found.items() if status in OPEN - set(but)}
            assert not still, f"still open: {still}"

        await until(look)

    async def expired(self, ids: Collection[str]) -> None:
        """Wait until the time of all these is over, whatever their rows say."""
        await self._after(max(record.row["expires_at"] for record in (await self.records(ids)).values()))

    async def passed(self, seconds: float) -> None:
        """Wait until this long has passed by the database's clock: for what leaves no other trace."""
        await self._after(await clock(self.dsn) + timedelta(seconds=seconds))

    async def _after(self, moment: datetime) -> None:
        async def look() -> None:
            assert await clock(self.dsn) > moment, "not yet"

        await until(look)

    def workflow(self, request_id: str) -> WorkflowHandle[RequestWorkflow, None]:
        """The workflow of a request."""
        return self.running.temporal.get_workflow_handle_for(RequestWorkflow.run, f"request-{request_id}")

    async def check(self, callers: Callers) -> dict[str, Record]:
        """Nothing lost, nothing twice, nothing without its quorum, nothing stuck: what all requests of these callers
        must be, once what was held has been decided, executed and told. Their records."""
        await self.closed(callers.ids, but=["held"])
        for record in (await self.records(callers.ids)).values():
            if record.status == "held":
                await self._release(callers, record.id)
        await self.closed(callers.ids)
        await until(lambda: self._told(callers.ids))
        found = await self.records(callers.ids)
        wrong = [what for fact in callers.facts for what in lost(fact, found.get(fact.request_id))]
        wrong += [what for record in found.values() for what in findings(record)]
        wrong += self._foreign_calls(callers, found)
        for record in found.values():
            wrong += await self._workflow_findings(record)
        assert wrong == []
        assert set(found) == set(callers.ids)
        return found

    async def _release(self, callers: Callers, request_id: str) -> None:
        shown = await callers.read(request_id)
        for person in ("priya", "marco", "dana"):
            answer = await callers.decide(person, shown)
            assert answer.is_success or answer.json()["type"].endswith((":closed", ":decision-stands")), answer.text

    async def _told(self, ids: Collection[str]) -> None:
        assert await untold(self.dsn, ids) == 0, "not all have been told"

    def _foreign_calls(self, callers: Callers, found: dict[str, Record]) -> list[str]:
        things = set(callers.ids.values())
        keys = {call.key for thing, calls in self.desk.seen.items() if thing in things for call in calls}
        return [f"called for {key}, which nobody asked for" for key in keys - set(found)]

    async def _workflow_findings(self, record: Record) -> list[str]:
        """Closed with its row, no task of it ever failed for a fault, and today's code goes through its history."""
        if not record.row["has_workflow"]:
            return []
        handle = self.workflow(record.id)
        try:
            await until(lambda: _ended(handle))
            history = await handle.fetch_history()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # a test has deleted it
                return []
            raise
        converter = data_converter(self.running.rings.codec)
        await Replayer(workflows=[RequestWorkflow], data_converter=converter).replay_workflow(history)
        failed = [
            event.workflow_task_failed_event_attributes for event in history.events if event.event_type == FAILED_TASK
        ]
        return [f"{record.id}: {failure}" for failure in failed if failure.cause != LOOKS_AGAIN]


async def _ended(handle: WorkflowHandle[RequestWorkflow, None]) -> None:
    status = (await handle.describe()).status
    assert status != WorkflowExecutionStatus.RUNNING, f"{handle.id} still runs"


async def until(look: Callable[[], Awaitable[None]]) -> None:
    """Wait until ``look`` finds what it asserts."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(AssertionError),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(DEADLINE),
        reraise=True,
    ):
        with attempt:
            await look()


class Since:
    """A stop-watch that starts with a kill."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._start:.1f} s"


@asynccontextmanager
async def place(**settings: str) -> AsyncIterator[Place]:
    """A stack with fuses in its worker, under tests/rules and the rules beside this file."""
    with tempfile.TemporaryDirectory(prefix="interlock-kills-") as folder:
        rules = Path(folder) / "rules"
        shutil.copytree(RULES, rules)
        shutil.copytree(Path(__file__).parent / "rules", rules, dirs_exist_ok=True)
        async with desk() as target:
            targets = {"desk": target.url}
            async with stack(rules, targets=targets, worker="tests.processes.fused", **settings) as running:
                yield Place(running, target, await running.credential("bot"))
            for gate in list(target.gates.values()):
                gate.set()


async def all_of(calls: Collection[Awaitable[object]]) -> None:
    """Wait for all of these; the first failure is raised."""
    await asyncio.gather(*calls)
