"""Owner reviews over HTTP: what is answered, to whom, and what a bot is told whose entitlements have lapsed."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api import problems
from app.domain.request import Level
from tests.api.conftest import Api
from tests.api.test_openapi import check
from tests.steps.breaking import broken, still
from tests.steps.owner_reviewing import lapsed, opened
from tests.steps.words import sql


@pytest.fixture(autouse=True)
async def as_before(api: Api) -> AsyncIterator[None]:
    yield
    await sql(api.world, "delete from owner_review")
    await sql(api.world, "delete from review")


async def attests(
    api: Api, review: object, who: str = "olivia", level: Level = Level.LOGIN, **fields: Any
) -> httpx.Response:
    body = {"finding": "attested", "reason": "I looked", **fields}
    return await api.http.post(f"/v1/reviews/{review}/attest", json=body, headers=api.person(who, level))


async def listed(api: Api, who: str, query: str = "") -> list[dict[str, Any]]:
    answer = await api.http.get(f"/v1/reviews{query}", headers=api.person(who))
    assert answer.status_code == 200, answer.text
    check(api.described, "Reviews", answer.json())
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def named(answer: httpx.Response, status: int, name: str, where: str | None = None) -> None:
    told = answer.json()
    assert (answer.status_code, told["type"], told.get("where")) == (status, problems.PREFIX + name, where), told


async def test_both_kinds_are_listed_together_the_newest_first(api: Api) -> None:
    released = (await broken(api.world, await still(api.world, "do.high")))["break_glass"]["review"]["id"]
    review = str(await opened(api.world))
    assert [(one["id"], one["kind"]) for one in await listed(api, "eve", "?open=true")] == [
        (review, "owner"),
        (released, "break-glass"),
    ]
    assert (await attests(api, review)).status_code == 200
    assert [one["id"] for one in await listed(api, "eve", "?open=true")] == [released]
    assert [one["id"] for one in await listed(api, "eve")] == [review, released]


async def test_who_sees_one(api: Api) -> None:
    review = str(await opened(api.world))
    for who in ("olivia", "sam", "lena", "max", "rita", "petra", "eve", "ivan", "nora", "anya", "ada"):
        assert [one["id"] for one in await listed(api, who)] == [review], who
    for who in ("dana", "zoe", "tom"):
        assert await listed(api, who) == []


async def test_it_is_made_once_by_its_owner(api: Api) -> None:
    review = await opened(api.world)
    named(await attests(api, review, "dana"), 404, "not-found")
    named(await attests(api, review, "sam"), 403, "forbidden")
    named(await attests(api, review, level=Level.CLICK), 403, "violations")
    named(await attests(api, review, finding="justified"), 422, "malformed", "finding")
    named(await attests(api, review, finding="fine"), 422, "malformed", "finding")
    named(await attests(api, review, reason="  "), 422, "malformed", "reason")
    url = f"/v1/reviews/{review}/attest"
    by_bot = await api.http.post(url, json={"finding": "attested", "reason": "x"}, headers=api.client())
    named(by_bot, 403, "violations")
    first, again = [await attests(api, review, finding="changed") for _ in range(2)]
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    check(api.described, "AnyReview", first.json())
    assert (first.json()["status"], first.json()["done_by"], first.json()["reviewers"]) == ("done", "olivia", [])
    named(await attests(api, review), 409, "not-open-to-this")
    named(await attests(api, uuid.uuid4()), 404, "not-found")


async def test_a_bot_is_told_what_has_lapsed(api: Api) -> None:
    review = await lapsed(api.world)
    answer = await api.ask("do.high")
    assert answer.status_code == 201
    check(api.described, "RequestView", answer.json())
    assert (answer.json()["status"], answer.json()["verdict"]["code"]) == ("denied", "entitlements-lapsed")
    assert (await attests(api, review, "eve")).status_code == 200
    assert (await api.ask("do.high")).json()["status"] == "held"
