"""Pytest fixtures of the shop: databases cloned from loaded ones, a running shop, and a caller with good grants.

A test module asks for them with ``pytest_plugins = ["tests.fakes.retail.fixtures"]``.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.devstack.postgres import Postgres
from tests.fakes.retail.issuer import Caller, Issuer
from tests.fakes.retail.samples import SAMPLE, Databases, tau2
from tests.fakes.retail.server import shop


@pytest.fixture(scope="session")
async def retail_databases() -> AsyncIterator[Databases]:
    """PostgreSQL for the session.

    Not in pytest's temporary directory: each pytest that starts closes that to other accounts, and under root the
    server runs as one.
    """
    with tempfile.TemporaryDirectory(prefix="interlock-retail-") as home:
        async with Postgres.start(Path(home)) as server:
            yield Databases(server)


@pytest.fixture(scope="session")
async def retail_sample(retail_databases: Databases) -> str:
    """A database with our own sample, only to be copied."""
    return await retail_databases.loaded(SAMPLE / "shop.json")


@pytest.fixture(scope="session")
async def retail_tau2(retail_databases: Databases) -> str:
    """A database with the data of tau2-bench, only to be copied."""
    return await retail_databases.loaded(tau2() / "db.json")


@pytest.fixture(scope="session")
async def retail_sample_engine(retail_databases: Databases, retail_sample: str) -> AsyncIterator[AsyncEngine]:
    """One copy of the sample for all tests that roll back."""
    async with retail_databases.engine(retail_sample) as database:
        yield database


@pytest.fixture(scope="session")
async def retail_tau2_engine(retail_databases: Databases, retail_tau2: str) -> AsyncIterator[AsyncEngine]:
    """One copy of tau2-bench's shop for all tests that roll back."""
    async with retail_databases.engine(retail_tau2) as database:
        yield database


@pytest.fixture
async def retail_conn(retail_sample_engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection to the sample, in a transaction that is rolled back."""
    async with retail_sample_engine.connect() as conn:
        yield conn


@pytest.fixture
async def retail_tau2_conn(retail_tau2_engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection to tau2-bench's shop, in a transaction that is rolled back."""
    async with retail_tau2_engine.connect() as conn:
        yield conn


@pytest.fixture(scope="session")
async def retail_issuer() -> AsyncIterator[Issuer]:
    """Somebody whose grants the shop trusts."""
    async with Issuer().publishing() as issuer:
        yield issuer


@contextlib.asynccontextmanager
async def _calling(databases: Databases, sample: str, issuer: Issuer) -> AsyncIterator[Caller]:
    """A caller, under good grants, of a shop of its own with the sample, that takes orders for faults."""
    async with (
        databases.copy(sample) as url,
        shop(database_url=url, db_json=SAMPLE / "shop.json", trust=issuer.trust, faults=True) as running,
        httpx.AsyncClient(base_url=running.url, timeout=10) as client,
    ):
        yield Caller(client, issuer)


@pytest.fixture
async def retail(retail_databases: Databases, retail_sample: str, retail_issuer: Issuer) -> AsyncIterator[Caller]:
    """Calls a fresh shop under good grants."""
    async with _calling(retail_databases, retail_sample, retail_issuer) as caller:
        yield caller


@pytest.fixture(scope="session")
async def retail_untouched(
    retail_databases: Databases, retail_sample: str, retail_issuer: Issuer
) -> AsyncIterator[Caller]:
    """Calls one shop for all tests whose calls must leave no effect."""
    async with _calling(retail_databases, retail_sample, retail_issuer) as caller:
        yield caller
