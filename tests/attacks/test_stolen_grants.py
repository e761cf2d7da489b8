"""Stolen grants: over real HTTP, from the real API to a target that imports our verifier."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.use_cases.token import create_credential
from tests.api.conftest import a_key
from tests.attacks.granted import FORGED, claims_in, go_on, looked, token_of
from tests.clear_text import in_clear
from tests.fakes.guarded import Guarded, guarded
from tests.grants.proving import Prover
from tests.hostile.conftest import api as live_api
from tests.hostile.live import Live

__all__ = ["live_api"]

AT_ONCE = 32


@pytest.fixture(scope="module")
async def api(live_api: Live) -> Live:
    """The live API, in place of the one in this process."""
    return live_api


@pytest.fixture(scope="module")
async def target(api: Live) -> AsyncIterator[Guarded]:
    """The desk, as its owner would build it."""
    client_id, secret = await create_credential(api.world.ctx, "target", "desk", "ada")
    async with guarded(api.url, "https://desk.test", client_id, secret) as made:
        yield made


async def bound(api: Live, prover: Prover) -> dict[str, Any]:
    """A read that the bot has started under a grant that is bound to its key."""
    headers = {**api.client(), **a_key(), "DPoP": prover.proof("POST", f"{api.url}/v1/requests")}
    body = {"action": "look.up", "parameters": {"thing": uuid.uuid4().hex}, "on_behalf_of": "customer:carl"}
    answer = await api.http.post("/v1/requests", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def call(
    target: Guarded, shown: dict[str, Any], *proofs: str, path: str = "/look", grant: str | None = None, **more: Any
) -> tuple[int, str]:
    """What the target says to a call under this grant, by status and reason."""
    given = [("Authorization", f"DPoP {grant or token_of(shown)}"), *(("DPoP", proof) for proof in proofs)]
    headers = httpx.Headers([*given, *more.get("headers", {}).items()])
    async with httpx.AsyncClient(base_url=target.url, timeout=60) as http:
        answer = await http.post(path, json=more.get("json", shown["parameters"]), headers=headers)
    return answer.status_code, str(answer.json().get("error"))


GOOD = (200, "None")
NO = (403, "bad-proof")


async def test_its_owner_uses_it(api: Live, target: Guarded) -> None:
    prover = Prover()
    shown = await bound(api, prover)
    proof = prover.proof("POST", f"{target.url}/look", token=token_of(shown))
    assert await call(target, shown, proof) == GOOD
    assert target.done[-1] == shown["id"]


async def test_without_a_proof(api: Live, target: Guarded) -> None:
    shown = await bound(api, Prover())
    assert await call(target, shown) == (403, "no-proof")


async def test_with_a_key_of_the_thief(api: Live, target: Guarded) -> None:
    shown, thief = await bound(api, Prover()), Prover()
    assert await call(target, shown, thief.proof("POST", f"{target.url}/look", token=token_of(shown))) == NO


async def test_with_a_proof_that_was_stolen_as_well(api: Live, target: Guarded) -> None:
    """Once used it is used up: by its owner, or by the thief, whoever comes first."""
    prover = Prover()
    shown = await bound(api, prover)
    proof = prover.proof("POST", f"{target.url}/look", token=token_of(shown))
    answers = await asyncio.gather(*(call(target, shown, proof) for _ in range(AT_ONCE)))
    assert sorted(answers) == [GOOD] + [NO] * (AT_ONCE - 1)


async def test_with_a_proof_for_another_address(api: Live, target: Guarded) -> None:
    """Made for Interlock, for another path, or for a host that the thief then claims this is."""
    prover = Prover()
    shown = await bound(api, prover)
    elsewhere = "http://evil.example/look"
    for url in (f"{api.url}/v1/requests", f"{target.url}/final", elsewhere):
        proof = prover.proof("POST", url, token=token_of(shown))
        assert await call(target, shown, proof, headers={"Host": "evil.example"}) == NO


async def test_with_a_proof_for_another_grant(api: Live, target: Guarded) -> None:
    prover = Prover()
    shown, other = await bound(api, prover), await bound(api, prover)
    for token in (token_of(other), None):
        assert await call(target, shown, prover.proof("POST", f"{target.url}/look", token=token)) == NO


async def test_with_two_proofs(api: Live, target: Guarded) -> None:
    """One of them good: which one was meant is not guessed."""
    prover, thief = Prover(), Prover()
    shown = await bound(api, prover)
    proofs = [one.proof("POST", f"{target.url}/look", token=token_of(shown)) for one in (thief, prover)]
    assert await call(target, shown, *proofs) == (403, "no-proof")


async def test_with_the_binding_taken_out(api: Live, target: Guarded) -> None:
    shown = await bound(api, Prover())
    claims = claims_in(token_of(shown))
    payload = FORGED["a changed payload"](api.world.rings, {k: v for k, v in claims.items() if k != "cnf"})
    header, _, signature = token_of(shown).split(".")
    unbound = f"{header}.{payload.split('.')[1]}.{signature}"
    assert await call(target, shown, grant=unbound) == (403, "bad-signature")


async def test_for_other_parameters(api: Live, target: Guarded) -> None:
    shown = await looked(api)
    assert await call(target, shown, json={"thing": "another"}) == (403, "wrong-parameters")
    assert await call(target, shown) == GOOD


@pytest.mark.parametrize("name", FORGED)
async def test_forged(api: Live, target: Guarded, name: str) -> None:
    """What our own key has signed is another matter offline: that is refused when it is redeemed."""
    shown = await looked(api)
    forged = FORGED[name](api.world.rings, claims_in(token_of(shown)))
    if forged.isascii():
        status, _ = await call(target, shown, grant=forged, path="/final")
        assert status == 403
    assert await call(target, shown, path="/final") == GOOD


async def test_used_twice(api: Live, target: Guarded) -> None:
    """What must not happen twice is redeemed; of many at once one is done."""
    shown = await looked(api)
    answers = await asyncio.gather(*(call(target, shown, path="/final") for _ in range(8)))
    assert sorted(answers) == [GOOD] + [(403, "not-active")] * 7
    assert target.done.count(shown["id"]) == 1


async def test_of_a_bot_that_was_stopped(api: Live, target: Guarded) -> None:
    """By its signature alone it is good until its end; who asks Interlock learns that it is not."""
    shown = await looked(api)
    await api.http.post("/v1/bots/bot/suspend", json={"reason": "It runs amok"}, headers=api.person("ivan"))
    try:
        assert await call(target, shown, path="/final") == (403, "not-active")
    finally:
        await go_on(api)


async def test_neither_grant_nor_proof_is_logged(api: Live) -> None:
    """After all of the above."""
    assert in_clear([], {"log": api.log.read_bytes()}) == []
    assert json.loads(api.log.read_text().splitlines()[-1])
