"""Interlock as processes, as `interlock dev` runs it: API, worker, Temporal and PostgreSQL, to be killed and frozen."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
from temporalio.client import Client
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from app.codec import data_converter
from app.db.session import Database
from app.demo.stack import FIRST_START_SECONDS
from app.devstack.dev import DATABASE
from app.devstack.postgres import Postgres
from app.devstack.probes import exists
from app.devstack.process import Command, spawn
from app.domain.request import Level
from app.identity.tokens import dev_token, issue_access_token
from app.keys import KeyRings

PROJECT = Path(__file__).parents[2]
PARTS = ("api", "worker", "temporal", "postgres")


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack. What dies is started again by its supervisor, on the same port and data."""

    data: Path
    api_url: str
    database_url: str
    temporal_address: str
    rings: KeyRings
    database: Database
    temporal: Client
    http: httpx.AsyncClient

    def pid(self, part: str) -> int:
        """The process that is this part now."""
        document = json.loads((self.data / "ready.json").read_text())
        return int(document["pids"][part])

    def signal(self, part: str, number: signal.Signals) -> int:
        """Send a signal to a part; its process id."""
        pid = self.pid(part)
        os.kill(pid, number)
        return pid

    async def replaced(self, part: str, pid: int, *, within: float = 60) -> int:
        """Wait until another process is this part and answers; its id."""
        retrying = AsyncRetrying(
            retry=retry_if_result(lambda now: now == pid), wait=wait_fixed(0.05), stop=stop_after_delay(within)
        )
        return await retrying(self._pid, part)

    async def _pid(self, part: str) -> int:
        return self.pid(part)

    def lay_fuse(self, point: str, request_id: str, how: str = "kill") -> Path:
        """Let the worker of fused.py ``kill`` or ``freeze`` itself there; the file, which goes as it does."""
        fuse = self.data / "fuses" / point
        fuse.parent.mkdir(exist_ok=True)
        fuse.with_suffix(".new").write_text(f"{how} {request_id}")
        return fuse.with_suffix(".new").rename(fuse)

    def frozen(self, pid: int) -> bool:
        """Whether a process is stopped by a signal."""
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED

    def person(self, person_id: str, level: Level = Level.LOGIN) -> dict[str, str]:
        """Headers of a person, by the development issuer."""
        assert self.rings.dev_issuer is not None
        now = datetime.now(UTC)
        token = dev_token(self.rings.dev_issuer, base_url=self.api_url, person_id=person_id, level=level, now=now)
        return {"Authorization": f"Bearer {token}"}

    def bot(self, client_id: str, bot_id: str) -> dict[str, str]:
        """Headers of a bot, as `POST /oauth/token` answers for its credential."""
        now = datetime.now(UTC)
        token = issue_access_token(
            self.rings.tokens, issuer=self.api_url, client_id=client_id, subject=f"bot:{bot_id}", now=now
        )
        return {"Authorization": f"Bearer {token}"}

    async def command(self, *arguments: str) -> str:
        """What ``interlock ...`` prints for this stack."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", *arguments, "--data", str(self.data), cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode().strip()

    async def credential(self, bot_id: str) -> str:
        """A new client credential of a bot; its id."""
        made: dict[str, Any] = json.loads(await self.command("bots", "credentials", bot_id))
        return str(made["client_id"])

    def logs(self) -> dict[str, bytes]:
        """What every part has written so far, by file name."""
        return {file.name: file.read_bytes() for file in sorted((self.data / "logs").glob("*.log"))}

    @property
    def slack(self) -> dict[str, str]:
        """What Slack is told of this stack: ``events_url`` and ``signing_secret``."""
        told: dict[str, str] = json.loads((self.data / "ready.json").read_text())["slack"]
        return told

    @property
    def server(self) -> Postgres:
        """The PostgreSQL of the stack, for further databases."""
        return Postgres(self.data / "postgres")


@asynccontextmanager
async def stack(
    governance: Path,
    *,
    targets: Mapping[str, str],
    worker: str = "app.worker",
    slack_api_url: str | None = None,
    **settings: str,
) -> AsyncIterator[Stack]:
    """Interlock under these rules, stopped and removed at the end.

    ``targets``: name to URL; ``worker``: the module that is run as worker; ``slack_api_url``: where Slack is, None for
    a stack without; ``settings``: further ``INTERLOCK_*`` variables by what follows that prefix.
    """
    with tempfile.TemporaryDirectory(prefix="interlock-stack-") as folder:
        data = Path(folder)
        (data / "logs").mkdir()
        child = await spawn(_dev(data, governance, worker, slack_api_url, _environment(targets, settings)))
        try:
            await child.answers(exists(data / "ready.json"), within=FIRST_START_SECONDS)
            async with _connected(data) as running:
                yield running
        finally:
            await asyncio.shield(child.stop())


def _environment(targets: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if name not in ("INTERLOCK_DATA", "INTERLOCK_URL")}
    urls = {f"INTERLOCK_TARGETS__{name.replace('-', '_').upper()}__URL": url for name, url in targets.items()}
    return {**outside, **urls, **{f"INTERLOCK_{name}": value for name, value in settings.items()}}


def _dev(data: Path, governance: Path, worker: str, slack: str | None, environment: dict[str, str]) -> Command:
    arguments = (str(data), str(governance), str(data / "ready.json"), worker, slack or "")
    return Command(
        name="the stack",
        argv=(sys.executable, "-m", "tests.processes.dev", *arguments),
        record=data / "stack.process",
        log=data / "logs" / "stack.log",
        env=environment,
        cwd=PROJECT,
        death_signal=signal.SIGTERM,  # it must stop its own parts
        grace=60,
    )


@asynccontextmanager
async def _connected(data: Path) -> AsyncIterator[Stack]:
    document = json.loads((data / "ready.json").read_text())
    rings = KeyRings.load(data / "keys")
    temporal = await Client.connect(document["temporal_address"], data_converter=data_converter(rings.codec))
    url = Postgres(data / "postgres").url(DATABASE)
    database = Database(url)
    async with httpx.AsyncClient(base_url=document["api_url"], trust_env=False, timeout=60) as http:
        yield Stack(
            data,
            document["api_url"],
            url,
            document["temporal_address"],
            rings,
            database,
            temporal,
            http,
        )
    await database.close()
