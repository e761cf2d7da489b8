"""The stream of entries to endpoints: in order, none left out, whatever endpoint, sender or network do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.domain.webhooks import key_of
from app.execution.http import new_client
from app.execution.posting import Endpoint
from app.keys import KeyRings
from app.ledger.notes import Signer
from app.steps.context import Context
from app.use_cases.exporting import LEASE, SPAN, Export, Exporter
from app.use_cases.leases import Leadership
from tests.conftest import NewDatabase
from tests.db.test_schema import connected
from tests.execution.raw_server import http
from tests.fakes.receiver import HANG, OTHER_SECRET, SECRET, Receiver, receiver
from tests.ledger.sealed import by_superuser, expected, grown
from tests.world import build_context

ORIGIN = "ledger.example/test"


@dataclass
class Place:
    url: str
    ctx: Context
    signer: Signer

    async def more(self, count: int, stream: str = "request:1") -> None:
        await grown(self.url, self.signer, stream=stream, count=count)

    async def cursor(self, name: str = "siem") -> Any:
        async with connected(self.url) as connection:
            found = await connection.execute(text("select * from export_cursor where endpoint = :n"), {"n": name})
            return found.first()

    async def at_once(self) -> None:
        """Nobody waits for the next try."""
        async with connected(self.url) as connection:
            await connection.execute(text("update export_cursor set due_at = now()"))
            await connection.commit()

    @asynccontextmanager
    async def exporting(self, *exports: Export, span: timedelta = SPAN) -> AsyncIterator[asyncio.Task[None]]:
        async with new_client() as client:
            exporter = Exporter(Leadership(self.ctx, LEASE, span), client, ORIGIN, exports, idle=0.02)
            task = asyncio.create_task(exporter.run())
            try:
                yield task
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


@pytest.fixture
async def place(new_database: NewDatabase, rings: KeyRings) -> AsyncIterator[Place]:
    url = await new_database()
    ctx = await build_context(url, rings, "http://127.0.0.1:9")
    yield Place(url, ctx, Signer(ORIGIN, rings.ledger))
    await ctx.database.close()


def to(one: Receiver, name: str = "siem", *, private: bool = True, keys: Sequence[str] = (SECRET,)) -> Export:
    return Export(Endpoint(name, one.url, [key_of(key) for key in keys], private))


def as_events(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "specversion": "1.0",
            "id": f"{ORIGIN}/{item['leaf']}",
            "source": ORIGIN,
            "type": f"dev.interlock.entry.{item['kind']}.v1",
            "subject": item["stream"],
            "time": item["at"],
            "datacontenttype": "application/json",
            "data": item,
        }
        for item in items
    ]


async def failing(place: Place, tries: int = 1) -> Any:
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(60), reraise=True):
        with attempt:
            row = await place.cursor()
            assert row is not None
            assert row.tries >= tries
    return row


async def test_every_sealed_entry_in_order_and_what_comes_later(place: Place) -> None:
    await place.more(3)
    async with receiver() as siem, place.exporting(to(siem)):
        size = len(await expected(place.url))
        await siem.until(lambda: len(siem.taken) >= size)
        await place.more(2, "bot:bot")
        await siem.until(lambda: len(siem.taken) >= size + 2)
        assert siem.taken == as_events(await expected(place.url))


async def test_a_sender_that_is_killed_leaves_nothing_out(place: Place) -> None:
    """Killed at any point of its work, again and again; what comes twice has the same id and the same words."""
    await place.more(20)
    async with receiver() as siem:
        for kill in range(1, 6):
            async with place.exporting(to(siem)):
                await siem.until(lambda kill=kill: len(siem.heard) >= 4 * kill)  # type: ignore[misc]
        async with place.exporting(to(siem)):
            last = f"{ORIGIN}/{len(await expected(place.url)) - 1}"
            await siem.until(lambda: siem.taken[-1]["id"] == last)
        once = list({event["id"]: event for event in siem.taken}.values())
        assert once == as_events(await expected(place.url))
        assert all(siem.taken.count(event) == sum(e["id"] == event["id"] for e in siem.taken) for event in once)
        assert len({message for message, _ in siem.heard}) == len(once)


ANSWERS = {
    "500": http(500),
    "429": http(429, headers="Retry-After: 1\r\n"),
    "a redirect": http(307, headers="Location: {other}\r\n"),
    "a redirect that says 200 elsewhere": http(301, headers="Location: {other}\r\n"),
    "no HTTP": b"hello\r\n\r\n",
    "nothing": b"\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_the_cursor_moves_after_a_2xx_alone(place: Place, answer: str, caplog: pytest.LogCaptureFixture) -> None:
    """Said aloud once, tried again later, and nowhere else: a redirect is not followed."""
    await place.more(2)
    async with receiver() as other, receiver() as siem:
        siem.always = ANSWERS[answer].replace(b"{other}", other.url.encode())
        with caplog.at_level(logging.INFO):
            async with place.exporting(to(siem)):
                await failing(place)
                await place.at_once()
                row = await failing(place, 2)
                assert (row.next_leaf, row.failing_since is not None) == (0, True)
                assert len({event["id"] for _, event in siem.heard}) == 1
                siem.always = None
                await place.at_once()
                size = len(await expected(place.url))
                await siem.until(lambda: len(siem.taken) == size)
        assert siem.taken == as_events(await expected(place.url))
        assert other.heard == []
        loud = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(loud) == 1
        assert "siem" in loud[0].getMessage()
        assert SECRET.removeprefix("whsec_") not in caplog.text
        row = await place.cursor()
        assert (row.failing_since, row.error, row.tries) == (None, None, 0)


async def test_it_is_said_again_every_hour(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    async with receiver() as siem:
        siem.always = http(503)
        await place.more(1)
        async with place.exporting(to(siem)):
            await failing(place)
            async with connected(place.url) as connection:
                past = "update export_cursor set due_at = now(), alerted_at = now() - interval '61 minutes'"
                await connection.execute(text(past))
                await connection.commit()
            await failing(place, 2)
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 2


async def test_endpoints_do_not_wait_for_each_other(place: Place) -> None:
    """One hangs, one is not there, one takes all; each is signed with its own secret."""
    await place.more(5)
    nowhere = Export(Endpoint("nowhere", "http://127.0.0.1:9/", [key_of(SECRET)], private=True))
    async with receiver() as slow, receiver(OTHER_SECRET) as quick:
        slow.always = HANG
        async with place.exporting(to(slow, "slow"), nowhere, to(quick, "quick", keys=(OTHER_SECRET,))):
            size = len(await expected(place.url))
            await quick.until(lambda: len(quick.taken) == size, seconds=60)
            assert slow.taken == []
        assert quick.taken == as_events(await expected(place.url))
        assert (await place.cursor("slow")).next_leaf == (await place.cursor("nowhere")).next_leaf == 0


async def test_private_addresses_by_the_rules_of_targets(place: Place) -> None:
    await place.more(1)
    async with receiver() as siem, place.exporting(to(siem, private=False)):
        assert "leads to a loopback address" in (await failing(place)).error
        assert siem.heard == []


async def test_while_a_secret_is_changed_both_hold(place: Place) -> None:
    await place.more(1)
    async with receiver() as old, receiver(OTHER_SECRET) as new:
        both = (OTHER_SECRET, SECRET)
        async with place.exporting(to(old, "old", keys=both), to(new, "new", keys=both)):
            await old.until(lambda: bool(old.taken))
            await new.until(lambda: bool(new.taken))


async def test_of_two_processes_one_sends(place: Place) -> None:
    """And the other goes on when it ends."""
    await place.more(10)
    async with receiver() as siem:
        async with place.exporting(to(siem)) as first, place.exporting(to(siem)):
            size = len(await expected(place.url))
            await siem.until(lambda: len(siem.taken) >= size)
            assert siem.taken == as_events(await expected(place.url))
            first.cancel()
            await place.more(3, "bot:bot")
            await siem.until(lambda: len(siem.taken) >= size + 3)
        assert siem.taken == as_events(await expected(place.url))


async def test_nothing_goes_out_across_a_gap(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    await place.more(4)
    await by_superuser(place.url, "delete from leaf where index = 2")
    async with receiver() as siem, place.exporting(to(siem)):
        async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(30), reraise=True):
            with attempt:
                assert "leaf 2 of the sealed ledger is missing" in caplog.text
        assert siem.heard == []


def test_a_repr_shows_no_key() -> None:
    assert "keys" not in repr(Endpoint("siem", "https://siem.example/", [key_of(SECRET)]))
