"""What the shop cannot take back it does once Interlock has redeemed the grant, and not otherwise."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from app.domain.request import Reversibility
from app.governance.files import load
from app.governance.policy import compile_policy
from tests.fakes.retail.grants import Trust, digest
from tests.fakes.retail.issuer import Caller, Issuer
from tests.fakes.retail.redeeming import TRIES
from tests.fakes.retail.samples import SAMPLE, Databases
from tests.fakes.retail.server import shop
from tests.fakes.retail.tools import TOOLS

pytest_plugins = ["tests.fakes.retail.fixtures"]

CANCEL = {"order_id": "#W1000001", "reason": "no longer needed"}
RESTORE = {"order_id": "#W1000001"}
DOWN = (503, {"active": True})


@pytest.fixture(autouse=True)
def as_before(retail_issuer: Issuer) -> Iterator[None]:
    yield
    retail_issuer.redeemed.clear()
    retail_issuer.answers.clear()


@pytest.fixture
async def cancelled(retail: Caller) -> Caller:
    """A shop with an order that was cancelled."""
    assert (await retail.call("cancel_pending_order", CANCEL)).status_code == 200
    return retail


async def standing(caller: Caller) -> str:
    return str((await caller.call("get_order_details", RESTORE)).json()["status"])


def test_it_knows_what_cannot_be_undone() -> None:
    """By itself, and as the example's catalogue says it."""
    policy = compile_policy(load(SAMPLE.parent).document, "sha256:example")
    final = {tool.action for tool in TOOLS.values() if tool.final}
    said = {name for name, action in policy.actions.items() if action.reversibility is Reversibility.IRREVERSIBLE}
    assert final == said


async def test_it_redeems_that_and_nothing_else(cancelled: Caller) -> None:
    assert cancelled.issuer.redeemed == []
    key = str(uuid.uuid4())
    grant = cancelled.issuer.mint("orders.restore", RESTORE, key)
    assert (await cancelled.call("restore_order", RESTORE, request_id=key, grant=grant)).status_code == 200
    [said] = cancelled.issuer.redeemed
    assert (said["grant"], said["parameters_digest"]) == (grant, digest(RESTORE))
    assert await standing(cancelled) == "pending"


async def test_one_that_is_not_good_any_more(cancelled: Caller) -> None:
    """Nothing is done, and no key used up: under another grant the same call is made."""
    key = str(uuid.uuid4())
    for answer in ((200, {"active": False}), (403, {}), (200, {})):
        cancelled.issuer.answers = [answer]
        refused = await cancelled.call("restore_order", RESTORE, request_id=key)
        assert (refused.status_code, refused.json()["error"]) == (403, "not-active")
        assert await standing(cancelled) == "cancelled"
    assert (await cancelled.call("restore_order", RESTORE, request_id=key)).status_code == 200


async def test_while_nobody_says_whether_it_is_good(cancelled: Caller) -> None:
    cancelled.issuer.answers = [DOWN] * TRIES
    refused = await cancelled.call("restore_order", RESTORE)
    assert (refused.status_code, refused.json()["error"]) == (503, "not-redeemed")
    assert await standing(cancelled) == "cancelled"


async def test_an_answer_that_was_lost_is_asked_for_again(cancelled: Caller) -> None:
    """Under the same id: for Interlock it is one redemption. A token that is no longer taken is fetched anew."""
    cancelled.issuer.answers = [(401, {}), DOWN]
    assert (await cancelled.call("restore_order", RESTORE)).status_code == 200
    assert len(cancelled.issuer.redeemed) == 3
    assert len({said["redemption_id"] for said in cancelled.issuer.redeemed}) == 1


async def test_who_asks_again_hears_what_was_answered(cancelled: Caller) -> None:
    """Its grant has been used up, by this very call."""
    key = str(uuid.uuid4())
    first = await cancelled.call("restore_order", RESTORE, request_id=key)
    again = await cancelled.call("restore_order", RESTORE, request_id=key)
    assert (again.status_code, again.content) == (200, first.content)
    assert len(cancelled.issuer.redeemed) == 1


async def test_each_call_has_an_id_of_its_own(cancelled: Caller) -> None:
    """Of two that come with one grant, under other keys or to another shop of the same name, one may act."""
    key = str(uuid.uuid4())
    grant = cancelled.issuer.mint("orders.restore", RESTORE, key)
    cancelled.issuer.answers = [(200, {"active": False})] * 8
    calls = (cancelled.call("restore_order", RESTORE, request_id=key, grant=grant) for _ in range(8))
    answers: list[httpx.Response] = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {403}
    assert len({said["redemption_id"] for said in cancelled.issuer.redeemed}) == 8


@pytest.fixture
async def without_account(retail_databases: Databases, retail_sample: str, retail_issuer: Issuer) -> AsyncIterator[Any]:
    """A shop that was told of no account to redeem with."""
    trust = Trust(retail_issuer.trust.jwks_url, retail_issuer.trust.issuer, retail_issuer.trust.audience)
    async with (
        retail_databases.copy(retail_sample) as url,
        shop(database_url=url, db_json=SAMPLE / "shop.json", trust=trust) as running,
        httpx.AsyncClient(base_url=running.url, timeout=10) as client,
    ):
        yield Caller(client, retail_issuer)


async def test_without_an_account_it_does_only_what_can_be_undone(without_account: Caller) -> None:
    assert (await without_account.call("cancel_pending_order", CANCEL)).status_code == 200
    refused = await without_account.call("restore_order", RESTORE)
    assert (refused.status_code, refused.json()["error"]) == (503, "not-redeemed")
    assert await standing(without_account) == "cancelled"
