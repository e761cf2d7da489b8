"""There and back: a call is released and executed, a responder has it undone, and the shop's rows are compared."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fakes.retail import direct, tables
from tests.fakes.retail.samples import tau2
from tests.fakes.retail.tools import TOOLS
from tests.journeys.retail.conversations import Call, Json, conversations
from tests.journeys.retail.place import Client, Place

CALLERS = 8
LEADS, FINANCE = ("dana", "marco"), ("fiona", "felix")
DECIDE = {"lead": LEADS, "finance": FINANCE}
RESPONDERS, SIGNERS = ("ivan", "nora"), ("rita", "greta")
AUDITOR = "anya"
OPEN = ("held", "approved", "executing")
Rows = dict[str, list[Json]]


@dataclass(frozen=True, slots=True)
class Trip:
    """One call, as its auditor sees it in the end. ``rows``: what it touches: before, after it, and after its rollback.

    ``alone``: what the shop answers to it on fresh rows. ``rollback``: None where ``refused`` says why there is none.
    """

    call: Call
    alone: tuple[int, Json]
    original: Json
    rows: tuple[Rows, Rows, Rows]
    refused: Json | None
    rollback: Json | None
    seconds: float


def refunds() -> Iterator[Call]:
    """No conversation pays money back: a dollar of the first order that was paid with each kind of means."""
    orders = json.loads((tau2() / "db.json").read_text())["orders"]
    paid = [(order, order["payment_history"]) for order in orders.values() if len(order["payment_history"]) == 1]
    for source in ("credit_card", "gift_card", "paypal"):
        order, (payment,) = next((o, p) for o, p in paid if p[0]["payment_method_id"].startswith(source))
        means = {"payment_method_id": payment["payment_method_id"], "currency": "USD"}
        arguments = {"order_id": order["order_id"], "amount_minor": 100, **means}
        yield Call("refunds", source, TOOLS["refund"], arguments, order["user_id"], "A dollar back, please.")


async def chosen(where: Place, of_each_kind: int) -> list[tuple[Call, tuple[int, Json]]]:
    """So many writes of each kind that the shop takes, and all that it refuses; each with the shop's answer."""
    writes = [call for talk in conversations() for call in talk.calls if call.tool.writes]
    found, taken = [], defaultdict[str, int](int)
    async with where.databases.engine(where.fresh) as database, database.connect() as conn:
        for call in [*writes, *refunds()]:
            async with conn.begin_nested() as fresh:
                answer = await direct.apply(conn, call.tool.name, call.arguments)
                await fresh.rollback()
            taken[call.tool.name] += answer[0] == 200
            if answer[0] != 200 or taken[call.tool.name] <= of_each_kind:
                found.append((call, answer))
    return found


async def touched(database: AsyncEngine, call: Call) -> Rows:
    """The rows of the call's order and customer."""
    rows: Rows = {}
    async with database.connect() as conn:
        for table in tables.SHOP:
            key = ("order_id", call.order) if "order_id" in table.c else ("user_id", call.customer)
            if key[0] in table.c:
                mine = select(table).where(table.c[key[0]] == key[1]).order_by(*table.primary_key)
                rows[table.name] = [dict(row) for row in (await conn.execute(mine)).mappings()]
    return rows


class Desk:
    """The bot, and everybody who decides, undoes and signs."""

    def __init__(self, where: Place) -> None:
        self.api = Client(where.running.http)
        self._where = where
        self._bot = {"Authorization": f"Bearer {where.bot_token}"}
        self._people = {name: where.running.person(name) for name in (*LEADS, *FINANCE, *RESPONDERS, *SIGNERS, AUDITOR)}
        self._pairs = itertools.cycle(itertools.product(RESPONDERS, SIGNERS))

    async def serve(self, calls: Sequence[tuple[Call, tuple[int, Json]]]) -> list[Trip]:
        """All of them, several customers at a time; of one customer, one after the other."""
        waiting: asyncio.Queue[list[tuple[Call, tuple[int, Json]]]] = asyncio.Queue()
        for _, of_one in itertools.groupby(sorted(calls, key=_customer), _customer):
            waiting.put_nowait(list(of_one))
        trips: list[Trip] = []

        async def line() -> None:
            while not waiting.empty():
                for call, alone in waiting.get_nowait():
                    trips.append(await self.there_and_back(call, alone))

        async with asyncio.TaskGroup() as lines:
            for _ in range(CALLERS):
                lines.create_task(line())
        return trips

    async def there_and_back(self, call: Call, alone: tuple[int, Json]) -> Trip:
        """Ask, release, wait; then have it undone."""
        shop, since = self._where.shop.database, time.monotonic()
        before = await touched(shop, call)
        original = await self.executed(call)
        after = await touched(shop, call)
        asker, signer = next(self._pairs)
        answer = await self.ask_to_undo(asker, original)
        assert answer.status_code in (201, 409), answer.text
        refused, rollback = (answer.json(), None) if answer.status_code == 409 else (None, answer.json())
        if rollback is not None:
            await self.asker_may_not_sign(asker, rollback)
            rollback = await self.signed(signer, rollback)
            original = await self.until_final(original)
        rows = (before, after, await touched(shop, call))
        return Trip(call, alone, original, rows, refused, rollback, time.monotonic() - since)

    async def executed(self, call: Call) -> Json:
        """A call asked for by the bot, released by who must, and over."""
        headers = {**self._bot, "Idempotency-Key": call.key}
        answer = await self.api("POST", "/v1/requests", json=call.body, headers=headers)
        assert answer.status_code == 201, answer.text
        shown: Json = answer.json()
        assert shown["status"] == "held", shown
        for stage in shown["plan"]["stages"]:
            for person in DECIDE[stage["name"]][: stage["quorum"]]:
                assert (decided := await self.decide(person, shown)).status_code == 200, decided.text
        return await self.until_final(shown)

    async def ask_to_undo(self, asker: str, original: Json, why: str = "The customer says no") -> httpx.Response:
        """As a responder."""
        headers = {**self._people[asker], "Idempotency-Key": uuid.uuid4().hex}
        path = f"/v1/requests/{original['id']}/rollbacks"
        return await self.api("POST", path, json={"reason": why}, headers=headers)

    async def asker_may_not_sign(self, asker: str, rollback: Json) -> None:
        """Who asks for a rollback is refused by name."""
        answer = await self.decide(asker, rollback)
        broken = [violation["invariant"] for violation in answer.json()["violations"]]
        assert (answer.status_code, "rollback-approver" in broken) == (403, True), answer.text

    async def signed(self, signer: str, rollback: Json) -> Json:
        """A rollback that was signed and is over."""
        assert rollback["status"] == "held", rollback
        answer = await self.decide(signer, rollback)
        assert answer.status_code == 200, answer.text
        return await self.until_final(rollback)

    async def decide(self, person: str, shown: Json) -> httpx.Response:
        """Approve what was shown."""
        body = {"decision": "approve", "digest": shown["digest"], "reason": f"{person} has looked"}
        path = f"/v1/requests/{shown['id']}/decisions"
        return await self.api("POST", path, json=body, headers=self._people[person])

    async def until_final(self, shown: Json) -> Json:
        """As the auditor sees it then."""
        path, query, headers = f"/v1/requests/{shown['id']}", dict[str, str](), self._people[AUDITOR]
        while True:
            answer = await self.api("GET", path, params=query, headers=headers)
            assert answer.status_code == 200, answer.text
            seen: Json = answer.json()
            if seen["status"] not in OPEN:
                return seen
            query = {"wait": "30s", "since": str(seen["version"])}


def _customer(chosen: tuple[Call, tuple[int, Json]]) -> str:
    return chosen[0].customer
