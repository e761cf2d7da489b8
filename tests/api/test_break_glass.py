"""Break-glass and reviews over HTTP: what is answered, to whom, and what bots do not see."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api import problems
from app.domain.request import Level
from tests.api.conftest import Api, a_key
from tests.clear_text import in_clear, ledger_and_outbox, needles
from tests.steps.words import sql


@pytest.fixture(autouse=True)
async def as_before(api: Api) -> AsyncIterator[None]:
    yield
    await sql(api.world, "delete from review")


async def held(api: Api) -> dict[str, Any]:
    shown: dict[str, Any] = (await api.ask("do.high")).json()
    assert shown["status"] == "held"
    return shown


async def breaks(
    api: Api, shown: dict[str, Any], who: str = "ivan", key: str | None = None, **fields: Any
) -> httpx.Response:
    headers = api.person(who, Level.RECENT) | ({} if key is None else a_key(key))
    return await api.post(
        shown, "break-glass", {"reason": "Nobody answers", "digest": shown["digest"], **fields}, headers
    )


async def attests(api: Api, review: str, who: str = "eve", **fields: Any) -> httpx.Response:
    body = {"finding": "justified", "reason": "I looked", **fields}
    return await api.http.post(f"/v1/reviews/{review}/attest", json=body, headers=api.person(who))


async def listed(api: Api, who: str, query: str = "") -> list[str]:
    answer = await api.http.get(f"/v1/reviews{query}", headers=api.person(who))
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


def named(answer: httpx.Response, status: int, name: str) -> None:
    assert (answer.status_code, answer.json()["type"]) == (status, problems.PREFIX + name), answer.text


async def test_it_runs_at_once_without_its_quorum(api: Api) -> None:
    shown = await held(api)
    answer = await breaks(api, shown)
    assert answer.status_code == 200
    released = answer.json()["break_glass"]
    assert (released["person"], released["reason"], released["void_at"]) == ("ivan", "Nobody answers", None)
    seen = await api.world.until(shown, "succeeded")
    assert seen["decisions"] == []
    assert seen["break_glass"] == released
    bot = await api.seen(shown, api.client())
    assert bot["status"] == "succeeded"
    assert "break_glass" not in bot


async def test_again_it_is_the_same_and_under_one_key_no_other(api: Api) -> None:
    shown, key = await held(api), uuid.uuid4().hex
    for _ in range(2):
        assert (await breaks(api, shown, key=key)).status_code == 200
    named(await breaks(api, shown, key=key, reason="Another"), 409, "idempotency-key-reused")
    assert (await breaks(api, shown, reason="Another")).json()["break_glass"]["reason"] == "Nobody answers"
    named(await breaks(api, shown, "nora"), 409, "closed")


async def test_what_is_refused(api: Api) -> None:
    shown = await held(api)
    named(await breaks(api, shown, digest="sha256:0"), 409, "digest-differs")
    named(await breaks(api, shown, "dana"), 403, "forbidden")
    weakly = {"reason": "Nobody answers", "digest": shown["digest"]}
    named(await api.post(shown, "break-glass", weakly, api.person("ivan")), 403, "violations")
    grave = (await api.ask("do.grave")).json()
    named(await breaks(api, grave), 409, "not-open-to-this")


async def test_a_review_is_listed_to_whom_it_concerns_and_made_once(api: Api) -> None:
    review = (await breaks(api, await held(api))).json()["break_glass"]["review"]["id"]
    for who in ("eve", "ivan", "nora", "olivia", "sam", "anya", "ada"):
        assert await listed(api, who, "?open=true") == [review], who
    for who in ("dana", "zoe"):
        assert await listed(api, who) == []
    named(await attests(api, review, "ivan"), 403, "forbidden")
    named(await attests(api, review, "dana"), 404, "not-found")
    first, again = [await attests(api, review, finding="unjustified") for _ in range(2)]
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (first.json()["finding"], first.json()["done_by"]) == ("unjustified", "eve")
    named(await attests(api, review), 409, "not-open-to-this")
    assert await listed(api, "eve", "?open=true") == []
    assert await listed(api, "eve") == [review]


async def test_administrators_review_what_no_seat_is_left_for(api: Api) -> None:
    await sql(api.world, "update person set active = false where id in ('eve', 'sam')")
    try:
        shown = await held(api)
        seen = (await breaks(api, shown)).json()["break_glass"]["review"]
        assert seen["reviewers"] == ["ada", "ben"]
        assert (await api.seen(shown, api.person("ada")))["id"] == shown["id"]
        listing = await api.http.get("/v1/requests", headers=api.person("ben"))
        assert shown["id"] in [one["id"] for one in listing.json()["items"]]
        assert (await attests(api, seen["id"], "ben")).status_code == 200
    finally:
        await sql(api.world, "update person set active = true")


async def test_no_persons_name_nor_words_are_in_the_ledger(api: Api) -> None:
    shown = await held(api)
    marked = f"said-{uuid.uuid4().hex}"
    review = (await breaks(api, shown, reason=marked)).json()["break_glass"]["review"]["id"]
    assert (await attests(api, review, reason=f"{marked}-too")).status_code == 200
    stored = await ledger_and_outbox(api.world.ctx.database)
    assert in_clear(needles([marked], vocabulary=[]), stored) == []
