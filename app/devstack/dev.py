"""``interlock dev``: the whole stack on this machine, in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.db.roles import APP
from app.devstack.errors import StackError
from app.devstack.files import write_whole
from app.devstack.lock import DirectoryLock
from app.devstack.orphans import reap
from app.devstack.ports import LOOPBACK, is_free, keep_port
from app.devstack.postgres import Postgres
from app.devstack.prepare import Install, make_roles, prepare
from app.devstack.probes import answers, exists
from app.devstack.process import Child, Command, Probe, spawn
from app.devstack.stack import KEYS, LEDGER_NAME, ReadyFiles, Stack, environment
from app.devstack.supervisor import Part, Supervisor, together
from app.devstack.temporal_server import TemporalServer
from app.keys import KeyRings, create_missing, note_verifier_key
from app.settings import SLACK_VARIABLES, Settings, load

DATABASE = "interlock"
DEV_BOT_TOKEN = "xoxb-dev"  # noqa: S105  # a fake Slack's
STOP_ORDER = ("api", "worker", "temporal", "postgres")
_ANSWER_SECONDS = 60.0
_GRACE = 15.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Processes:
    """The command lines of our own processes; tests put small ones in their place."""

    api: tuple[str, ...] = (sys.executable, "-m", "app.main")
    worker: tuple[str, ...] = (sys.executable, "-m", "app.worker")


async def run_dev(
    data: Path,
    governance: Path,
    port: int,
    ready_file: Path | None,
    slack_api_url: str | None,
    *,
    install: Install,
    processes: Processes = Processes(),
) -> None:
    """Run the stack in ``data`` until SIGTERM or SIGINT, then stop its parts in order and return.

    ``port``: of the API; 0 picks one and keeps it. ``install`` makes ``governance`` the active rules. ``ready_file``
    appears when everything answers, names the processes, and goes when the stack stops. Slack is on when
    ``slack_api_url`` is given, or the environment has a bot token. Raises `AlreadyRunning`, `StackError` (its
    `PartFailed` with the end of the part's log), `Misconfigured` and whatever ``install`` raises.
    """
    lock = DirectoryLock(data)
    lock.acquire()
    try:
        dev = _Dev(data, governance, ReadyFiles(data, ready_file), slack_api_url, processes)
        await _until_signalled(asyncio.ensure_future(dev.serve(port, install)))
    finally:
        lock.release()


async def _until_signalled(serving: asyncio.Task[None]) -> None:
    with _signals_cancel(serving) as signalled:
        try:
            await serving
        except asyncio.CancelledError:
            if not signalled:
                raise


@contextmanager
def _signals_cancel(serving: asyncio.Task[None]) -> Iterator[list[int]]:
    loop, signalled = asyncio.get_running_loop(), list[int]()

    def cancel(number: int) -> None:
        if not signalled:  # a second Ctrl-C must not cut the stopping short
            serving.cancel()
        signalled.append(number)

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, cancel, number)
    try:
        yield signalled
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


class _Dev:
    """One run of the stack."""

    def __init__(
        self, data: Path, governance: Path, files: ReadyFiles, slack_api_url: str | None, processes: Processes
    ) -> None:
        self._data = data = data.absolute()
        self._governance = governance
        self._files = files
        self._processes = processes
        self._slack_secret = _kept_secret(data / "slack-signing-secret")
        self._outside = _outside(slack_api_url, self._slack_secret)
        self._supervisor = Supervisor()
        self._postgres = Postgres(data / "postgres", log=self._log("postgres"))
        self._temporal = TemporalServer(data / "temporal", log=self._log("temporal"))

    async def serve(self, port: int, install: Install) -> None:
        self._files.remove()
        try:
            await self._clear_away()
            api_url = f"http://{LOOPBACK}:{self._free(port)}"
            settings = load(self._environment(api_url))
            await together(
                self._start_database(settings, install),
                self._supervisor.start(Part("temporal", self._temporal.launch, self._temporal.stop)),
            )
            await self._start_processes(api_url)
            stack = self._describe(api_url, settings)
            self._tell(stack)
            await self._supervisor.keep(lambda: self._tell(stack))
        finally:
            self._files.remove()
            await self._supervisor.stop(STOP_ORDER)

    def _tell(self, stack: Stack) -> None:
        self._files.write(stack.document(self._supervisor.pids))

    async def _clear_away(self) -> None:
        """End what a killed supervisor left, in the order of a stop; only then can ports be judged."""
        for record in (self._record("api"), self._record("worker"), self._temporal.record):
            await reap(record, stop_signal=signal.SIGTERM, grace=_GRACE)
        await reap(self._postgres.record, stop_signal=signal.SIGINT, grace=_GRACE)

    def _free(self, port: int) -> int:
        if port == 0:
            return keep_port(self._data / "api.port")
        if not is_free(port):
            raise StackError(f"port {port} is taken: end the server that listens there, or choose another with --port")
        return port

    async def _start_database(self, settings: Settings, install: Install) -> None:
        await asyncio.to_thread(create_missing, self._data / KEYS)
        await self._supervisor.start(Part("postgres", self._postgres.launch, self._postgres.stop))
        await self._postgres.create_database(DATABASE, exists_ok=True)
        await make_roles(self._postgres.url(DATABASE))
        await prepare(settings, self._governance, install)

    async def _start_processes(self, api_url: str) -> None:
        ready = self._data / "worker.ready"
        env = self._environment(api_url)
        api = self._command("api", self._processes.api, env)
        worker = self._command("worker", self._processes.worker, {**env, "INTERLOCK_WORKER__READY_FILE": str(ready)})
        await together(
            self._supervisor.start(_process_part(worker, exists(ready), ready)),
            self._supervisor.start(_process_part(api, answers(f"{api_url}/readyz"))),
        )

    def _command(self, name: str, argv: tuple[str, ...], env: Mapping[str, str]) -> Command:
        return Command(name, argv, self._record(name), self._log(name), env=env, grace=_GRACE)

    def _describe(self, api_url: str, settings: Settings) -> Stack:
        ledger = KeyRings.load(self._data / KEYS).ledger
        signing = settings.slack.signing_secret
        return Stack(
            api_url=api_url,
            temporal_address=self._temporal.address,
            database_url=self._postgres.dsn(DATABASE, APP),
            slack_signing_secret=signing.get_secret_value() if signing else self._slack_secret,
            ledger_vkey=note_verifier_key(LEDGER_NAME, ledger.current_key),
        )

    def _environment(self, api_url: str) -> dict[str, str]:
        return self._outside | environment(
            self._data,
            api_url=api_url,
            temporal_address=self._temporal.address,
            database_url=self._postgres.dsn(DATABASE, APP),
        )

    def _record(self, name: str) -> Path:
        return self._data / f"{name}.process"

    def _log(self, name: str) -> Path:
        return self._data / "logs" / f"{name}.log"


def _process_part(command: Command, probe: Probe, leftover: Path | None = None) -> Part:
    """A part that is one of our processes. ``leftover``: a sign of life of the run before, removed first."""
    running: list[Child] = []

    async def launch() -> Child:
        _remove(leftover)
        child = await spawn(command)
        await child.answers(probe, within=_ANSWER_SECONDS)
        running[:] = [child]
        return child

    async def stop() -> None:
        for child in running:
            await child.stop()

    return Part(command.name, launch, stop)


def _remove(file: Path | None) -> None:
    if file is not None:
        file.unlink(missing_ok=True)


def _outside(slack_api_url: str | None, secret: str) -> dict[str, str]:
    """The environment that our processes get from ours: with Slack, or without it."""
    environ = dict(os.environ)
    if slack_api_url:
        defaults = {"SLACK_BOT_TOKEN": DEV_BOT_TOKEN, "SLACK_SIGNING_SECRET": secret}
        chosen = {"SLACK_API_URL": slack_api_url, "INTERLOCK_SLACK__API_URL": slack_api_url}  # the option counts
        return environ | {name: environ.get(name, "").strip() or word for name, word in defaults.items()} | chosen
    if not any(environ.get(name, "").strip() for name in ("SLACK_BOT_TOKEN", "INTERLOCK_SLACK__BOT_TOKEN")):
        return {name: value for name, value in environ.items() if name not in SLACK_VARIABLES}
    return environ


def _kept_secret(file: Path) -> str:
    if not file.exists():
        write_whole(file, secrets.token_hex(32))
    return file.read_text()
