"""Temporal's time-skipping test server, for tests in which days must pass: it is written in Java.

On PATH (``temporal-test-server``), else in the cache, else downloaded by the SDK, else its jars fetched with Maven from
deploy/temporal/test-server, each checked against a committed SHA-256.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment

from app.devstack.errors import StackError
from app.devstack.programs import made_once, run
from app.devstack.temporal_cli import cache_directory

VERSION = "1.35.0"
MODULE = Path(__file__).parents[2] / "deploy" / "temporal" / "test-server"
PROGRAM = "temporal-test-server"

_MAIN = "io.temporal.testserver.TestServer"
_START = timedelta(seconds=30)
"""The SDK's own 5 s are too few for a Java machine on a busy computer."""
_FETCH_SECONDS = 300.0
_JAVA = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m")  # it lives for seconds: quick to start, small
_INSTALL = "Install a Java runtime of version 17 or newer, and Maven 3.6 or newer"

_log = logging.getLogger(__name__)


@asynccontextmanager
async def time_skipping_server(
    *, data_converter: DataConverter = DataConverter.default, program: Path | None = None
) -> AsyncIterator[WorkflowEnvironment]:
    """A test server whose time only runs ahead in ``sleep``, ended with the block. ``program``: instead of ours.

    Its clock is one for all of its workflows: use it for one test after the other. Raises `StackError`.
    """
    path = program or await time_skipping_program()
    try:
        environment = await WorkflowEnvironment.start_time_skipping(
            data_converter=data_converter, test_server_existing_path=str(path), test_server_startup_timeout=_START
        )
    except RuntimeError as error:
        raise StackError(f"the time-skipping test server {path} did not start: {error}") from error
    async with environment:
        yield environment


async def time_skipping_program(cache: Path | None = None) -> Path:
    """A program that runs the test server on the port that it is given. Making one may take a minute, once.

    Raises `StackError` that names what was tried and what to install.
    """
    found = shutil.which(PROGRAM)
    if found:
        return Path(found)
    place = (cache or cache_directory()) / f"{PROGRAM}-{VERSION}"
    try:
        await made_once(place, (download, fetch))
    except StackError as error:
        raise StackError(
            f"no time-skipping test server: none on PATH or in {place.parent}; {error}. {_INSTALL}"
        ) from error
    if (place / "jars").exists() and shutil.which("java") is None:
        raise StackError(f"the time-skipping test server in {place} needs Java, which is not installed. {_INSTALL}")
    return place / PROGRAM


async def download(place: Path) -> None:
    """The SDK's own download of a native program, which fails at once without a network. Raises `StackError`."""
    _log.info("downloading the time-skipping test server %s", VERSION)
    folder = place.with_name("download")
    folder.mkdir()
    try:
        async with asyncio.timeout(_FETCH_SECONDS):
            # the SDK downloads only in order to start: the server it starts is ended at once
            environment = await WorkflowEnvironment.start_time_skipping(
                download_dest_dir=str(folder),
                test_server_download_version=f"v{VERSION}",
                test_server_startup_timeout=_START,
            )
    except (RuntimeError, TimeoutError) as error:
        reason = (str(error) or f"not done in {_FETCH_SECONDS:g} s").splitlines()[0]
        raise StackError(f"the SDK's download failed ({reason})") from error
    await environment.shutdown()
    _keep(next(path for path in folder.iterdir() if os.access(path, os.X_OK)), place)


def _keep(program: Path, place: Path) -> None:
    place.mkdir()
    program.replace(place / PROGRAM)


async def fetch(place: Path, module: Path = MODULE) -> None:
    """The jars that ``pom.xml`` names, with Maven, and a program that runs them. Raises `StackError`."""
    for needed in ("java", "mvn"):
        if shutil.which(needed) is None:
            raise StackError(f"{needed} is not installed")
    if not (module / "pom.xml").exists():
        raise StackError(f"{module} is missing, so Maven has nothing to fetch")
    _log.info("fetching the time-skipping test server %s with Maven: this takes a minute, once", VERSION)
    await _copy(module / "pom.xml", place / "jars")
    check(place / "jars", module / "jars.sha256")
    (place / PROGRAM).write_text(f'#!/bin/sh\nexec java {" ".join(_JAVA)} -cp "${{0%/*}}/jars/*" {_MAIN} "$@"\n')
    (place / PROGRAM).chmod(0o755)


async def _copy(pom: Path, jars: Path) -> None:
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}")
    try:
        async with asyncio.timeout(_FETCH_SECONDS):
            status, output = await run("mvn", "--batch-mode", "--no-transfer-progress", "--file", str(pom), *goal)
    except TimeoutError as error:
        raise StackError(f"Maven was not done in {_FETCH_SECONDS:g} s") from error
    if status != 0:
        raise StackError(f"Maven failed with {pom}: {output.strip()[-1000:]}")


def check(jars: Path, listed: Path) -> None:
    """Raise `StackError` unless the folder holds what the list (as ``sha256sum`` writes it) names, and nothing else."""
    wanted = {name: digest for digest, name in (line.split() for line in listed.read_text().splitlines())}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in jars.iterdir()}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        raise StackError(f"what Maven fetched is not what {listed.name} names, and is not used: {', '.join(wrong)}")
