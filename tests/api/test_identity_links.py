"""A person links a Slack account to themselves, over HTTP."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import httpx
import pytest

from app.api import problems
from app.db import ledger
from app.domain.ledger import verify_stream
from app.domain.request import Level
from app.use_cases.actors import SlackAccount, slack_actor
from app.use_cases.links import NO_SUCH_CODE, ask_code
from tests.api.conftest import Api, Headers
from tests.clear_text import in_clear, ledger_and_outbox, needles
from tests.steps.words import sql

HERS = SlackAccount("T0", "U0DANA")
"""Dana's by the files of tests/rules."""


def an_account() -> SlackAccount:
    """One that nobody has."""
    return SlackAccount("T0HTTP", f"U{uuid.uuid4().hex[:12].upper()}")


async def asked(api: Api, account: SlackAccount) -> str:
    """A code, as Slack shows it."""
    return (await ask_code(api.world.services, account)).code


async def sent(api: Api, code: str, who: Headers) -> httpx.Response:
    return await api.http.post("/v1/identity-links", json={"code": code}, headers=who)


def refused(response: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """The problem, which must be this one."""
    told: dict[str, Any] = response.json()
    assert (response.status_code, told["type"]) == (status, problems.PREFIX + name), told
    return told


async def test_a_code_links_its_account_to_who_sends_it(api: Api) -> None:
    account = an_account()
    code = await asked(api, account)
    answers = [await sent(api, text, api.person("marco")) for text in (code, code.lower().replace("-", ""))]
    assert [answer.status_code for answer in answers] == [200, 200]
    linked = {"team": account.team, "user": account.user, "person": "marco"}
    assert [answer.json() for answer in answers] == [linked, linked]
    assert (await slack_actor(api.world.services, account)).id == "marco"


async def test_a_code_that_links_nothing_is_told_so_and_no_more(api: Api) -> None:
    used, replaced = await asked(api, an_account()), await asked(api, HERS)
    await asked(api, HERS)
    assert (await sent(api, used, api.person("priya"))).status_code == 200
    for code in (used, replaced, "ABCD-EFGH", "\u202e\U0001f4a9"):
        told = refused(await sent(api, code, api.person("olivia")), 422, "malformed")
        assert (told["detail"], told["where"]) == (NO_SUCH_CODE, "code")


async def test_what_is_somebody_elses_is_not_taken(api: Api) -> None:
    told = refused(await sent(api, await asked(api, HERS), api.person("marco")), 409, "not-open-to-this")
    assert "ask an administrator" in told["detail"]
    assert (told["status"], told["standing"]) == (409, None)
    assert (await slack_actor(api.world.services, HERS)).id == "dana"


@pytest.mark.parametrize("who", ["a click", "a bot", "a target", "nobody in particular"])
async def test_only_people_who_have_signed_in(api: Api, who: str) -> None:
    callers = {
        "a click": (api.person("marco", Level.CLICK), "weak-authentication"),
        "a bot": (api.client(), "not-human"),
        "a target": (api.client("bot", "target"), "not-human"),
        "nobody in particular": (api.person("nobody-we-know", Level.STRONG), "unlinked-identity"),
    }
    account = an_account()
    code, (caller, broken) = await asked(api, account), callers[who]
    told = refused(await sent(api, code, caller), 403, "violations")
    assert [(found["invariant"], found["sentence"]) for found in told["violations"]] == [(broken, told["detail"])]
    assert (await slack_actor(api.world.services, account)).kind == "unlinked"
    assert (await sent(api, code, api.person("mia"))).status_code == 200


async def test_too_many_wrong_codes(api: Api) -> None:
    code = await asked(api, an_account())
    answers = [await sent(api, f"wrong {n}", api.person("felix")) for n in range(10)]
    assert {answer.status_code for answer in answers} == {422}
    response = await sent(api, code, api.person("felix"))
    refused(response, 429, "rate-limited")
    assert 0 < int(response.headers["retry-after"]) <= 60
    assert (await sent(api, code, api.person("fiona"))).status_code == 200


async def test_of_many_at_once_one_is_told_yes(api: Api) -> None:
    account = an_account()
    code = await asked(api, account)
    people = ("ada", "ben", "greta", "ivan", "nora", "sam", "lena", "max", "rita", "petra", "eve", "tom")
    answers = await asyncio.gather(*(sent(api, code, api.person(who)) for who in people))
    assert sorted(answer.status_code for answer in answers) == [200, *[422] * (len(people) - 1)]
    [winner] = [answer.json()["person"] for answer in answers if answer.status_code == 200]
    assert (await slack_actor(api.world.services, account)).id == winner


async def test_the_ledger_says_it_and_shows_no_account(api: Api) -> None:
    account = an_account()
    code = await asked(api, account)
    assert (await sent(api, code, api.person("anya", Level.STRONG))).status_code == 200
    [(pid,)] = await sql(api.world, "select pid from person where id = 'anya'")
    async with api.world.ctx.database.transaction() as session:
        stored = await ledger.read(session, f"person:{pid}")
        secret = await api.world.ctx.vault.find(session, f"person:{pid}")
    assert verify_stream(f"person:{pid}", stored) == []
    [entry] = [json.loads(found.body) for found in stored]
    sealed = json.loads(secret.open(entry["facts"].pop("sealed")))
    assert (entry["kind"], entry["facts"]) == (
        "identity-linked",
        {"by": str(pid), "via": "api", "assurance": "strong"},
    )
    assert (sealed["team"], sealed["user"]) == (account.team, account.user)
    wanted = needles([account.team, account.user, code, code.replace("-", "")], vocabulary=())
    assert in_clear(wanted, await ledger_and_outbox(api.world.ctx.database)) == []
