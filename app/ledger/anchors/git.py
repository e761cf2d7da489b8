"""An anchor in a git repository, and in one that it is pushed to: each checkpoint is a commit on top of the others."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path

from app.domain.note import Checkpoint
from app.ledger.anchors.anchor import AnchorFailed, differs, folder_of, head_of, place_of

SECONDS = 20.0
"""That one git command may take."""
KEPT = ("PATH", "HOME", "SSH_AUTH_SOCK")
"""What git gets of our environment: where programs are, and what it proves to a remote who we are by."""
QUIET = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
}
CONFIG = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsync=all", "-c", "safe.bareRepository=all")
WHO = "Interlock <interlock@localhost>"


class GitAnchor:
    """Commits to a branch, without a work tree; reads what is committed. ``remote``: a name or URL to push to."""

    def __init__(self, name: str, folder: Path, branch: str = "checkpoints", remote: str | None = None) -> None:
        """``folder``: of a repository, bare or not; a bare one is made where nothing is."""
        self.name = name
        self._folder = folder
        self._ref = f"refs/heads/{branch}"
        self._remote = remote

    async def put(self, note: str) -> None:
        """Commit a note, unless it is committed; push what the remote may not have yet."""
        head = head_of(note)
        place = place_of(head)
        await self._begun()
        known = await self._exists()
        held = await self._blob(place) if known and await self._names(place) else None
        if held is None:
            await self._commit(head, place, note, known=known)
        elif held != note:
            raise differs(head)
        if self._remote is not None:
            await self._git("push", "-q", "--", self._remote, f"{self._ref}:{self._ref}")

    async def newest(self, origin: str) -> str | None:
        """The note of the largest size, as committed."""
        if not await self._exists():
            return None
        place = folder_of(origin)
        if not await self._names(place):
            return None
        while not place.endswith(".checkpoint"):
            place = (await self._names(f"{place}/"))[-1]
        return await self._blob(place)

    async def notes(self) -> AsyncIterator[str]:
        """All that are committed, log by log, the oldest first."""
        for place in await self._names("", "-r") if await self._exists() else []:
            yield await self._blob(place)

    async def _begun(self) -> None:
        if not self._folder.exists() or not any(self._folder.iterdir()):
            self._folder.mkdir(parents=True, exist_ok=True)
            await self._git("init", "-q", "--bare", ".")

    async def _exists(self) -> bool:
        """Whether anything is committed. Raises AnchorFailed where there is something, but no repository."""
        if not self._folder.is_dir() or not any(self._folder.iterdir()):
            return False
        return bool((await self._git("for-each-ref", "--format=%(objectname)", self._ref)).strip())

    async def _names(self, place: str, *options: str) -> list[str]:
        """What is committed at or (with a slash at its end) below a place, in order."""
        found = await self._git(
            "ls-tree", "-z", "--full-tree", "--name-only", *options, self._ref, *([place] if place else [])
        )
        return sorted(name for name in found.split("\0") if name)

    async def _blob(self, place: str) -> str:
        return await self._git("cat-file", "blob", f"{self._ref}:{place}")

    async def _commit(self, head: Checkpoint, place: str, note: str, *, known: bool) -> None:
        """One command that writes blob, folders and commit; it refuses when another has committed meanwhile."""
        title = f"Checkpoint of {head.size} leaves of {head.origin}\n"
        parts = [f"commit {self._ref}\ncommitter {WHO} now\n", _data(title)]
        parts += [f"from {self._ref}^0\n"] if known else []
        parts += [f"M 100644 inline {place}\n", _data(note), "done\n"]
        await self._git("fast-import", "--quiet", "--done", "--date-format=now", given="".join(parts))

    async def _git(self, *words: str, given: str = "") -> str:
        """Run git; what it prints. Raises AnchorFailed with what it says."""
        process = await asyncio.create_subprocess_exec(
            *("git", *CONFIG, "-C", str(self._folder), *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(os.environ),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS):
                out, err = await process.communicate(given.encode())
        except TimeoutError:
            raise AnchorFailed(f"git {words[0]} took more than {SECONDS:g} s") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with what it has started, such as ssh
            await process.wait()
        if process.returncode:
            raise AnchorFailed(f"git {words[0]}: {_last_line(err)}")
        return out.decode()


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    return {name: ours[name] for name in KEPT if name in ours} | QUIET


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else "it failed without a word"
