"""Grants that a bot has bound to a key of its own (DPoP, RFC 9449): over the API, from the ask to the target."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx
import pytest

from app.grants.dpop import Call, Memory
from app.grants.grants import jwks
from app.grants.verifier import GrantRefused, Verified, Verifier, keys_of
from tests.api.conftest import BASE, Api, a_key
from tests.attacks.granted import claims_in
from tests.grants.proving import Prover
from tests.steps.words import sql

ASK = f"{BASE}/v1/requests"
DESK = "https://desk.test/look"


def headers(api: Api, *proofs: str) -> httpx.Headers:
    """The bot's, with these proofs."""
    bearer = [*api.client().items(), *a_key().items()]
    return httpx.Headers([*bearer, *(("DPoP", proof) for proof in proofs)])


async def ask(api: Api, *proofs: str, action: str = "look.up", **parameters: Any) -> httpx.Response:
    body = {"action": action, "parameters": {"thing": uuid.uuid4().hex, **parameters}, "on_behalf_of": "customer:carl"}
    return await api.http.post("/v1/requests", json=body, headers=headers(api, *proofs))


async def fetch(api: Api, shown: dict[str, Any], prover: Prover | None) -> httpx.Response:
    """Ask for the grant (again), with a proof of this key or none."""
    url = f"{ASK}/{shown['id']}/grant"
    proofs = [] if prover is None else [prover.proof("POST", url)]
    return await api.http.post(f"/v1/requests/{shown['id']}/grant", headers=headers(api, *proofs))


def verify(api: Api, grant: str, parameters: Any, proof: str | None) -> Verified:
    """As the desk does, by what it imports."""
    keys = keys_of(jwks(api.world.rings.grants))
    verifier = Verifier(BASE, "https://desk.test", keys.get, Memory())
    return verifier.verify(grant, action="look.up", parameters=parameters, call=Call("POST", DESK, proof))


async def approved(api: Api) -> dict[str, Any]:
    """A read that was held, and that the bot may start now."""
    shown: dict[str, Any] = (await ask(api, mode="hold")).json()
    assert (await api.approve(shown, "dana")).status_code == 200
    return shown


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
async def test_from_the_ask_to_the_target(api: Api, alg: str) -> None:
    prover = Prover(alg)
    shown = (await ask(api, prover.proof("POST", ASK))).json()
    grant = shown["grant"]["grant"]
    assert claims_in(grant)["cnf"] == {"jkt": prover.jkt}
    proof = prover.proof("POST", DESK, token=grant)
    assert verify(api, grant, shown["parameters"], proof).jkt == prover.jkt
    with pytest.raises(GrantRefused, match="bound to a key"):
        verify(api, grant, shown["parameters"], None)


async def test_of_what_was_held(api: Api) -> None:
    """The proof of the call that starts it counts, not that of the ask."""
    prover, shown = Prover(), await approved(api)
    given = await fetch(api, shown, prover)
    assert given.status_code == 200
    assert claims_in(given.json()["grant"])["cnf"] == {"jkt": prover.jkt}


async def test_a_lost_answer(api: Api) -> None:
    """The same bytes, for a new proof of the same key; on the ledger, which key."""
    prover = Prover()
    shown = (await ask(api, prover.proof("POST", ASK))).json()
    for _ in range(2):
        again = await fetch(api, shown, prover)
        assert (again.status_code, again.json()) == (200, shown["grant"])
    [started] = [entry for entry in await api.world.entries(shown) if entry["kind"] == "started"]
    assert started["facts"]["grant"]["jkt"] == prover.jkt


async def test_without_a_proof_as_ever(api: Api) -> None:
    shown = (await ask(api)).json()
    assert "cnf" not in claims_in(shown["grant"]["grant"])
    assert (await fetch(api, shown, None)).json() == shown["grant"]
    assert (await fetch(api, shown, Prover())).json() == shown["grant"], "what it is bound to was said at the start"
    assert verify(api, shown["grant"]["grant"], shown["parameters"], None).jkt is None


async def test_somebody_else_does_not_get_it(api: Api) -> None:
    """Who has stolen the bot's access token has not stolen its key."""
    prover = Prover()
    shown = (await ask(api, prover.proof("POST", ASK))).json()
    for thief in (None, Prover(), Prover("Ed25519")):
        refused = await fetch(api, shown, thief)
        told = refused.json()
        assert (refused.status_code, told["type"]) == (409, "urn:interlock:problem:not-open-to-this")
        assert (told["status"], "another key" in told["detail"]) == ("executing", True)
        assert shown["grant"]["grant"] not in refused.text
    assert (await fetch(api, shown, prover)).status_code == 200


async def test_of_two_keys_at_once_one_starts_it(api: Api) -> None:
    shown = await approved(api)
    one, other = Prover(), Prover()
    answers = [await fetch(api, shown, prover) for prover in (one, other, one)]
    assert [answer.status_code for answer in answers] == [200, 409, 200]


async def test_what_does_not_hold_stores_nothing(api: Api) -> None:
    good, prover, now = Prover().proof("POST", ASK), Prover(), int(time.time())
    bad = {
        "a word": ["null"],
        "an empty one": [""],
        "another method": [prover.proof("GET", ASK)],
        "another address": [prover.proof("POST", f"{ASK}/{uuid.uuid4()}/grant")],
        "another host": [prover.proof("POST", "https://evil.example/v1/requests")],
        "an old one": [prover.proof("POST", ASK, iat=now - 3600)],
        "one from the future": [prover.proof("POST", ASK, iat=now + 3600)],
        "another type": [prover.proof("POST", ASK, header={"typ": "JWT"})],
        "two": [good, good],
        "two in one": [f"{good}, {good}"],
    }
    query = "select (select count(*) from request) + (select count(*) from attempt) + (select count(*) from entry)"
    before = await sql(api.world, query)
    for name, proofs in bad.items():
        refused = await ask(api, *proofs)
        told = refused.json()
        assert (refused.status_code, told["where"]) == (422, "DPoP"), name
        assert "DPoP" in told["detail"], name
        assert all(len(proof) < 10 or proof not in refused.text for proof in proofs)
    assert await sql(api.world, query) == before


async def test_what_does_not_hold_starts_nothing(api: Api) -> None:
    shown = await approved(api)
    proof = Prover().proof("POST", ASK)
    refused = await api.http.post(f"/v1/requests/{shown['id']}/grant", headers=headers(api, proof))
    assert (refused.status_code, refused.json()["where"]) == (422, "DPoP")
    assert (await api.seen(shown, api.client()))["status"] == "approved"


async def test_who_has_no_token_is_told_that_first(api: Api) -> None:
    answer = await api.http.post("/v1/requests", json={}, headers={"DPoP": "null", **a_key()})
    assert answer.status_code == 401


async def test_of_what_interlock_runs_itself_it_says_nothing(api: Api) -> None:
    """A bot that always proves its key may do so."""
    answer = await ask(api, Prover().proof("POST", ASK), action="do.moderate")
    assert (answer.status_code, answer.json().get("grant")) == (201, None)
