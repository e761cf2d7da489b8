"""Bundles: they hold what answers who let it happen, verify with the key alone, and with no byte another."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from temporalio.client import Client

from app.domain.digest import canonical
from app.domain.errors import Forbidden, NotFound, NotSealed
from app.domain.outcome import Answer, Sent
from app.keys import KeyRings
from app.ledger.bundle import check
from app.ledger.notes import Signer
from app.use_cases import evidence
from app.use_cases.services import Services, Waiters
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.ledger.sealing import ORIGIN, sealed
from tests.properties.quiet import ended
from tests.steps.words import id_of, undo
from tests.world import World, build_context

Bundle = dict[str, Any]


@pytest.fixture(name="world", scope="module")
async def _world(database_url: str, rings: KeyRings, a_desk: Desk) -> AsyncIterator[World]:
    """Without Temporal or a worker: each step is taken by the test."""
    ctx = await build_context(database_url, rings, a_desk.url)
    services = Services(ctx, cast("Client", None), "nowhere", Waiters(), rings.tokens, ctx.issuer)
    yield World(ctx, services, rings, a_desk)
    await ctx.database.close()


@pytest.fixture(scope="module")
def signer(rings: KeyRings) -> Signer:
    return Signer(ORIGIN, rings.ledger)


@pytest.fixture(scope="module")
async def done(world: World, database_url: str, signer: Signer) -> View:
    """A request that dana approved and that succeeded, sealed."""
    shown = await ended(world, "do.high", Answer(Sent.SUCCEEDED, 200, {"done": "it"}, None))
    await sealed(database_url, signer)
    return shown


@pytest.fixture(scope="module")
async def document(world: World, done: View) -> bytes:
    return await evidence.of_request(world.services, world.person("anya"), id_of(done))


def problems(document: bytes, signer: Signer) -> list[tuple[str, str]]:
    return [(finding.where, finding.what) for finding in check(document, signer.verifiers())[1]]


def altered(document: bytes, change: Callable[[Bundle], object]) -> bytes:
    bundle = json.loads(document)
    change(bundle)
    return canonical(bundle)


async def test_it_answers_who_let_it_happen(document: bytes, signer: Signer, done: View) -> None:
    """Entries, what was asked, who decided by which account at which level, rules, grant, outcome."""
    bundle, findings = check(document, signer.verifiers())
    assert bundle is not None
    assert findings == []
    assert (bundle["kind"], bundle["id"], bundle["outcome"]) == ("request", done["id"], {done["id"]: "succeeded"})
    kinds = [entry["body"]["kind"] for entry in bundle["entries"]]
    assert kinds[0] == "policy-installed"
    assert {"admitted", "decided", "approved", "started", "attempt-finished", "succeeded"} <= set(kinds)
    values = {one["leaf"]: one["value"] for one in bundle["openings"]["values"]}
    by_kind = {entry["body"]["kind"]: entry for entry in bundle["entries"]}
    assert values[by_kind["admitted"]["leaf"]]["parameters"] == done["parameters"]
    assert values[by_kind["decided"]["leaf"]]["identity"].startswith("oidc:")
    assert by_kind["decided"]["body"]["facts"]["level"] == "login"
    assert bundle["policy"][0]["version"] == done["verdict"]["policy_version"]
    assert [one["action"] for one in bundle["catalogue"]] == ["do.high"]
    assert bundle["grant"][0]["sha256"].startswith("sha256:")


async def test_no_byte_can_be_another(document: bytes, signer: Signer) -> None:
    """One of every fifty, with each of three changes; every one of them over many runs."""
    chance = random.Random()  # noqa: S311  not for secrets
    for at in range(chance.randrange(50), len(document), 50):
        for change in (1, 0x20, chance.randrange(1, 256)):
            forged = document[:at] + bytes([document[at] ^ change]) + document[at + 1 :]
            assert problems(forged, signer), (at, change)


FORGERIES: dict[str, tuple[Callable[[Bundle], object], str]] = {
    "another version": (lambda b: b.update(v=2), "bundle"),
    "a version that equals one": (lambda b: b.update(v=True), "bundle"),
    "another kind": (lambda b: b.update(kind="rollback"), "id"),
    "an unknown kind": (lambda b: b.update(kind="gift"), "bundle"),
    "a part more": (lambda b: b.update(note="trust me"), "bundle"),
    "a part less": (lambda b: b.pop("cards"), "bundle"),
    "another id": (lambda b: b.update(id=str(uuid.UUID(int=1))), "id"),
    "another outcome": (lambda b: b["outcome"].update({b["id"]: "denied"}), "outcome"),
    "no grant": (lambda b: b["grant"].clear(), "grant"),
    "another grant": (lambda b: b["grant"][0].update(jti="x"), "grant"),
    "an entry of somebody else": (lambda b: b["entries"][2]["body"]["facts"].update(person="x"), "leaf "),
    "an entry less": (lambda b: (b["entries"].pop(2), b["proofs"].pop(2)), "request:"),
    "the first entry less": (lambda b: (b["entries"].pop(1), b["proofs"].pop(1)), "request:"),
    "an entry twice": (lambda b: (b["entries"].insert(1, b["entries"][1]), b["proofs"].insert(1, b["proofs"][1])), ""),
    "a proof less": (lambda b: b["proofs"].pop(), "proofs"),
    "another proof": (lambda b: b["proofs"][1].reverse(), "leaf "),
    "a proof that is none": (lambda b: b["proofs"].__setitem__(0, ["x"]), "entries"),
    "a member in an entry": (lambda b: b["entries"][0].update(more=1), "entries"),
    "no entries": (lambda b: (b["entries"].clear(), b["proofs"].clear()), "entries"),
    "entries that are none": (lambda b: b.update(entries={"a": 1}), "entries"),
    "another opening": (lambda b: b["openings"]["values"][0].update(value={"parameters": {}}), "opening of leaf"),
    "an opening less": (lambda b: b["openings"]["values"].pop(), "openings"),
    "an opening of elsewhere": (lambda b: b["openings"]["values"][0].update(leaf=10**6), "opening"),
    "another key": (lambda b: _first(b["openings"]["keys"]).update(seal="A" * 43), "openings of"),
    "another commitment key": (lambda b: _first(b["openings"]["keys"]).update(commit="A" * 43), "openings of"),
    "a key for nothing": (
        lambda b: b["openings"]["keys"].update(other={"seal": "A" * 43, "commit": "A" * 43}),
        "openi",
    ),
    "other rules": (lambda b: b["policy"][0]["document"].update(rules=[]), "policy"),
    "rules less": (lambda b: b["policy"].clear(), "policy"),
    "rules of nobody": (lambda b: b["policy"].append({"version": "sha256:x", "document": {}}), "policy"),
    "another catalogue": (lambda b: b["catalogue"][0]["entry"].update(risk="low"), "catalogue"),
    "no catalogue": (lambda b: b["catalogue"].clear(), "catalogue"),
    "a card that nobody saw": (
        lambda b: b["cards"].append({"request": b["id"], "card": "hmac-sha256:0", "content": [], "not_shown": []}),
        "card",
    ),
    "another size": (lambda b: b.update(checkpoint=b["checkpoint"].replace("\n", "\n9", 1)), "checkpoint"),
    "no signature": (lambda b: b.update(checkpoint=b["checkpoint"].split("\n\n")[0] + "\n\n"), "checkpoint"),
    "two signatures": (lambda b: b.update(checkpoint=b["checkpoint"] + b["checkpoint"].split("\n\n")[1]), "checkpoint"),
    "a checkpoint that is none": (lambda b: b.update(checkpoint=None), "entries"),
}


def _first(members: dict[str, Any]) -> Any:
    return next(iter(members.values()))


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_whatever_is_changed_is_found(document: bytes, signer: Signer, forgery: str) -> None:
    change, where = FORGERIES[forgery]
    found = problems(altered(document, change), signer)
    assert any(place.startswith(where) for place, _ in found), found


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b"null", b'{"v": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_bundle_is_said(document: bytes, signer: Signer) -> None:
    bundle, findings = check(document, signer.verifiers())
    assert bundle is None
    assert findings[0].where == "bundle"


async def test_another_form_of_the_same_is_refused(document: bytes, signer: Signer) -> None:
    assert problems(json.dumps(json.loads(document)).encode(), signer) == [("bundle", "it is not in RFC 8785 form")]


async def test_another_logs_key_says_nothing_of_it(document: bytes, rings: KeyRings) -> None:
    found = check(document, Signer("other.example/log", rings.ledger).verifiers())[1]
    assert found[0].where == "checkpoint"
    assert "signed by another key" in found[0].what


async def test_a_rollback_comes_with_what_it_undoes(world: World, database_url: str, signer: Signer) -> None:
    """And the other way round; the bundle of each is about that one."""
    shown = await ended(world, "do.high", Answer(Sent.SUCCEEDED, 200, {"done": "it"}, None))
    rollback = await undo(world, "ivan", shown)
    await sealed(database_url, signer)
    for one, kind in ((shown, "request"), (rollback, "rollback")):
        document = await evidence.of_request(world.services, world.person("anya"), id_of(one))
        bundle, findings = check(document, signer.verifiers())
        assert bundle is not None
        assert findings == []
        assert (bundle["kind"], bundle["id"]) == (kind, one["id"])
        assert bundle["outcome"] == {shown["id"]: "succeeded", rollback["id"]: "held"}


async def test_who_may_take_it(world: World, done: View) -> None:
    """People who may see the request; bots and strangers may not."""
    for who in ("dana", "ivan", "olivia"):
        assert await evidence.of_request(world.services, world.person(who), id_of(done))
    with pytest.raises(Forbidden):
        await evidence.of_request(world.services, world.bot(), id_of(done))
    with pytest.raises(NotFound):
        await evidence.of_request(world.services, world.person("carl"), id_of(done))


async def test_what_is_not_sealed_is_not_handed_out(
    world: World, database_url: str, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "SEAL_WITHIN", 0.3)
    shown = await ended(world, "do.moderate", Answer(Sent.FAILED, 422, None, {"status": 422, "body": "no"}))
    with pytest.raises(NotSealed):
        await evidence.of_request(world.services, world.person("anya"), id_of(shown))
    await sealed(database_url, signer)
    assert problems(await evidence.of_request(world.services, world.person("anya"), id_of(shown)), signer) == []


async def test_a_span_has_no_gap(world: World, done: View, signer: Signer) -> None:  # noqa: ARG001
    """All leaves between two checkpoints, nothing opened; one left out is found."""
    now = datetime.now(UTC)
    document = await evidence.of_span(world.services, world.person("anya"), now - timedelta(hours=1), now)
    bundle, findings = check(document, signer.verifiers())
    assert bundle is not None
    assert findings == []
    assert bundle["openings"] == {"keys": {}, "values": []}
    found = problems(altered(document, lambda b: (b["entries"].pop(3), b["proofs"].pop(3))), signer)
    assert ("entries", "a leaf of the span is left out") in found
    with pytest.raises(Forbidden):
        await evidence.of_span(world.services, world.person("dana"), now - timedelta(hours=1), now)
    with pytest.raises(NotFound, match="Nothing was sealed"):
        await evidence.of_span(world.services, world.person("anya"), now + timedelta(hours=1), now + timedelta(hours=2))
