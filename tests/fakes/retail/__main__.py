"""``python -m tests.fakes.retail``: runs the shop until SIGINT or SIGTERM; prints its URL once it answers.

``RETAIL_CLIENT_ID`` and ``RETAIL_CLIENT_SECRET``: as what it redeems grants; without, it does nothing irreversible.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.fakes.retail.grants import Trust
from tests.fakes.retail.redeeming import Account
from tests.fakes.retail.server import shop


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.retail", description=__doc__)
    parser.add_argument("--database-url", required=True, help="an existing PostgreSQL database")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--jwks-url", required=True, help="where the issuer of grants publishes its keys")
    parser.add_argument("--issuer", required=True, help="the iss of its grants")
    parser.add_argument("--audience", required=True, help="what this shop is called in aud")
    parser.add_argument("--db-json", type=Path, required=True, help="loaded if the database is empty")
    parser.add_argument("--faults", action="store_true", help="opens /_faults and /_effects to tests")
    return parser.parse_args()


def _account(arguments: argparse.Namespace) -> Account | None:
    """At the issuer's own address."""
    client_id, secret = (os.environ.get(f"RETAIL_CLIENT_{name}") for name in ("ID", "SECRET"))
    return Account(arguments.issuer, client_id, secret) if client_id and secret else None


async def _run(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    async with shop(
        database_url=arguments.database_url,
        db_json=arguments.db_json,
        trust=Trust(arguments.jwks_url, arguments.issuer, arguments.audience, _account(arguments)),
        port=arguments.port,
        faults=arguments.faults,
    ) as running:
        sys.stdout.write(f"{running.url}\n")
        sys.stdout.flush()
        await stopped.wait()


asyncio.run(_run(_arguments()))
