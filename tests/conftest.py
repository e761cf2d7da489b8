"""What all tests share: one PostgreSQL, one Temporal dev server, a migrated database for each module."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from app.db.hardening import harden, within
from app.db.migrate import upgrade
from app.db.roles import APP, MIGRATOR, as_role
from app.devstack import Postgres, TemporalServer
from app.keys import KeyRings, create_missing
from tests.fakes.desk import Desk, desk
from tests.world import RULES, World, build_context, connect, running

FIGURE = "figure"
"""What a test has measured: ``record_property(FIGURE, "worker killed: all went on after 6.1 s")``."""

LONGEST = (
    "journeys/retail/test_incident.py",
    "kills/test_compensations.py",
    "properties/test_mutations.py",
    "properties/test_mutations_of_changes.py",
    "properties/test_mutations_of_exceptions.py",
    "kills/test_crowds.py",
    "kills/test_executions.py",
    "properties/test_gate.py",
    "properties/test_exceptions.py",
    "journeys/slack/test_outage.py",
    "hostile/test_document.py",
    "kills/test_servers.py",
    "journeys/retail/test_real_calls.py",
    "races/test_own_votes.py",
    "time_skipping/test_clocks.py",
    "kills/test_steps.py",
    "workflows/test_crowded.py",
    "kills/test_lost.py",
    "hostile/test_table.py",
    "journeys/slack/test_real_clicks.py",
    "races/test_stop.py",
    "kills/test_stop.py",
)
"""Files that take longest, about longest first: begun last, one of them would keep a single core busy at the end. Those
that mostly wait stand between those that compute."""
LONG = ("races", "journeys", "hostile", "properties", "processes", "workflows", "time_skipping")
"""Folders whose other files take longest, longest first."""

for _name in [name for name in os.environ if name.startswith(("SLACK_", "INTERLOCK_SLACK"))]:
    del os.environ[_name]  # of the shell that tests are run from; where a test wants a Slack it says so

NewDatabase = Callable[[], Awaitable[str]]


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """One server for the whole run, not below pytest's own folder: the next pytest to start closes that to others."""
    with tempfile.TemporaryDirectory(prefix="interlock-tests-") as folder:
        async with Postgres.start(Path(folder)) as server:
            yield server


@pytest.fixture(scope="session")
async def new_database(postgres: Postgres) -> NewDatabase:
    """Makes databases as migrations/ build them: copies of one that was hardened and migrated once.

    Their URLs are the superuser's, who may look and tamper; `app_url` is as a process has it.
    """
    await postgres.create_database("migrated")
    await within(postgres.url("migrated"), lambda connection: harden(connection, {}))
    await upgrade(postgres.url("migrated", MIGRATOR))

    async def make() -> str:
        name = f"t{uuid.uuid4().hex}"
        await postgres.create_database(name, template="migrated")
        return postgres.url(name)

    return make


@pytest.fixture(scope="module")
async def database_url(new_database: NewDatabase) -> str:
    """A freshly migrated database of this module's own."""
    return await new_database()


@pytest.fixture(scope="module")
def app_url(database_url: str) -> str:
    """The module's database, as API and worker connect to it."""
    return as_role(database_url, APP)


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[TemporalServer]:
    """One dev server for the whole run."""
    async with TemporalServer.start() as server:
        yield server


@pytest.fixture(scope="session")
def rings(tmp_path_factory: pytest.TempPathFactory) -> KeyRings:
    """Key rings as development makes them."""
    folder: Path = tmp_path_factory.mktemp("keys")
    create_missing(folder)
    return KeyRings.load(folder)


@pytest.fixture
def rules_copy() -> Iterator[Path]:
    """A copy of tests/rules to change."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "rules"
        shutil.copytree(RULES, copy)
        yield copy


@pytest.fixture(scope="module")
async def a_desk() -> AsyncIterator[Desk]:
    """A target system."""
    async with desk() as made:
        yield made


@pytest.fixture(scope="module")
async def world(database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[World]:
    """Everything at work, under the rules of tests/rules."""
    ctx = await build_context(database_url, rings, a_desk.url)
    async with running(ctx, await connect(temporal.address, rings), rings, a_desk) as made:
        yield made
    await ctx.database.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first; the tests of a file stay together, and in their order."""
    here, order = Path(__file__).parent, (*LONGEST, *LONG)

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(here)
        known = path.as_posix() if path.as_posix() in LONGEST else path.parts[0]
        return order.index(known) if known in order else len(order)

    items.sort(key=rank)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests have measured."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    tests = [report for report in reports if isinstance(report, pytest.TestReport) and report.when == "call"]
    figures = [(test.nodeid, text) for test in tests for name, text in test.user_properties if name == FIGURE]
    if figures:
        terminalreporter.section("figures")
    for nodeid, text in sorted(dict.fromkeys(figures), key=lambda figure: figure[0]):
        terminalreporter.write_line(f"{nodeid.partition('::')[0].removeprefix('tests/')}: {text}")
