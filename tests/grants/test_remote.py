"""What targets ask of Interlock over HTTP, against a stand-in that is told what to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from app.grants.remote import AT_MOST_EVERY, FRESH, TRIES, InterlockUnavailable, PublishedKeys, Redeemer
from app.grants.verifier import GrantRefused
from tests.fakes.retail.issuer import Issuer

ACTIVE = (200, {"active": True})


class Clock:
    """Seconds as a test sets them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer().publishing() as made:
        yield made


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=5, trust_env=False) as client:
        yield client


async def get(keys: PublishedKeys, kid: str | None) -> Any:
    return await asyncio.to_thread(keys.get, str(kid))


async def test_keys_are_kept_for_five_minutes(issuer: Issuer, http: httpx.Client) -> None:
    clock = Clock()
    keys = PublishedKeys(issuer.trust.jwks_url, http, clock=clock)
    for _ in range(3):
        assert (await get(keys, issuer.key.kid)).kid == issuer.key.kid
    assert issuer.fetched == 1
    clock.now += FRESH + 1
    assert await get(keys, issuer.key.kid) is not None
    assert issuer.fetched == 2


async def test_a_key_that_was_taken_back_is_gone_by_then(issuer: Issuer, http: httpx.Client) -> None:
    clock = Clock()
    keys = PublishedKeys(issuer.trust.jwks_url, http, clock=clock)
    old = issuer.key.kid
    assert await get(keys, old) is not None
    issuer.rotate()
    clock.now += FRESH + 1
    assert await get(keys, old) is None


async def test_an_unknown_key_is_looked_for_now_and_then(issuer: Issuer, http: httpx.Client) -> None:
    """A new key is found at once; made-up ones cost no call each."""
    clock = Clock()
    keys = PublishedKeys(issuer.trust.jwks_url, http, clock=clock)
    assert [await get(keys, f"made-up-{n}") for n in range(5)] == [None] * 5
    assert issuer.fetched == 1
    issuer.rotate()
    assert await get(keys, issuer.key.kid) is None
    clock.now += AT_MOST_EVERY + 1
    assert await get(keys, issuer.key.kid) is not None
    assert issuer.fetched == 2


async def test_one_call_for_all_who_wait(issuer: Issuer, http: httpx.Client) -> None:
    keys = PublishedKeys(issuer.trust.jwks_url, http)
    assert all(await asyncio.gather(*(get(keys, issuer.key.kid) for _ in range(8))))
    assert issuer.fetched == 1


async def test_while_keys_cannot_be_read(issuer: Issuer, http: httpx.Client) -> None:
    """Neither where nothing is, nor what is no JWK set; old keys are not trusted for longer."""
    with pytest.raises(InterlockUnavailable):
        await get(PublishedKeys("http://127.0.0.1:9/jwks.json", http), "one")
    with pytest.raises(InterlockUnavailable):
        await get(PublishedKeys(f"{issuer.trust.jwks_url}/none", http), "one")
    clock = Clock()
    keys = PublishedKeys(issuer.trust.jwks_url, http, clock=clock)
    assert await get(keys, issuer.key.kid) is not None
    keys._url = "http://127.0.0.1:9/jwks.json"  # noqa: SLF001  as if Interlock had gone
    clock.now += FRESH + 1
    with pytest.raises(InterlockUnavailable):
        await get(keys, issuer.key.kid)


# Redeeming.


@pytest.fixture
def redeemer(issuer: Issuer, http: httpx.Client) -> Redeemer:
    account = issuer.trust.account
    assert account is not None
    return Redeemer(account.base_url + "/", account.client_id, account.client_secret, http)


async def redeem(redeemer: Redeemer) -> dict[str, Any]:
    return await asyncio.to_thread(redeemer.redeem, "grant", "sha256:0", "mine")


async def test_it_is_told_what_the_grant_allows(issuer: Issuer, redeemer: Redeemer) -> None:
    assert await redeem(redeemer) == {"active": True}
    assert issuer.redeemed == [{"grant": "grant", "parameters_digest": "sha256:0", "redemption_id": "mine"}]


@pytest.mark.parametrize("answer", [(200, {"active": False}), (200, {}), (403, {})])
async def test_it_is_refused(issuer: Issuer, redeemer: Redeemer, answer: Any) -> None:
    """And not asked for again."""
    issuer.answers = [answer]
    with pytest.raises(GrantRefused) as refused:
        await redeem(redeemer)
    assert refused.value.reason == "not-active"
    assert len(issuer.redeemed) == 1


@pytest.mark.parametrize("answers", [[(503, {})], [(401, {})], [(429, {}), (500, {})]])
async def test_a_lost_answer_is_asked_for_again(issuer: Issuer, redeemer: Redeemer, answers: Any) -> None:
    issuer.answers = [*answers, ACTIVE]
    assert (await redeem(redeemer))["active"]
    assert {said["redemption_id"] for said in issuer.redeemed} == {"mine"}


async def test_while_nobody_says_whether_it_is_good(issuer: Issuer, redeemer: Redeemer, http: httpx.Client) -> None:
    issuer.answers = [(503, {"active": True})] * TRIES
    with pytest.raises(InterlockUnavailable):
        await redeem(redeemer)
    assert len(issuer.redeemed) == TRIES
    with pytest.raises(InterlockUnavailable):
        await redeem(Redeemer("http://127.0.0.1:9", "shop", "secret", http))


async def test_where_there_is_no_such_thing(issuer: Issuer, http: httpx.Client) -> None:
    account = issuer.trust.account
    assert account is not None
    with pytest.raises(InterlockUnavailable):
        await redeem(Redeemer(account.base_url + "/nowhere", "shop", "secret", http))
