"""Everything that a bot did in an hour, undone by one request: opened, asked, signed, watched, paused."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import select

from app.db.incident_tables import IncidentItem
from app.db.tables import ExecutionAttempt
from tests.fakes.retail import direct
from tests.fakes.retail.once import effects
from tests.journeys.retail.conversations import BOT, Call, Json
from tests.journeys.retail.place import POLICY, Place, place
from tests.journeys.retail.undoing import AUDITOR, RESPONDERS, SIGNERS, Desk, chosen

HOUR = timedelta(hours=1)
OVER = ("succeeded", "failed", "unknown", "skipped")
ALL = 1000


@dataclass(frozen=True, slots=True)
class Tried:
    """A try at an item's compensation, as the database has it."""

    item: str
    started_at: datetime
    outcome: str | None


class Incident:
    """One incident, by people over the API."""

    def __init__(self, where: Place) -> None:
        self.where, self.desk = where, Desk(where)
        self._people = {name: where.running.person(name) for name in (*RESPONDERS, *SIGNERS, AUDITOR)}
        self.id = ""

    async def opened(self, *, suspend: bool = False, by: str = "ivan") -> Json:
        """About everything that the bot did in the last hour."""
        now = datetime.now(UTC)
        body = {
            "title": "It read the customers wrong",
            "bots": [BOT],
            "actions": [],
            "from": (now - HOUR).isoformat(),
            "to": (now + HOUR).isoformat(),
            "suspend": suspend,
        }
        answer = await self.call("POST", "/v1/incidents", by, body)
        assert answer.status_code == 201, answer.text
        self.id = answer.json()["id"]
        return await self.seen()

    async def asked(self, by: str = "ivan", requests: Sequence[str] | str = "all") -> Json:
        """The request that undoes it."""
        path = f"/v1/incidents/{self.id}/rollbacks"
        answer = await self.call("POST", path, by, {"requests": requests, "reason": "None of it was wanted"})
        assert answer.status_code == 201, answer.text
        shown: Json = answer.json()
        assert (shown["kind"], shown["status"]) == ("incident_rollback", "held")
        return shown

    async def turned(self, what: str, by: str = "nora", **body: str) -> Json:
        """After pause, resume or close."""
        answer = await self.call("POST", f"/v1/incidents/{self.id}/{what}", by, body or None)
        assert answer.status_code == 200, answer.text
        shown: Json = answer.json()
        return shown

    async def seen(self, **query: str) -> Json:
        """As the auditor sees it."""
        path = f"/v1/incidents/{self.id}"
        answer = await self.desk.api("GET", path, params=query, headers=self._people[AUDITOR])
        assert answer.status_code == 200, answer.text
        shown: Json = answer.json()
        return shown

    async def until(self, *, ended: int) -> Json:
        """Once so many items have ended."""
        seen = await self.seen()
        while sum(seen["progress"][state] for state in OVER) < ended:
            seen = await self.seen(wait="10s", since=str(seen["version"]))
        return seen

    async def call(self, method: str, path: str, who: str, body: Json | None = None) -> httpx.Response:
        """As a responder, with a key of its own: sent again, it counts once."""
        headers = {**self._people[who], "Idempotency-Key": uuid.uuid4().hex}
        return await self.desk.api(method, path, json=body, headers=headers)

    async def tries(self) -> list[Tried]:
        """All tries at all items, in their order."""
        async with self.where.running.database.transaction() as session:
            query = select(IncidentItem.undo, ExecutionAttempt.started_at, ExecutionAttempt.outcome)
            query = query.join(ExecutionAttempt, ExecutionAttempt.request_id == IncidentItem.undo)
            rows = await session.execute(query.order_by(ExecutionAttempt.started_at))
            return [Tried(str(undo), at, outcome) for undo, at, outcome in rows]

    async def effects(self) -> Counter[str]:
        """How often the shop did what came under which idempotency key."""
        async with self.where.shop.database.connect() as conn:
            return Counter(one["key"] for one in await effects(conn))


async def executed(desk: Desk, calls: Sequence[Call], lines: int = 8) -> list[Json]:
    """All of them released and run, several customers at a time; of one customer, one after the other."""
    waiting: asyncio.Queue[list[Call]] = asyncio.Queue()
    by_customer: dict[str, list[Call]] = {}
    for call in calls:
        by_customer.setdefault(call.customer, []).append(call)
    for of_one in by_customer.values():
        waiting.put_nowait(of_one)
    done: list[Json] = []

    async def line() -> None:
        while not waiting.empty():
            for call in waiting.get_nowait():
                shown = await desk.executed(call)
                done.append(shown)

    async with asyncio.TaskGroup() as group:
        for _ in range(lines):
            group.create_task(line())
    return done


async def real_calls(where: Place, again: str = "") -> list[Call]:
    """The 180 writes of the conversations, and three refunds. ``again``: as of other conversations."""
    found = await chosen(where, ALL)
    return [replace(call, conversation=f"{call.conversation}{again}") for call, _ in found]


async def differences(where: Place) -> dict[str, list[Json]]:
    """The rows of the shop that are not as they were, by table."""
    async with where.databases.engine(where.fresh) as database, database.connect() as conn:
        before = await direct.snapshot(conn)
    async with where.shop.database.connect() as conn:
        now = await direct.snapshot(conn)
    changed = [table for table, rows in before.items() if now[table] != rows]
    return {table: [row for row in now[table] if row not in before[table]] for table in changed}


@asynccontextmanager
async def shop_that_forgets() -> AsyncIterator[Place]:
    """A shop that may undo twice what it is asked twice, for all that is known, and answers in 10 s or never."""
    async with place(POLICY, edit=_forgetful, faults=True) as where:
        yield where


def _forgetful(folder: Path) -> None:
    file = folder / "actions-undo.yaml"
    text = file.read_text()
    assert "idempotent: true, timeout: 30s" in text
    file.write_text(text.replace("idempotent: true, timeout: 30s", "idempotent: false, timeout: 10s"))
