"""Where the journey takes place: Interlock as processes, and the shop over HTTP with tau2-bench's data."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_delay, wait_fixed

from app.demo.stack import AUDIENCE, EXAMPLE
from app.devstack.ports import LOOPBACK, free_port
from tests.fakes.retail.grants import Trust
from tests.fakes.retail.samples import Databases, tau2
from tests.fakes.retail.server import Shop, shop
from tests.processes.stack import Stack, stack

POLICY = Path(__file__).parent / "rules" / "policy.yaml"
MIA_SHOPS_AS = "yusuf_rossi_9620"
"""Mia leads support and shops here too: under which name, among the conversations' customers."""


@dataclass(frozen=True, slots=True)
class Place:
    """What runs. ``fresh``: a database with the shop as it was, to be copied."""

    running: Stack
    shop: Shop
    databases: Databases
    fresh: str
    client_secret: str
    bot_token: str


class Client:
    """Everybody's HTTP client of the API. 503 is sent again: it counts once. ``again``: how often that was so."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.again = 0

    async def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The first answer that is no 503."""
        retrying = AsyncRetrying(
            retry=retry_if_result(lambda answer: answer.status_code == 503),
            wait=wait_fixed(0.5),
            stop=stop_after_delay(60),
            before_sleep=self._count,
        )
        return await retrying(self._http.request, method, path, **more)

    def _count(self, _state: RetryCallState) -> None:
        self.again += 1


@asynccontextmanager
async def place(
    policy: Path = POLICY, *, edit: Callable[[Path], None] | None = None, faults: bool = False, **options: Any
) -> AsyncIterator[Place]:
    """Everything at work, the bot with a token for its secret; removed at the end. ``options``: of `stack`.

    ``edit``: changes the rules' files before they are in force; ``faults``: the shop takes orders for them.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="interlock-rules-") as folder:
        rules = assembled(Path(folder), policy)
        if edit is not None:
            edit(rules)
        async with stack(rules, targets={"order-desk": f"http://{LOOPBACK}:{port}"}, **options) as running:
            databases = Databases(running.server)
            fresh = await databases.loaded(tau2() / "db.json")
            trust = Trust(f"{running.api_url}/.well-known/jwks.json", running.api_url, AUDIENCE)
            async with (
                databases.copy(fresh) as url,
                shop(database_url=url, db_json=tau2() / "db.json", trust=trust, port=port, faults=faults) as open_shop,
            ):
                secret, token = await _token(running)
                yield Place(running, open_shop, databases, fresh, secret, token)


def assembled(folder: Path, policy: Path) -> Path:
    """The example's people, bot and catalogue under this policy."""
    for file in EXAMPLE.glob("*.yaml"):
        shutil.copy(file, folder / file.name)
    people = (folder / "people.yaml").read_text()
    assert "customer:mia_chen_2201" in people
    (folder / "people.yaml").write_text(people.replace("customer:mia_chen_2201", f"customer:{MIA_SHOPS_AS}"))
    shutil.copy(policy, folder / "policy.yaml")
    return folder


async def _token(running: Stack) -> tuple[str, str]:
    """A new client secret of the bot, and the access token that it gets for it."""
    made = json.loads(await running.command("bots", "credentials", "support-bot"))
    form = {"grant_type": "client_credentials", **{name: made[name] for name in ("client_id", "client_secret")}}
    answer: httpx.Response = await running.http.post("/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    return made["client_secret"], answer.json()["access_token"]
