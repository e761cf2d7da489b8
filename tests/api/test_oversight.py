"""Oversight reports over the API: who reads them, in which form, and the whole way of a sign-off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.api import problems
from app.domain.clocks import rfc3339
from app.governance.built_in import SIGN_OFF
from tests.api.conftest import Api, Headers, a_key
from tests.api.test_openapi import check


async def report(api: Api, headers: Headers, **query: str) -> httpx.Response:
    return await api.http.get("/v1/oversight", params=query, headers=headers)


async def test_auditors_and_administrators_read_it(api: Api) -> None:
    for who in ("anya", "ada"):
        answer = await report(api, api.person(who))
        assert answer.status_code == 200, answer.json()
        check(api.described, "OversightReport", answer.json())
        assert answer.headers["vary"] == "Accept"
    month = answer.json()["document"]
    assert month["from"][8:10] == month["to"][8:10] == "01"
    assert answer.json()["over"]


async def test_nobody_else_does(api: Api) -> None:
    others = [api.person(who) for who in ("dana", "ivan", "olivia", "petra", "zoe")]
    for headers in (*others, api.client()):
        answer = await report(api, headers)
        assert answer.status_code == 403
        assert answer.json()["type"].removeprefix(problems.PREFIX) in ("forbidden", "violations")
        assert "figures" not in answer.text


async def test_as_a_page(api: Api) -> None:
    answer = await report(api, api.person("anya") | {"Accept": "text/html"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.text.startswith("<!DOCTYPE html>")
    for accept in ("application/json", "*/*", "text/html;q=0.1, application/json"):
        answer = await report(api, api.person("anya") | {"Accept": accept})
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"from": "2026-10-01"}, "to"),
        ({"to": "2026-10-01"}, "from"),
        ({"from": "2026-10-01", "to": "2026-10-01"}, "from"),
        ({"from": "2026-10-02", "to": "2026-10-01"}, "from"),
        ({"from": "2024-10-02", "to": "2026-10-01"}, "from"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "from"),
        ({"from": "9999-12-30", "to": "9999-12-31"}, "from"),
        ({"from": "0001-01-01T00:00:00+14:00", "to": "0001-01-02"}, "from"),
        ({"from": "yesterday", "to": "2026-10-01"}, "from"),
        ({"from": "2026-10-01T00:00:00", "to": "2026-10-02"}, "from"),
        ({"from": "2026-10-01", "to": "2026-10-02", "bot": "bot"}, "bot"),
    ],
)
async def test_what_is_no_period(api: Api, query: dict[str, str], where: str) -> None:
    answer = await report(api, api.person("anya"), **query)
    told = answer.json()
    assert (answer.status_code, told["type"], told["where"]) == (422, problems.PREFIX + "malformed", where)


async def test_signed_off_by_an_auditor(api: Api) -> None:
    """All of it by the API: read by an administrator, asked for, signed by the auditor, and seen as signed."""
    shown = (await api.ask()).json()
    assert (await api.approve(shown, "dana")).status_code == 200
    await api.world.until(shown, "succeeded")
    now = datetime.now(UTC)
    span = {"from": rfc3339(now - timedelta(days=1)), "to": rfc3339(now)}
    found = (await report(api, api.person("ada"), **span)).json()
    assert found["document"]["figures"]["head"]["requests"] >= 1
    asked = await ask(api, found)
    assert asked.status_code == 201, asked.json()
    assert asked.json()["status"] == "held"
    assert (await api.approve(asked.json(), "ada")).status_code == 403
    assert (await api.approve(asked.json(), "anya")).status_code == 200
    await api.world.until(asked.json(), "succeeded")
    seen = (await report(api, api.person("anya"), **span)).json()
    check(api.described, "OversightReport", seen)
    assert seen["signed_as_it_is"]
    assert [one["request"] for one in seen["signed"]] == [asked.json()["id"]]
    page = await report(api, api.person("anya") | {"Accept": "text/html"}, **span)
    assert f"Signed off at {seen['signed'][0]['signed_at']}" in page.text


async def ask(api: Api, found: dict[str, Any]) -> httpx.Response:
    document = found["document"]
    parameters = {
        "from": document["from"],
        "to": document["to"],
        "report": found["report"],
        "figures": found["figures_sha256"],
        "head": document["figures"]["head"],
    }
    body = {"action": SIGN_OFF, "parameters": parameters, "reason": "The month is over"}
    return await api.http.post("/v1/governance-requests", json=body, headers=api.person("ada") | a_key())


async def test_a_period_that_is_not_over_is_not_signed(api: Api) -> None:
    now = datetime.now(UTC)
    span = {"from": rfc3339(now - timedelta(days=1)), "to": rfc3339(now + timedelta(hours=1))}
    found = (await report(api, api.person("ada"), **span)).json()
    assert not found["over"]
    refused = await ask(api, found)
    assert (refused.status_code, refused.json()["type"]) == (409, problems.PREFIX + "not-open-to-this")
    page = await report(api, api.person("ada") | {"Accept": "text/html"}, **span)
    assert "not over" in page.text
