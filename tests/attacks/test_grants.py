"""Grants under attack, over real HTTP: replayed, stolen, forged, too late, of what was stopped."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from sqlalchemy import text

from app.db.metadata import METADATA
from app.domain.clocks import moment
from app.grants.verifier import GrantRefused
from app.use_cases.token import create_credential
from tests.api.conftest import Headers, a_key
from tests.attacks.granted import FORGED, INACTIVE, claims_in, go_on, looked, on_its_way, redeem, token_of
from tests.clear_text import histories, in_clear, ledger_and_outbox
from tests.hostile.conftest import api as live_api
from tests.hostile.live import Live
from tests.steps.conftest import rules
from tests.steps.words import change, sql
from tests.world import World

__all__ = ["live_api", "rules"]

ROUNDS = 5
AT_ONCE = 64
TILL = (
    '{name: till, url: "http://127.0.0.1:9", audience: "https://till.test", hosts: ["127.0.0.1"], '
    "private: true, clients: [till]}"
)


@pytest.fixture(scope="module")
async def api(live_api: Live) -> Live:
    """The live API, in place of the one in this process."""
    return live_api


@pytest.fixture(scope="module")
async def world(api: Live) -> World:
    """What is behind it: `rules` changes those in force there."""
    return api.world


@pytest.fixture(scope="module")
async def desk(api: Live) -> Headers:
    """The target's own token."""
    client_id, _ = await create_credential(api.world.ctx, "target", "desk", "ada")
    return api.client("desk", "target", client_id)


async def rows(api: Live, shown: dict[str, Any]) -> int:
    """How many redemptions are kept of a request."""
    query = "select count(*) from grant_redemption where request_id = :id"
    [[count]] = await sql(api.world, query, id=uuid.UUID(shown["id"]))
    return int(count)


async def inactive(api: Live, grant: str, parameters: Any, who: Headers, id_: str = "one") -> bool:
    """True when that is all that is said."""
    answer = await redeem(api, grant, parameters, who, id_)
    assert answer.status_code == 200, answer.text
    return bool(answer.json() == INACTIVE)


# Replayed.


@pytest.mark.aisvs("9.2.8")
async def test_a_second_redemption(api: Live, desk: Headers) -> None:
    shown = await looked(api)
    first = await redeem(api, token_of(shown), shown["parameters"], desk, "mine")
    assert first.json()["active"]
    assert await inactive(api, token_of(shown), shown["parameters"], desk, "thief")
    assert (await redeem(api, token_of(shown), shown["parameters"], desk, "mine")).json() == first.json()
    assert await rows(api, shown) == 1


async def test_by_another_client_of_the_target_under_the_same_id(api: Live, desk: Headers) -> None:
    """Two programs that number their redemptions alike are two all the same."""
    shown = await looked(api)
    assert (await redeem(api, token_of(shown), shown["parameters"], desk, "1")).json()["active"]
    statement = "update grant_redemption set client = 'other', redemption = 'hmac-sha256:0' where request_id = :id"
    await sql(api.world, statement, id=uuid.UUID(shown["id"]))
    assert await inactive(api, token_of(shown), shown["parameters"], desk, "1")


async def test_of_many_at_once_one_wins(api: Live, desk: Headers, record_property: Any) -> None:
    for _ in range(ROUNDS):
        shown = await looked(api)
        calls = (redeem(api, token_of(shown), shown["parameters"], desk, f"r{n}") for n in range(AT_ONCE))
        answers = [answer.json() for answer in await asyncio.gather(*calls)]
        won = [answer for answer in answers if answer != INACTIVE]
        assert [answer["active"] for answer in won] == [True]
        assert await rows(api, shown) == 1
        kinds = [entry["kind"] for entry in await api.world.entries(shown)]
        assert kinds.count("grant-redeemed") == 1
    record_property("figure", f"{ROUNDS} rounds of {AT_ONCE} redemptions of one grant at once: one wins each")


async def test_of_many_at_once_under_one_id_all_win(api: Live, desk: Headers) -> None:
    """One target that sends the same again, before it has heard."""
    shown = await looked(api)
    calls = (redeem(api, token_of(shown), shown["parameters"], desk, "mine") for _ in range(16))
    answers = [answer.json() for answer in await asyncio.gather(*calls)]
    assert all(answer == answers[0] and answer["active"] for answer in answers)
    assert await rows(api, shown) == 1


# Forged, and of another kind.


@pytest.mark.parametrize("name", FORGED)
async def test_forged(api: Live, desk: Headers, name: str) -> None:
    """None is good, and none uses the good one up."""
    shown = await looked(api)
    forged = FORGED[name](api.world.rings, claims_in(token_of(shown)))
    assert await inactive(api, forged, shown["parameters"], desk)
    assert await rows(api, shown) == 0
    assert (await redeem(api, token_of(shown), shown["parameters"], desk)).json()["active"]


async def test_an_access_token_is_no_grant(api: Live, desk: Headers) -> None:
    for headers in (desk, api.client(), api.person("ivan")):
        token = headers["Authorization"].removeprefix("Bearer ")
        assert await inactive(api, token, {}, desk)


@pytest.mark.aisvs("9.2.9")
async def test_a_grant_is_no_access_token(api: Live) -> None:
    shown = await looked(api)
    stolen = {"Authorization": f"Bearer {token_of(shown)}"}
    answers = [
        await api.http.get(f"/v1/requests/{shown['id']}", headers=stolen),
        await api.http.post(f"/v1/requests/{shown['id']}/grant", headers=stolen),
        await api.http.post("/v1/requests", json={}, headers=stolen | a_key()),
        await redeem(api, token_of(shown), shown["parameters"], stolen),
    ]
    assert [answer.status_code for answer in answers] == [401] * 4


# For others.


async def test_other_parameters(api: Live, desk: Headers) -> None:
    shown = await looked(api)
    for other in ({**shown["parameters"], "amount": 1}, {"thing": "another"}, {}, None):
        assert await inactive(api, token_of(shown), other, desk)
    assert await rows(api, shown) == 0


async def test_the_grant_of_another_call(api: Live, desk: Headers) -> None:
    """With its own parameters it is good, with mine it is not."""
    mine, other = await looked(api), await looked(api)
    assert await inactive(api, token_of(other), mine["parameters"], desk)


async def test_by_another_target(api: Live, desk: Headers, rules: Any) -> None:
    """It is told so, and learns nothing more, whether the grant was redeemed or not."""
    await change(api.world, rules, "targets:\n", f"targets:\n  - {TILL}\n")
    client_id, _ = await create_credential(api.world.ctx, "target", "till", "ada")
    till = api.client("till", "target", client_id)
    shown = await looked(api)
    before = await redeem(api, token_of(shown), shown["parameters"], till)
    assert (before.status_code, before.json()["type"]) == (403, "urn:interlock:problem:forbidden")
    assert await rows(api, shown) == 0
    assert (await redeem(api, token_of(shown), shown["parameters"], desk)).json()["active"]
    assert (await redeem(api, token_of(shown), {}, till)).json() == before.json()


@pytest.mark.parametrize("who", ["bot", "ivan", "ada", "nobody-at-all"])
async def test_by_who_is_no_target(api: Live, who: str) -> None:
    """Not the bot that it was given to, nor any person."""
    shown = await looked(api)
    headers = api.client() if who == "bot" else api.person(who)
    answer = await redeem(api, token_of(shown), shown["parameters"], headers)
    assert answer.status_code == 403
    assert await rows(api, shown) == 0


async def test_by_a_client_that_the_rules_no_longer_name(api: Live, desk: Headers, rules: Any) -> None:
    shown = await looked(api)
    await change(api.world, rules, "clients: [desk]", "clients: [desk-two]")
    assert (await redeem(api, token_of(shown), shown["parameters"], desk)).status_code == 403


async def test_by_a_client_whose_credential_was_taken_back(api: Live, desk: Headers) -> None:
    client_id, _ = await create_credential(api.world.ctx, "target", "desk", "ada")
    gone = api.client("desk", "target", client_id)
    shown = await looked(api)
    statement = "update client_credential set revoked_at = clock_timestamp() where client_id = :id"
    await sql(api.world, statement, id=client_id)
    assert (await redeem(api, token_of(shown), shown["parameters"], gone)).status_code == 401
    assert (await redeem(api, token_of(shown), shown["parameters"], desk)).json()["active"]


# Too late.


async def test_expired(api: Live, desk: Headers) -> None:
    shown = await looked(api)
    statement = "update execution_attempt set grant_expires_at = clock_timestamp() where request_id = :id"
    await sql(api.world, statement, id=uuid.UUID(shown["id"]))
    assert await inactive(api, token_of(shown), shown["parameters"], desk)


async def test_after_its_end_it_is_not_good_for_who_has_redeemed_it_either(api: Live, desk: Headers) -> None:
    shown = await looked(api)
    assert (await redeem(api, token_of(shown), shown["parameters"], desk)).json()["active"]
    statement = "update execution_attempt set grant_expires_at = clock_timestamp() where request_id = :id"
    await sql(api.world, statement, id=uuid.UUID(shown["id"]))
    assert await inactive(api, token_of(shown), shown["parameters"], desk)


async def test_of_what_was_reported(api: Live, desk: Headers) -> None:
    shown = await looked(api)
    said = {"status": "succeeded"}
    answer = await api.http.post(f"/v1/requests/{shown['id']}/outcome", json=said, headers=api.client())
    assert answer.status_code == 200
    assert await inactive(api, token_of(shown), shown["parameters"], desk)


async def test_of_a_call_that_is_over(api: Live, desk: Headers) -> None:
    """While the call runs its grant is good; once Interlock has heard what came of it, no more."""
    thing = uuid.uuid4().hex
    api.world.desk.script(thing, 0)
    shown = await api.ask("do.once", parameters={"thing": thing})
    await api.say("dana", shown)
    grant = await on_its_way(api, thing)
    assert (await redeem(api, grant, {"thing": thing}, desk)).json()["active"]
    api.world.desk.release(thing)
    await api.world.until(shown, "succeeded")
    assert await inactive(api, grant, {"thing": thing}, desk)


# Of what was stopped.


@pytest.mark.parametrize("path", ["bots/bot", "installation"])
async def test_of_a_stopped_bot(api: Live, desk: Headers, path: str) -> None:
    """Once the stop has answered: neither what was not redeemed, nor again what was; also after it was resumed."""
    new, used = await looked(api), await looked(api)
    assert (await redeem(api, token_of(used), used["parameters"], desk)).json()["active"]
    who = api.person("ivan")
    answer = await api.http.post(f"/v1/{path}/suspend", json={"reason": "It runs amok"}, headers=who)
    assert answer.status_code == 200
    for shown in (new, used):
        assert await inactive(api, token_of(shown), shown["parameters"], desk)
    await go_on(api)
    for shown in (new, used):
        assert await inactive(api, token_of(shown), shown["parameters"], desk)
    assert await rows(api, new) == 0


async def test_another_bot_goes_on(api: Live, desk: Headers, rules: Any) -> None:
    await change(api.world, rules, 'entitlements: ["do.moderate"]', 'entitlements: ["do.moderate", "look.up"]')
    shown = await looked(api, "other-bot")
    await api.http.post("/v1/bots/bot/suspend", json={"reason": "It runs amok"}, headers=api.person("ivan"))
    try:
        assert (await redeem(api, token_of(shown), shown["parameters"], desk)).json()["active"]
    finally:
        await go_on(api)


async def test_the_rollback_of_what_a_stopped_bot_did(api: Live, desk: Headers) -> None:
    """It is undone although the bot is stopped: its grant is good."""
    shown = await api.ask("do.high")
    await api.say("dana", shown)
    thing = (await api.world.until(shown, "succeeded"))["parameters"]["thing"] + "-undone"
    await api.http.post("/v1/bots/bot/suspend", json={"reason": "It runs amok"}, headers=api.person("ivan"))
    try:
        api.world.desk.script(thing, 0)
        undoing = await api.world.roll_back("ivan", shown)
        await api.world.say("rita", undoing)
        grant = await on_its_way(api, thing)
        said = (await redeem(api, grant, undoing["parameters"], desk)).json()
        assert (said["active"], said["action"]) == (True, "undo.well")
        assert said["act"]["sub"].startswith("person:")
        api.world.desk.release(thing)
        await api.world.until(undoing, "succeeded")
    finally:
        api.world.desk.release(thing)
        await go_on(api)


async def test_a_stop_among_redemptions(api: Live, desk: Headers) -> None:
    """What was redeemed was redeemed before the stop; from its answer on nothing is."""
    asked = [await looked(api) for _ in range(24)]
    calls = [asyncio.create_task(redeem(api, token_of(one), one["parameters"], desk)) for one in asked]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    try:
        stopped = await api.http.post("/v1/bots/bot/suspend", json={"reason": "Stop"}, headers=api.person("ivan"))
        for shown in asked:
            after = await redeem(api, token_of(shown), shown["parameters"], desk, "after")
            assert after.json() == INACTIVE
        told = [answer.json()["active"] for answer in await asyncio.gather(*calls)]
        query = "select redeemed_at from grant_redemption where request_id = any(:ids)"
        kept = await sql(api.world, query, ids=[uuid.UUID(one["id"]) for one in asked])
        before = [row.redeemed_at < moment(stopped.json()["suspended_at"]) for row in kept]
        assert all(before)
        assert len(before) == sum(told) > 0
    finally:
        await go_on(api)


# Nothing of a grant is left behind.


async def test_no_grant_is_kept(api: Live, desk: Headers) -> None:
    """After all of the above: in no table, no entry, no history and no log, whole or in its parts."""
    shown = await looked(api)
    await redeem(api, token_of(shown), shown["parameters"], desk, "till-4711-unheard-of")
    await redeem(api, token_of(shown), shown["parameters"], desk, "till-4712")
    await redeem(api, token_of(shown) + "x", shown["parameters"], desk, "till-4713")
    hays = await ledger_and_outbox(api.world.ctx.database) | {"log": api.log.read_bytes()}
    queue = api.world.services.task_queue
    hays |= await histories(api.world.services.temporal, f'TaskQueue = "{queue}"')
    async with api.world.ctx.database.transaction() as session:
        for table in METADATA.tables:
            found = await session.execute(text(f"select row_to_json(t) from {table} t"))  # noqa: S608  names of ours
            hays[table] = json.dumps(found.scalars().all(), default=str).encode()
    assert b"a grant was not redeemed" in hays["log"]
    assert in_clear([], hays) == []
    parts = [*token_of(shown).split(".")[1:], "till-4711-unheard-of"]
    assert [(name, part) for name, hay in hays.items() for part in parts if part.encode() in hay] == []


async def test_no_error_quotes_it(api: Live, desk: Headers) -> None:
    shown = await looked(api)
    token = token_of(shown)
    refused = await redeem(api, token, shown["parameters"], api.client())
    bad = await api.http.post("/v1/grants/redeem", json={"grant": token, "redemption_id": token}, headers=desk)
    assert (refused.status_code, bad.status_code) == (403, 422)
    assert token[-20:] not in refused.text + bad.text
    assert token[-20:] not in repr(GrantRefused("expired"))
