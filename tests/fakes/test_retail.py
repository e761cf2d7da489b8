"""The shop over HTTP: whose grants it takes, how often a write runs, what its faults do, how it starts."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.fakes.retail.direct import apply, snapshot
from tests.fakes.retail.grants import digest
from tests.fakes.retail.issuer import AUDIENCE, ISSUER, Caller, Issuer
from tests.fakes.retail.samples import PROJECT, SAMPLE, Databases, tau2, tool_calls
from tests.fakes.retail.server import Shop, shop
from tests.grants.proving import Prover

pytest_plugins = ["tests.fakes.retail.fixtures"]

Json = dict[str, Any]

CANCEL = {"order_id": "#W1000001", "reason": "no longer needed"}
REFUND = {"order_id": "#W1000006", "amount_minor": 100, "payment_method_id": "credit_card_2400001", "currency": "USD"}


async def effects(caller: Caller) -> list[Json]:
    """What the shop says it did."""
    found: list[Json] = (await caller.client.get("/_effects")).json()
    return found


async def status(caller: Caller, order_id: str) -> str:
    """How an order stands, by a granted read."""
    return str((await caller.call("get_order_details", {"order_id": order_id})).json()["status"])


async def order_fault(caller: Caller, mode: str, **fault: Any) -> None:
    """Orders a fault for the next cancellation."""
    answer = await caller.client.post("/_faults", json={"path": "/cancel_pending_order", "mode": mode, **fault})
    assert answer.status_code == 204, answer.text


async def test_a_granted_write_runs(retail: Caller) -> None:
    key = str(uuid.uuid4())
    answer = await retail.call("cancel_pending_order", CANCEL, request_id=key)
    assert (answer.status_code, answer.json()["after"]["status"]) == (200, "cancelled")
    assert [(effect["key"], effect["path"]) for effect in await effects(retail)] == [(key, "/cancel_pending_order")]
    assert await status(retail, "#W1000001") == "cancelled"


async def test_our_sample_runs_over_http(retail: Caller) -> None:
    answers = [await retail.call(call["tool"], call["arguments"]) for call in tool_calls(SAMPLE)]
    assert {answer.status_code for answer in answers} == {200}
    assert len(await effects(retail)) == 7


async def test_a_list_of_products_needs_no_arguments(retail_untouched: Caller) -> None:
    products = (await retail_untouched.call("list_all_product_types", {})).json()["products"]
    assert products["Standing Desk"] == "2000000001"


# A key runs once


async def test_the_same_key_and_body_get_the_same_answer(retail: Caller) -> None:
    key = str(uuid.uuid4())
    first, second = [await retail.call("refund", REFUND, request_id=key) for _ in range(2)]
    assert (first.status_code, first.content) == (200, second.content)
    assert len(await effects(retail)) == 1


async def test_a_refusal_stays_one_though_the_shop_has_changed(retail: Caller) -> None:
    key, restore = str(uuid.uuid4()), {"order_id": "#W1000001"}
    refused = await retail.call("restore_order", restore, request_id=key)
    await retail.call("cancel_pending_order", CANCEL)
    again = await retail.call("restore_order", restore, request_id=key)
    assert (refused.status_code, again.status_code, again.content) == (409, 409, refused.content)
    assert await status(retail, "#W1000001") == "cancelled"


async def test_a_key_is_for_one_call(retail: Caller) -> None:
    key = str(uuid.uuid4())
    await retail.call("refund", REFUND, request_id=key)
    for other in (
        await retail.call("refund", REFUND | {"amount_minor": 101}, request_id=key),
        await retail.call("cancel_pending_order", CANCEL, request_id=key),
    ):
        assert (other.status_code, other.json()["error"]) == (422, "idempotency-key-reused")
    assert len(await effects(retail)) == 1


async def test_an_unknown_order_uses_up_no_key(retail: Caller) -> None:
    key = str(uuid.uuid4())
    unknown = await retail.call("cancel_pending_order", CANCEL | {"order_id": "#W9999999"}, request_id=key)
    assert unknown.status_code == 404
    assert (await retail.call("cancel_pending_order", CANCEL, request_id=key)).status_code == 200


async def test_a_key_runs_once_however_many_send_it(retail: Caller) -> None:
    key = str(uuid.uuid4())
    answers = await asyncio.gather(*(retail.call("refund", REFUND, request_id=key) for _ in range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert len(await effects(retail)) == 1


async def test_many_refunds_at_once_never_exceed_what_was_paid(retail: Caller) -> None:
    third = REFUND | {"amount_minor": 25000}
    answers = await asyncio.gather(*(retail.call("refund", third) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 5


# Whose grants count


def forged(issuer: Issuer, request_id: str) -> str:
    """A grant that says it needs no signature."""
    _, payload, _ = issuer.mint("orders.cancel", CANCEL, request_id).split(".")
    header = json.dumps({"alg": "none", "typ": "action-grant+jwt", "kid": issuer.key.kid}).encode()
    return f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{payload}."


BAD_GRANTS: list[tuple[str, Json, int, str]] = [
    ("another typ", {"header": {"typ": "JWT"}}, 401, "bad-type"),
    ("no such key", {"header": {"kid": "elsewhere"}}, 401, "unknown-key"),
    ("another issuer", {"claims": {"iss": "https://evil.test"}}, 401, "bad-grant"),
    ("another audience", {"claims": {"aud": "https://billing.internal"}}, 401, "bad-grant"),
    ("no audience", {"claims": {"aud": None}}, 401, "bad-grant"),
    ("expired", {"claims": {"exp": int(time.time()) - 1}}, 401, "bad-grant"),
    ("never expires", {"claims": {"exp": None}}, 401, "bad-grant"),
    ("no jti", {"claims": {"jti": None}}, 401, "bad-grant"),
    ("another request", {"claims": {"txn": str(uuid.uuid4())}}, 403, "other-request"),
    ("another action", {"details": {"action": "orders.refund"}}, 403, "other-action"),
    ("one action too many", {"details": {"actions": ["orders.cancel", "orders.refund"]}}, 403, "other-action"),
    ("another type", {"details": {"type": "payment_initiation"}}, 403, "no-details"),
    ("no details", {"claims": {"authorization_details": None}}, 403, "no-details"),
    ("other parameters", {"details": {"parameters_digest": digest({})}}, 403, "other-parameters"),
]


@pytest.mark.parametrize(("changed", "code", "error"), [bad[1:] for bad in BAD_GRANTS], ids=[b[0] for b in BAD_GRANTS])
async def test_a_grant_that_is_not_for_this_call_is_refused(
    retail_untouched: Caller, retail_issuer: Issuer, changed: Json, code: int, error: str
) -> None:
    key = str(uuid.uuid4())
    grant = retail_issuer.mint("orders.cancel", CANCEL, key, **changed)
    answer = await retail_untouched.call("cancel_pending_order", CANCEL, request_id=key, grant=grant)
    assert (answer.status_code, answer.json()["error"]) == (code, error), answer.text
    assert await effects(retail_untouched) == []


async def test_a_grant_is_signed_with_the_published_key(retail_untouched: Caller, retail_issuer: Issuer) -> None:
    key, stranger = str(uuid.uuid4()), Issuer()
    unsigned = forged(retail_issuer, key)
    signed = stranger.mint("orders.cancel", CANCEL, key, header={"kid": retail_issuer.key.kid})
    for grant, error in ((unsigned, "bad-algorithm"), (signed, "bad-grant"), ("rubbish", "bad-grant")):
        answer = await retail_untouched.call("cancel_pending_order", CANCEL, request_id=key, grant=grant)
        assert (answer.status_code, answer.json()["error"]) == (401, error)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_grant_that_is_bound_to_a_key_needs_a_proof_of_it(
    retail_untouched: Caller, retail_issuer: Issuer
) -> None:
    asked, key, prover = {"order_id": "#W1000001"}, str(uuid.uuid4()), Prover()
    grant = retail_issuer.mint("orders.read", asked, key, claims={"cnf": {"jkt": prover.jkt}})
    url = f"{str(retail_untouched.client.base_url).rstrip('/')}/read/get_order_details"
    good = prover.proof("POST", url, token=grant)
    bad = [
        None,
        Prover().proof("POST", url, token=grant),
        prover.proof("POST", url),
        prover.proof("POST", "http://evil.test/read/get_order_details", token=grant),
    ]
    for proof, code in [*((one, 401) for one in bad), (good, 200), (good, 401)]:
        headers = {"Host": "evil.test"} | ({} if proof is None else {"DPoP": proof})
        answer = await retail_untouched.call("get_order_details", asked, request_id=key, grant=grant, headers=headers)
        assert answer.status_code == code, answer.text


async def test_no_grant_no_answer(retail_untouched: Caller) -> None:
    for path in ("/cancel_pending_order", "/read/get_order_details"):
        answer = await retail_untouched.client.post(path, json=CANCEL)
        assert (answer.status_code, answer.json()["error"]) == (401, "no-grant")


async def test_keys_are_kept_until_an_unknown_one_comes(retail_untouched: Caller, retail_issuer: Issuer) -> None:
    await status(retail_untouched, "#W1000001")
    fetched = retail_issuer.fetched
    await status(retail_untouched, "#W1000001")
    assert retail_issuer.fetched == fetched
    retail_issuer.rotate()
    assert await status(retail_untouched, "#W1000001") == "pending"
    assert retail_issuer.fetched == fetched + 1


async def test_a_read_grant_is_for_that_read(retail_untouched: Caller, retail_issuer: Issuer) -> None:
    asked, key = {"order_id": "#W1000001"}, str(uuid.uuid4())
    grant = retail_issuer.mint("users.read", asked, key)
    answer = await retail_untouched.call("get_order_details", asked, request_id=key, grant=grant)
    assert (answer.status_code, answer.json()["error"]) == (403, "other-action")


@pytest.mark.parametrize(
    ("headers", "code", "error"),
    [
        ({"Idempotency-Key": "another"}, 403, "other-request"),
        ({"Idempotency-Key": ""}, 422, "header-missing"),
        ({"Interlock-Request": "another"}, 403, "other-request"),
        ({"Interlock-Request": ""}, 422, "header-missing"),
        ({"Interlock-Parameters-Digest": digest({})}, 403, "other-parameters"),
        ({"Interlock-Parameters-Digest": ""}, 422, "header-missing"),
    ],
)
async def test_headers_must_say_what_the_grant_says(
    retail_untouched: Caller, headers: dict[str, str], code: int, error: str
) -> None:
    answer = await retail_untouched.call("cancel_pending_order", CANCEL, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (code, error)
    assert await effects(retail_untouched) == []


@pytest.mark.parametrize(
    "body", [b"{", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff", b'{"a": 9007199254740993}']
)
async def test_a_body_that_is_no_plain_json_is_refused(
    retail_untouched: Caller, retail_issuer: Issuer, body: bytes
) -> None:
    headers = {"Authorization": f"Bearer {retail_issuer.mint('orders.cancel', {}, 'r')}"}
    answer = await retail_untouched.client.post("/cancel_pending_order", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "malformed")


# Bad days


async def test_a_status_comes_without_the_effect(retail: Caller) -> None:
    await order_fault(retail, "status", value=503, times=2)
    answers = [(await retail.call("cancel_pending_order", CANCEL)).status_code for _ in range(3)]
    assert answers == [503, 503, 200]


async def test_a_cut_before_leaves_no_effect(retail: Caller) -> None:
    await order_fault(retail, "cut-before")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await retail.call("cancel_pending_order", CANCEL)
    assert await effects(retail) == []


async def test_a_cut_after_leaves_the_effect_and_its_answer(retail: Caller) -> None:
    key = str(uuid.uuid4())
    await order_fault(retail, "cut-after")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await retail.call("cancel_pending_order", CANCEL, request_id=key)
    assert len(await effects(retail)) == 1
    assert (await retail.call("cancel_pending_order", CANCEL, request_id=key)).status_code == 200
    assert len(await effects(retail)) == 1


async def test_a_slow_answer_has_its_effect_and_a_hanging_one_has_none(retail: Caller) -> None:
    retail.client.timeout = httpx.Timeout(0.5)
    for mode, ran in (("hang", 0), ("delay", 1)):
        await order_fault(retail, mode, value=30)
        with pytest.raises(httpx.ReadTimeout):
            await retail.call("cancel_pending_order", CANCEL)
        assert len(await effects(retail)) == ran


async def test_faults_are_forgotten_on_demand(retail: Caller) -> None:
    await order_fault(retail, "hang", times=9)
    await retail.client.delete("/_faults")
    assert (await retail.call("cancel_pending_order", CANCEL)).status_code == 200


# The whole of it


@contextlib.asynccontextmanager
async def tau2_caller(url: str, issuer: Issuer) -> AsyncIterator[tuple[Shop, Caller]]:
    """A shop with tau2-bench's data that takes no faults, and a caller."""
    async with (
        shop(database_url=url, db_json=tau2() / "db.json", trust=issuer.trust) as running,
        httpx.AsyncClient(base_url=running.url) as client,
    ):
        yield running, Caller(client, issuer)


async def test_http_and_direct_leave_the_same_shop(
    retail_databases: Databases, retail_tau2: str, retail_issuer: Issuer
) -> None:
    calls = [call for call in tool_calls(tau2()) if call["writes"]]
    async with retail_databases.engine(retail_tau2) as database, database.connect() as conn:
        directly = [await apply(conn, call["tool"], call["arguments"]) for call in calls]
        expected = await snapshot(conn)
    async with retail_databases.copy(retail_tau2) as url, tau2_caller(url, retail_issuer) as (running, caller):
        answers = [await caller.call(call["tool"], call["arguments"]) for call in calls]
        assert [(answer.status_code, answer.json()) for answer in answers] == directly
        async with running.database.connect() as conn:
            assert await snapshot(conn) == expected
        assert (await caller.client.get("/_effects")).status_code == 404


async def test_it_runs_as_a_program_and_stops_when_told(
    retail_databases: Databases, retail_issuer: Issuer, retail_sample: str
) -> None:
    async with retail_databases.copy(retail_sample) as url:
        arguments = {
            "--database-url": url,
            "--jwks-url": retail_issuer.trust.jwks_url,
            "--issuer": ISSUER,
            "--audience": AUDIENCE,
            "--db-json": str(SAMPLE / "shop.json"),
        }
        command = [
            sys.executable,
            "-m",
            "tests.fakes.retail",
            "--port",
            "0",
            *(x for pair in arguments.items() for x in pair),
        ]
        process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        address = (await process.stdout.readline()).decode().strip()
        async with httpx.AsyncClient(base_url=address) as client:
            assert await status(Caller(client, retail_issuer), "#W1000007") == "processed"
            assert (await client.get("/healthz")).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
