"""The Temporal CLI, whose dev server we run: on PATH, else in the cache, else downloaded, else built with Go."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
from pathlib import Path

from app.devstack.errors import StackError
from app.devstack.programs import made_once, run

VERSION = "1.5.1"
OLDEST_SERVER = (1, 29)
"""Older servers lack parts of update-with-start, or read other settings."""
MODULE = Path(__file__).parents[2] / "deploy" / "temporal"
PACKAGE = "github.com/temporalio/cli/cmd/temporal"

_DOWNLOAD_SECONDS = 180.0
_log = logging.getLogger(__name__)


def cache_directory() -> Path:
    """Where built and downloaded programs are kept, outside the repository: ``INTERLOCK_CACHE``."""
    return Path(os.environ.get("INTERLOCK_CACHE") or Path.home() / ".cache" / "interlock")


async def temporal_binary(cache: Path | None = None) -> Path:
    """A usable Temporal CLI. Making one may take minutes, once; others who want it wait meanwhile.

    Raises `StackError` that names what was tried and what to install.
    """
    found = shutil.which("temporal")
    if found and await is_usable(Path(found)):
        return Path(found)
    cached = (cache or cache_directory()) / f"temporal-{VERSION}"
    try:
        return await made_once(cached, (download, build))
    except StackError as error:
        raise StackError(
            f"no Temporal dev server: none on PATH or in {cached.parent}; {error}. "
            f"Install Go, or put the Temporal CLI {VERSION} or newer on PATH"
        ) from error


async def is_usable(binary: Path) -> bool:
    """Whether ``binary`` is a Temporal CLI whose server is `OLDEST_SERVER` or newer."""
    status, output = await run(str(binary), "--version")
    version = re.search(r"Server (\d+)\.(\d+)", output)
    if status == 0 and version and (int(version[1]), int(version[2])) >= OLDEST_SERVER:
        return True
    _log.warning("%s is not used: it needs server %d.%d or newer", binary, *OLDEST_SERVER)
    return False


async def download(target: Path) -> None:
    """The SDK's own download, which fails at once without a network. Raises `StackError`."""
    from temporalio.testing import WorkflowEnvironment  # noqa: PLC0415  half a second of every command, for this alone

    _log.info("downloading the Temporal CLI %s", VERSION)
    folder = target.parent / "download"
    folder.mkdir()
    try:
        async with asyncio.timeout(_DOWNLOAD_SECONDS):
            # the SDK downloads only in order to start: the server it starts is ended at once
            environment = await WorkflowEnvironment.start_local(
                download_dest_dir=str(folder), dev_server_download_version=f"v{VERSION}"
            )
    except (RuntimeError, TimeoutError) as error:
        reason = (str(error) or f"not done in {_DOWNLOAD_SECONDS:g} s").splitlines()[0]
        raise StackError(f"the SDK's download failed ({reason})") from error
    await environment.shutdown()
    next(path for path in folder.iterdir() if os.access(path, os.X_OK)).replace(target)


async def build(target: Path, module: Path = MODULE) -> None:
    """Build from ``deploy/temporal``, whose go.sum fixes every source. Raises `StackError`."""
    go = shutil.which("go")
    if go is None:
        raise StackError("Go is not installed")
    if not (module / "go.sum").exists():
        raise StackError(f"{module} is missing, so Go has nothing to build")
    _log.info("building the Temporal CLI %s with Go: this takes some minutes, once", VERSION)
    version = f"-X github.com/temporalio/cli/temporalcli.Version={VERSION}"
    flags = ("-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags=-s -w {version}")
    status, output = await run(go, "build", "-C", str(module), *flags, "-o", str(target), PACKAGE)
    if status != 0:
        raise StackError(f"go build in {module} failed: {output.strip()[-1000:]}")
