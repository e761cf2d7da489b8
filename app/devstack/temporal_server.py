"""Temporal's dev server over a database file, with the settings that take a workflow from 150 ms to 26 ms."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from app.devstack.errors import StackError
from app.devstack.lock import DirectoryLock
from app.devstack.orphans import reap
from app.devstack.ports import LOOPBACK, keep_port
from app.devstack.process import Child, Command, spawn
from app.devstack.temporal_cli import temporal_binary

NAMESPACE = "default"
_START_SECONDS = 60.0
_GRACE = 10.0
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
_DYNAMIC_CONFIG = (  # at its defaults, one shard is polled 20 times a second: three waits of 50 ms for each workflow
    "history.transferProcessorMaxPollRPS=2000",
    "history.transferProcessorMaxPollHostRPS=5000",
    "history.timerProcessorMaxPollRPS=2000",
)


class TemporalServer:
    """A dev server over ``home``; see `start`."""

    def __init__(self, home: Path, *, log: Path | None = None, binary: Path | None = None) -> None:
        self._home = home.absolute()
        self._log = log or self._home / "temporal.log"
        self._binary = binary
        self._lock = DirectoryLock(self._home)
        self._child: Child | None = None

    @classmethod
    @asynccontextmanager
    async def start(
        cls, data_dir: Path | None = None, *, log: Path | None = None, binary: Path | None = None
    ) -> AsyncIterator[Self]:
        """A server that answers, over the workflows in ``data_dir`` (None: a new place, gone afterwards).

        It keeps its port from one start to the next, when that is free. Raises `AlreadyRunning`, `PartFailed`, and
        `StackError` if no server program can be had.
        """
        with tempfile.TemporaryDirectory(prefix="interlock-temporal-") as scratch:
            server = cls(data_dir or Path(scratch), log=log, binary=binary)
            await server.launch()
            try:
                yield server
            finally:
                await server.stop()

    async def launch(self) -> Child:
        """Start the server process, for the first time or after its death, and wait until it answers."""
        self._lock.acquire()
        try:
            await reap(self.record, stop_signal=signal.SIGTERM, grace=_GRACE)  # else it would sit on our port
            self._binary = self._binary or await temporal_binary()
            self._child = await spawn(self._command(self._binary))
            await self._child.answers(self._answers, within=_START_SECONDS)
        except BaseException:
            self._lock.release()
            raise
        return self._child

    async def stop(self) -> None:
        """End the server; its workflows stay in the data directory. Twice is fine."""
        if self._child is not None:
            await self._child.stop()
            self._child = None
        self._lock.release()

    @property
    def address(self) -> str:
        """``host:port`` for clients; it stands before the server does."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._child is None:
            raise StackError("Temporal is not running: it was stopped, or never started")
        return self._child.pid

    @property
    def record(self) -> Path:
        """Where the server process is written down."""
        return self._home / "temporal.process"

    @cached_property
    def _port(self) -> int:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return keep_port(self._home / "port")

    def _command(self, binary: Path) -> Command:
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Command("temporal", self._argv(binary), self.record, self._log)

    def _argv(self, binary: Path) -> tuple[str, ...]:
        database = ("--db-filename", str(self._home / "temporal.db"))
        pragmas = (part for pragma in _PRAGMAS for part in ("--sqlite-pragma", pragma))
        config = (part for value in _DYNAMIC_CONFIG for part in ("--dynamic-config-value", value))
        place = ("--headless", "--ip", LOOPBACK, "--port", str(self._port), "--namespace", NAMESPACE)
        return (str(binary), "server", "start-dev", *database, *place, *pragmas, *config)

    async def _answers(self) -> bool:
        request = DescribeNamespaceRequest(namespace=NAMESPACE)
        try:
            client = await Client.connect(self.address)
            await client.workflow_service.describe_namespace(request, timeout=timedelta(seconds=2))
        except (RuntimeError, RPCError):
            return False
        return True
