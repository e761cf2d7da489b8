"""A sequencer alone in a process: ``python -m tests.races.sealer URL KEYS``; and such processes, to be killed."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.keys import KeyRings
from app.ledger.notes import Signer
from app.ledger.sequencer import Sequencer
from tests.ledger.sealing import ORIGIN
from tests.processes.stack import PROJECT

LEADS = b"this process seals the ledger"


@dataclass(slots=True)
class Sealers:
    """Processes over one database. ``folder``: of their logs."""

    url: str
    keys: Path
    folder: Path
    running: list[tuple[asyncio.subprocess.Process, Path]] = field(default_factory=list)
    started: int = 0

    async def start(self, count: int = 1) -> None:
        """At once."""
        await asyncio.gather(*(self._start() for _ in range(count)))

    async def _start(self) -> None:
        self.started += 1
        log = self.folder / f"sealer-{self.started}.log"
        with log.open("wb") as file:
            argv = (sys.executable, "-m", "tests.races.sealer", self.url, str(self.keys))
            process = await asyncio.create_subprocess_exec(*argv, cwd=PROJECT, stdout=file, stderr=file)
        self.running.append((process, log))

    def leaders(self) -> list[asyncio.subprocess.Process]:
        """Those that say that they lead, or did."""
        return [process for process, log in self.running if LEADS in log.read_bytes()]

    async def one_leads(self) -> asyncio.subprocess.Process:
        """The one that leads, once one does."""
        async for attempt in AsyncRetrying(stop=stop_after_delay(60), wait=wait_fixed(0.05), reraise=True):
            with attempt:
                [leader] = self.leaders()
        return leader

    async def kill(self, *processes: asyncio.subprocess.Process) -> None:
        """As the kernel would."""
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
        self.running = [one for one in self.running if one[0] not in processes]


@asynccontextmanager
async def sealers(url: str, keys: Path, folder: Path) -> AsyncIterator[Sealers]:
    """None yet; whatever runs at the end is killed."""
    made = Sealers(url, keys, folder)
    try:
        yield made
    finally:
        await made.kill(*(process for process, _ in made.running))


async def _run(url: str, keys: str) -> None:
    await Sequencer(url, Signer(ORIGIN, KeyRings.load(Path(keys)).ledger)).run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(_run(*sys.argv[1:]))
