"""One customer of the real conversations is erased: a dump has nothing of theirs, and verify is green."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

import httpx
import pytest
from sqlalchemy import select
from temporalio.service import RPCError, RPCStatusCode
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db.tables import Request
from app.devstack.dev import DATABASE
from tests.clear_text import Needle, files, histories, in_clear, needles
from tests.conftest import FIGURE
from tests.fakes.retail.samples import tau2
from tests.journeys.retail.approvers import Office
from tests.journeys.retail.callers import Bot, converse
from tests.journeys.retail.conversations import Call, Conversation, Json, conversations, sharing_a_gift_card
from tests.journeys.retail.place import MIA_SHOPS_AS, Client, Place, place
from tests.journeys.retail.test_real_calls import VOCABULARY
from tests.journeys.retail.undoing import Desk

WITHIN_SECONDS = 540
STAFF = {MIA_SHOPS_AS, "olivia_reyes_11"}
"""Who works at the shop as well: that stays in the files of people."""
_BYTEA = re.compile(rb"\\\\x([0-9a-f]+)")
Record = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class Journey:
    """Before and after. ``mine``: the customer's requests; ``rows``: those of all others."""

    where: Place
    customer: str
    talks: list[Conversation]
    mine: set[str]
    order: Json
    before: bytes
    after: bytes
    rows: tuple[dict[str, Json], dict[str, Json]]
    seconds: float

    @property
    def known(self) -> list[str]:
        """What is theirs and nobody else's: names, addresses, orders, cards, and what was said."""
        shop = json.loads((tau2() / "db.json").read_text())
        user = shop["users"][self.customer]
        said = [call.prompt for call in self.calls]
        named = [self.customer, f"customer:{self.customer}", user["email"], user["address"]["address1"]]
        full = f"{user['name']['first_name']} {user['name']['last_name']}"
        return [*named, full, *user["orders"], *user["payment_methods"], *said]

    @property
    def wanted(self) -> list[Needle]:
        """That in every spelling, but for what the rules say, and other customers word for word."""
        others = " ".join(call.prompt for talk in self.talks for call in talk.calls if call.customer != self.customer)
        return [one for one in needles([self.known], vocabulary=VOCABULARY) if one.value not in others]

    @property
    def calls(self) -> list[Call]:
        """What the bot asked for in their conversations."""
        return [call for talk in self.talks for call in talk.calls if call.customer == self.customer]


@pytest.fixture(name="journey", scope="module")
async def _journey() -> AsyncIterator[Journey]:
    talks = conversations()
    async with place() as where, asyncio.timeout(WITHIN_SECONDS):
        await _talked(where, talks)
        customer = _who(talks)
        desk = Desk(where)
        undone = await _one_undone(where, desk, [c for t in talks for c in t.calls if c.customer == customer])
        mine = {call.request_id for talk in talks for call in talk.calls if call.customer == customer} | undone
        before, others = await dumped(where), await _others(where, mine)
        since = time.monotonic()
        order = await _erased(where, f"customer:{customer}")
        seconds = time.monotonic() - since
        after = await dumped(where), await _others(where, {*mine, order["id"]})
        yield Journey(where, customer, talks, mine, order, before, after[0], (others, after[1]), seconds)


async def _talked(where: Place, talks: list[Conversation]) -> None:
    async with httpx.AsyncClient(base_url=where.shop.url, trust_env=False, timeout=60) as shop:
        api = Client(where.running.http)
        office = Office(where, api)
        bot = Bot(api, where.bot_token, shop, office, sharing_a_gift_card(talks))
        async with asyncio.TaskGroup() as everybody:
            everybody.create_task(office.work())
            await everybody.create_task(converse(bot, talks))
            office.close()


def _who(talks: Sequence[Conversation]) -> str:
    """The customer with the most writes who does not work here."""
    many = Counter(call.customer for talk in talks for call in talk.calls if call.tool.writes)
    return max((name for name in many if name not in STAFF), key=lambda name: (many[name], name))


async def _one_undone(where: Place, desk: Desk, calls: Sequence[Call]) -> set[str]:
    """One of their writes is rolled back: what is quoted there is theirs as well."""
    for call in (call for call in calls if call.tool.writes):
        asked = await _post(where, "ivan", f"/v1/requests/{call.request_id}/rollbacks", {"reason": "It was wrong"})
        if asked.status_code in (200, 201) and asked.json()["status"] == "held":
            rollback = asked.json()
            assert (await desk.decide("rita", rollback)).status_code == 200
            assert (await desk.until_final(rollback))["status"] == "succeeded"
            return {rollback["id"]}
    raise AssertionError("nothing of theirs can be undone")


async def _post(where: Place, who: str, path: str, body: Json) -> httpx.Response:
    headers = {**where.running.person(who), "Idempotency-Key": uuid.uuid4().hex}
    return await Client(where.running.http)("POST", path, json=body, headers=headers)


async def _erased(where: Place, subject: str) -> Json:
    """Asked for by one administrator, signed by the other and by a security seat; the order, once it is erased too."""
    body = {
        "action": "interlock.subjects.erase",
        "parameters": {"subject": subject},
        "reason": f"{subject} asks for it",
    }
    asked = await _post(where, "ada", "/v1/governance-requests", body)
    assert asked.status_code == 201, asked.text
    order: Json = asked.json()
    for who in ("ben", "sam"):
        said = {"decision": "approve", "digest": order["digest"], "reason": f"{subject} may"}
        answer = await _post(where, who, f"/v1/requests/{order['id']}/decisions", said)
        assert answer.status_code == 200, answer.text
    async for attempt in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(60), reraise=True):
        with attempt:
            seen: Json = (
                await where.running.http.get(f"/v1/requests/{order['id']}", headers=where.running.person("anya"))
            ).json()
            assert seen["erased_at"] is not None, seen
    return seen


async def dumped(where: Place) -> bytes:
    """What pg_dump writes, and every bytea value in it once more as the bytes that it is."""
    server = where.running.server
    process = await asyncio.create_subprocess_exec(
        str(server.program("pg_dump")), f"--dbname={server.dsn(DATABASE)}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out + b"\n".join(_decoded(out))


def _decoded(dump: bytes) -> Iterator[bytes]:
    for found in _BYTEA.finditer(dump):
        yield bytes.fromhex(found[1].decode())


async def _others(where: Place, mine: set[str]) -> dict[str, Json]:
    """Every column of everybody else's requests."""
    async with where.running.database.transaction() as session:
        rows = (await session.execute(select(Request.__table__))).mappings().all()
    return {str(row["id"]): {**row} for row in rows if str(row["id"]) not in mine}


async def test_a_dump_has_nothing_of_theirs_any_more(journey: Journey, record_property: Record) -> None:
    wanted = journey.wanted
    found = {hit.value for hit in in_clear(wanted, {"dump": journey.before})}
    user = journey.known[:5]
    assert {*user[:2], *(call.order for call in journey.calls if call.order)} <= found, "not looked for"
    assert in_clear(wanted, {"dump": journey.after}) == []
    assert journey.customer.encode() in journey.before
    assert b"entry" in journey.after
    record_property(
        FIGURE,
        f"{len(journey.mine)} requests of one customer erased in {journey.seconds:.1f} s from order to end; "
        f"{len(found)} values of theirs stood in the dump before ({len(journey.before):,} bytes), none after",
    )


async def test_everybody_else_is_as_before(journey: Journey) -> None:
    before, after = journey.rows
    assert len(before) > 500
    assert after == before


async def test_the_ledger_verifies_and_says_what_was_erased(journey: Journey) -> None:
    running = journey.where.running
    assert (await running.command("ledger", "verify")).startswith("verified: ")
    told = [
        json.loads(line) for line in (await running.command("ledger", "show", "installation", "--json")).splitlines()
    ]
    erased = next(one for one in told if one["kind"] == "subject-erased")["facts"]
    assert set(erased["requests"]) == journey.mine
    assert (erased["count"], erased["request"]) == (len(journey.mine), journey.order["id"])
    for request in journey.mine:
        entries = await running.command("ledger", "show", request, "--json")
        assert json.loads(entries.splitlines()[-1])["kind"] == "erased"


async def test_the_requests_still_read_and_say_that_they_were_erased(journey: Journey) -> None:
    running = journey.where.running
    for request in journey.mine:
        shown = (await running.http.get(f"/v1/requests/{request}", headers=running.person("anya"))).json()
        assert shown["erased_at"] is not None
        assert (shown["parameters"], shown["on_behalf_of"], shown["status"] in ("succeeded", "failed")) == (
            None,
            None,
            True,
        )


async def test_temporal_has_nothing_of_theirs_any_more(journey: Journey) -> None:
    client = journey.where.running.temporal
    gone = [f"request-{request}" for request in (*journey.mine, journey.order["id"])]
    async for attempt in AsyncRetrying(wait=wait_fixed(0.2), stop=stop_after_delay(60), reraise=True):
        with attempt:
            listed = {one.id async for one in client.list_workflows()}
            assert listed.isdisjoint(gone)
    assert len(listed) > 100
    for name in gone:
        with pytest.raises(RPCError) as refused:
            await client.get_workflow_handle(name).describe()
        assert refused.value.status is RPCStatusCode.NOT_FOUND
    wanted = journey.wanted
    assert in_clear(wanted, await histories(client)) == []
    assert in_clear(wanted, files(journey.where.running.data / "temporal", "*.db*")) == []
    assert in_clear(wanted, journey.where.running.logs()) == []
