"""`GET /v1/bots/{id}/use-case`, and asking for its approval over the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.api.shapes_use_cases import BotUseCase
from app.governance.built_in import APPROVE
from app.use_cases.governance import install
from tests.api.conftest import Api, a_key
from tests.drafts import draft
from tests.steps.approving import OTHER_ENTITLED, day
from tests.steps.words import sql
from tests.world import RULES

AT = "/v1/bots/{bot}/use-case"


@pytest.fixture(autouse=True)
async def as_at_first(api: Api) -> AsyncIterator[None]:
    yield
    await sql(api.world, "delete from use_case")
    await install(api.world.ctx, RULES, replace=True, by="ada")


async def look(api: Api, bot: str = "bot", who: str = "olivia") -> Any:
    return await api.http.get(AT.format(bot=bot), headers=api.person(who))


async def ask(api: Api, who: str = "petra", **fields: Any) -> Any:
    parameters = {"bot": "other-bot", "review_by": day(days=30), **fields}
    body = {"action": APPROVE, "parameters": parameters, "reason": "It does more now"}
    return await api.http.post("/v1/governance-requests", json=body, headers=api.person(who) | a_key())


async def test_as_it_was_installed(api: Api) -> None:
    shown = (await look(api)).json()
    BotUseCase.model_validate(shown, strict=True)
    assert (shown["may_ask"], shown["why_not"], shown["missing"]) == (True, None, [])
    assert (shown["approved"]["via"], shown["approved"]["request"]) == ("init", None)
    assert shown["approved"]["statement"] == shown["in_force"]


async def test_what_is_missing_until_both_have_signed(api: Api) -> None:
    await api.world.publish(draft(OTHER_ENTITLED))
    shown = (await look(api, "other-bot")).json()
    assert (shown["may_ask"], shown["missing"]) == (True, ["entitlements: do.high"])
    answer = await ask(api)
    assert (answer.status_code, answer.json()["status"]) == (201, "held")
    asked = answer.json()
    assert asked["changes"][0]["sentences"][0] == "bot other-bot: purpose: `Tests`"
    for who in ("olivia", "sam"):
        assert (await api.approve(asked, who)).status_code == 200
    await api.world.until(asked, "succeeded")
    shown = (await look(api, "other-bot")).json()
    BotUseCase.model_validate(shown, strict=True)
    assert (shown["missing"], shown["approved"]["request"]) == ([], asked["id"])
    assert (shown["approved"]["via"], shown["approved"]["review_by"]) == ("request", day(days=30))


async def test_none(api: Api) -> None:
    await sql(api.world, "delete from use_case where bot = 'bot'")
    shown = (await look(api)).json()
    BotUseCase.model_validate(shown, strict=True)
    assert (shown["may_ask"], shown["approved"], shown["missing"]) == (False, None, [])
    assert shown["why_not"] == "The use case of bot is not approved."


@pytest.mark.parametrize("who", ["ada", "anya", "ivan", "olivia", "sam", "petra", "eve", "tom"])
async def test_who_sees_it(api: Api, who: str) -> None:
    assert (await look(api, who=who)).status_code == 200


@pytest.mark.parametrize(("bot", "who"), [("bot", "dana"), ("bot", "zoe"), ("nobody", "ada"), ("B*", "ada")])
async def test_who_does_not(api: Api, bot: str, who: str) -> None:
    answer = await look(api, bot, who)
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such bot.")


async def test_bots_do_not(api: Api) -> None:
    assert (await api.http.get(AT.format(bot="bot"), headers=api.client())).status_code == 403


@pytest.mark.parametrize(
    ("who", "fields", "status", "where"),
    [
        ("dana", {}, 403, None),
        ("olivia", {}, 403, None),
        ("ada", {"bot": "nobody"}, 422, "parameters.bot"),
        ("ada", {"review_by": day()}, 422, "parameters.review_by"),
        ("ada", {"review_by": day(days=400)}, 422, "parameters.review_by"),
        ("ada", {"more": 1}, 422, None),
    ],
)
async def test_what_is_refused(api: Api, who: str, fields: dict[str, Any], status: int, where: str | None) -> None:
    answer = await ask(api, who, **fields)
    assert answer.status_code == status
    if where is not None:
        assert answer.json()["where"] == where
