"""Standing permissions under attack: by those who would grant themselves one, and by the bot that has one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.db import ledger
from app.governance.built_in import PERMIT
from app.identity.tokens import issue_access_token
from tests.api.conftest import BASE, GO_ON, Api, a_key, bearer
from tests.api.test_permissions import ask, grant, refused, revoke
from tests.steps.standing import uses, wanted, within
from tests.steps.words import change, sql

TOTAL = {"parameter": "amount", "at_most": 100}


@pytest.fixture(autouse=True)
async def as_before(api: Api) -> AsyncIterator[None]:
    """What one test has granted, stopped or weakened concerns no other."""
    yield
    await sql(api.world, "update standing_permission set revoked_at = clock_timestamp() where revoked_at is null")
    for statement in GO_ON:
        await sql(api.world, statement)


async def invariants(api: Api, shown: Any, who: str) -> set[str]:
    """What keeps somebody from approving."""
    answer = await api.approve(shown, who)
    assert answer.status_code == 403, answer.json()
    return {one["invariant"] for one in answer.json()["violations"]}


async def bot_asks(api: Api, action: str = "do.moderate", who: dict[str, str] | None = None, **more: Any) -> Any:
    """What the bot is told, whatever it says."""
    fields = {name: more.pop(name) for name in ("parent", "supersedes", "on_behalf_of", "context") if name in more}
    body = {"action": action, "parameters": {"thing": uuid.uuid4().hex, **more}, "on_behalf_of": "customer:carl"}
    headers = {**(who or api.client()), **a_key()}
    return (await api.http.post("/v1/requests", json={**body, **fields}, headers=headers)).json()


def waits(shown: Any) -> bool:
    return (shown["status"], shown["verdict"]["outcome"]) == ("held", "hold")


# Granting it to oneself.


@pytest.mark.parametrize("who", ["ada", "eve"])
async def test_who_asks_signs(api: Api, rules: Path, who: str) -> None:
    """Though they hold the seat that signs; another holds it with them."""
    await change(api.world, rules, "groups:", "groups:\n  - {name: some, members: [eve, lena, ada]}", "people.yaml")
    await change(api.world, rules, "exceptions: eve", 'exceptions: "group:some"')
    asked = (await ask(api, who)).json()
    assert "governance-change" in await invariants(api, asked, who)


async def test_the_business_owner_and_the_deployer_sign(api: Api, rules: Path) -> None:
    await change(api.world, rules, "groups:", "groups:\n  - {name: both, members: [eve, tom]}", "people.yaml")
    await change(api.world, rules, "exceptions: eve", 'exceptions: "group:both"')
    await change(api.world, rules, "members: [ada, ben]", "members: [ada, ben, olivia]", "people.yaml")
    asked = (await ask(api)).json()
    assert "governance-change" in await invariants(api, asked, "tom")
    await api.approve(asked, "eve")
    assert "governance-change" in await invariants(api, asked, "olivia")
    assert "governance-change" in await invariants(api, asked, "tom")


async def test_one_person_signs_both(api: Api, rules: Path) -> None:
    """Who holds the exceptions seat administers as well."""
    await change(api.world, rules, "members: [ada, ben]", "members: [ada, ben, eve]", "people.yaml")
    asked = (await ask(api)).json()
    assert (await api.approve(asked, "eve")).status_code == 200
    assert "stage-repeat" in await invariants(api, asked, "eve")
    assert (await api.world.look(asked))["status"] == "held"


async def test_a_rule_that_would_allow_it(api: Api, rules: Path) -> None:
    """The built-in plan is not the files' to loosen."""
    allow = f"rules:\n  - {{name: easy, when: 'action.name == \"{PERMIT}\"', allow: true}}\n"
    await change(api.world, rules, "rules:\n", allow)
    asked = (await ask(api)).json()
    assert (asked["status"], len(asked["plan"]["stages"])) == ("held", 2)


@pytest.mark.parametrize(
    "expires_at",
    [within(days=31), "9999-12-31T23:59:59Z", within(days=30, hours=12), "2026-01-01T00:00:00Z"],
    ids=["a day too long", "never", "half a day too long", "over"],
)
async def test_an_end_that_is_none(api: Api, expires_at: str) -> None:
    refused(await ask(api, expires_at=expires_at), 422, "off-schema", "parameters.expires_at")


async def test_an_end_in_another_zone(api: Api) -> None:
    """It is the moment that counts, not how it is written."""
    west = (datetime.now(UTC) + timedelta(days=30, hours=-1)).strftime("%Y-%m-%dT%H:%M:%S-05:00")
    refused(await ask(api, expires_at=west), 422, "off-schema", "parameters.expires_at")


async def test_an_end_that_is_moved(api: Api) -> None:
    """What was asked for stands: under its key no other end comes in, and what is granted is what was signed."""
    key, ends = a_key(), within(days=2)
    body = {"action": PERMIT, "parameters": wanted(expires_at=ends), "reason": "It is always approved"}
    who = api.person("petra")
    asked = (await api.http.post("/v1/governance-requests", json=body, headers=who | key)).json()
    await api.approve(asked, "eve")
    later = {**body, "parameters": wanted(expires_at=within(days=29))}
    told = await api.http.post("/v1/governance-requests", json=later, headers=who | key)
    assert told.json()["type"].endswith("idempotency-key-reused")
    await api.approve(asked, "sam")
    ended = await api.world.until(asked, "succeeded")
    assert ended["execution"]["result"]["expires_at"] == ends


@pytest.mark.parametrize("action", ["do.once", "do.grave", "do.slowly"])
async def test_for_what_is_irreversible(api: Api, action: str) -> None:
    refused(await ask(api, action=action), 409, "not-open-to-this")


@pytest.mark.parametrize("spelled", ["do.*", "DO.MODERATE", "do.moderate ", "*", "do.moderate\u200b", PERMIT])
async def test_for_an_action_spelled_otherwise(api: Api, spelled: str) -> None:
    refused(await ask(api, action=spelled), 422, "off-schema", "parameters.action")


async def test_for_another_bot_than_ones_own(api: Api, rules: Path) -> None:
    """Whoever holds a seat of one bot asks for nothing of another."""
    other = "title: Another bot"
    owners = "owners: {business: mia, security: sam, legal: lena, model_quality: max, incident: ivan, rollback: rita,"
    source = (rules / "desk.yaml").read_text()
    head, _, tail = source.partition(other)
    tail = tail.replace("owners: *owners", owners + " permissions: zoe, exceptions: eve}", 1)
    (rules / "desk.yaml").write_text(head + other + tail)
    await change(api.world, rules, other, "title: One more bot")
    refused(await ask(api, "petra", bot="other-bot"), 403, "forbidden")
    assert (await ask(api, "zoe", bot="other-bot")).status_code == 201


# Using more of it than there is.


async def test_asks_at_once_for_more_than_the_total(api: Api) -> None:
    permission = await grant(api, max_total=TOTAL)
    told = await asyncio.gather(*(bot_asks(api, amount=40) for _ in range(8)))
    assert sorted(shown["verdict"]["outcome"] for shown in told) == ["allow"] * 2 + ["hold"] * 6
    assert await uses(api.world, permission) == (2, 80)


@pytest.mark.parametrize("amount", [-1000, -(2**53) + 1, 101, 2**53 - 1, None])
async def test_an_amount_that_makes_room(api: Api, amount: int | None) -> None:
    permission = await grant(api, max_total=TOTAL)
    assert waits(await (bot_asks(api) if amount is None else bot_asks(api, amount=amount)))
    assert await uses(api.world, permission) == (0, 0)


async def test_cancelling_and_asking_again(api: Api) -> None:
    """The use is spent, whatever comes of the request."""
    await grant(api, max_uses=1, action="do.brief")
    first = await bot_asks(api, "do.brief")
    assert first["verdict"]["code"] == "standing-permission"
    await api.post(first, "cancel", {}, api.client())
    assert waits(await bot_asks(api, "do.brief"))


async def test_superseding(api: Api) -> None:
    """What takes another's place takes a use of its own."""
    await grant(api, max_uses=1)
    held = await bot_asks(api, "do.high")
    assert (await bot_asks(api, supersedes=held["id"]))["verdict"]["outcome"] == "allow"
    held = await bot_asks(api, "do.high")
    assert waits(await bot_asks(api, supersedes=held["id"]))


async def test_the_same_key_again_takes_nothing(api: Api) -> None:
    permission = await grant(api, max_uses=2)
    body, key = {"action": "do.moderate", "parameters": {"thing": "same"}, "on_behalf_of": "customer:carl"}, a_key()
    for _ in range(4):
        again = await api.http.post("/v1/requests", json=body, headers=api.client() | key)
        assert again.json()["verdict"]["code"] == "standing-permission"
    assert await uses(api.world, permission) == (1, 0)


async def test_another_credential(api: Api) -> None:
    """It is the bot's, by whichever credential; so are its uses."""
    await sql(
        api.world,
        "insert into client_credential select 'bot-standing-client', holder_kind, holder_id, secret_hash, made_by, "
        "created_at from client_credential where client_id = 'bot-client' on conflict do nothing",
    )
    await grant(api, max_uses=1)
    ring, client = api.world.rings.tokens, "bot-standing-client"
    token = issue_access_token(ring, issuer=BASE, client_id=client, subject="bot:bot", now=datetime.now(UTC))
    assert (await bot_asks(api))["verdict"]["outcome"] == "allow"
    assert waits(await bot_asks(api, who=bearer(token)))


async def test_another_bot(api: Api) -> None:
    await grant(api)
    assert waits(await bot_asks(api, who=api.client("other-bot")))


async def test_words_that_make_the_condition_fail(api: Api) -> None:
    """A condition on what is not there, or of another type, is not true."""
    await grant(api, when='parameters.payee != "customer:mallory" && int(context.prompt_excerpt) < 5')
    assert waits(await bot_asks(api))
    assert waits(await bot_asks(api, payee="customer:ann", context={"prompt_excerpt": "five"}))
    shown = await bot_asks(api, payee="customer:ann", context={"prompt_excerpt": "4"})
    assert shown["verdict"]["outcome"] == "allow"


async def test_a_chain_whose_parent_is_worse(api: Api) -> None:
    """What nobody could be spared for is not made harmless by a step in between."""
    await grant(api)
    parent = await bot_asks(api, "do.once")
    child = await bot_asks(api, parent=parent["id"])
    assert waits(child)
    assert waits(await bot_asks(api, parent=child["id"]))


@pytest.mark.parametrize("model", ["other", "chat@2", "example/other"])
async def test_another_model(api: Api, model: str) -> None:
    await grant(api)
    assert waits(await bot_asks(api, context={"model": model}))


async def test_what_a_rule_denies(api: Api) -> None:
    await grant(api)
    shown = await bot_asks(api, mode="deny")
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "rule")


# After its end.


async def test_after_it_was_revoked(api: Api) -> None:
    permission = await grant(api)
    assert (await revoke(api, permission, "ivan")).status_code == 200
    assert waits(await bot_asks(api))


async def test_after_its_action_has_changed(api: Api, rules: Path) -> None:
    """Another target, risk or schema under the same name is nothing that anybody has signed."""
    await grant(api, action="do.high")
    high = "title: Something high\n    risk: "
    await change(api.world, rules, high + "high", high + "critical")
    assert waits(await bot_asks(api, "do.high"))


async def test_after_a_stop(api: Api) -> None:
    await grant(api)
    await api.world.suspend()
    shown = await bot_asks(api)
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "bot-suspended")


async def test_asked_to_grant_by_the_bot(api: Api) -> None:
    """By whichever door, and with everything that it might be entitled to."""
    body = {"action": PERMIT, "parameters": wanted(), "on_behalf_of": "customer:carl"}
    told = (await api.http.post("/v1/requests", json=body, headers=api.client() | a_key())).json()
    assert told["type"].endswith("unknown-action")


async def test_each_use_is_on_the_ledger(api: Api) -> None:
    """And adds up to what is counted."""
    permission = await grant(api, max_uses=3)
    shown = [await bot_asks(api) for _ in range(4)]
    named = [(await api.world.entries(one))[0]["facts"]["verdict"].get("permission") for one in shown]
    assert named == [permission] * 3 + [None]
    async with api.world.ctx.database.transaction() as session:
        assert any(permission.encode() in entry.body for entry in await ledger.read(session, "bot:bot"))
    assert await uses(api.world, permission) == (3, 0)
