"""Evidence over the API: the bundle byte for byte, the page, and who gets neither."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.ledger.bundle import check
from app.ledger.notes import Signer
from tests.api.conftest import Api
from tests.api.test_incidents import opened
from tests.ledger.sealing import ORIGIN, sealing

SPAN = {"from": "2026-01-05T09:00:00Z", "to": "2099-01-05T10:00:00Z"}


@pytest.fixture(autouse=True)
async def _sealing(api: Api, database_url: str) -> AsyncIterator[None]:
    async with sealing(database_url, api.world.rings):
        yield


def verified(api: Api, document: bytes) -> bool:
    return check(document, Signer(ORIGIN, api.world.rings.ledger).verifiers())[1] == []


async def test_a_request_as_a_bundle_and_as_a_page(api: Api) -> None:
    """What has just happened is waited for. Words of a bot are inert on the page."""
    shown = await api.world.ask("do.moderate", reason="<script>alert(1)</script>")
    await api.world.say("dana", shown)
    await api.world.until(shown, "succeeded")
    path = f"/v1/requests/{shown['id']}/evidence"
    bundle = await api.http.get(path, headers=api.person("anya"))
    assert bundle.headers["content-type"] == "application/json"
    assert verified(api, bundle.content)
    page = await api.http.get(path, headers=api.person("anya") | {"Accept": "text/html, application/json;q=0.5"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script" not in page.text
    assert "default-src &#x27;none&#x27;" in page.text or "default-src 'none'" in page.text
    for told in ("decided", "attempt-finished", shown["digest"], "dana"):
        assert told in page.text


async def test_a_span_and_what_is_wrong_with_one(api: Api) -> None:
    await api.world.ask("do.moderate")
    answer = await api.http.get("/v1/ledger/evidence", headers=api.person("anya"), params=SPAN)
    assert answer.status_code == 200
    assert verified(api, answer.content)
    for params in ({}, {"from": SPAN["from"]}, {**SPAN, "from": "yesterday"}, {**SPAN, "from": "2026-01-05T09:00:00"}):
        refused = await api.http.get("/v1/ledger/evidence", headers=api.person("anya"), params=params)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:interlock:problem:malformed")
    never = {"from": "2098-01-05T09:00:00Z", "to": "2099-01-05T10:00:00Z"}
    assert (await api.http.get("/v1/ledger/evidence", headers=api.person("anya"), params=never)).status_code == 404


async def test_an_incident_with_all_that_belongs_to_it(api: Api) -> None:
    """For auditors; a responder who may read it does not get it."""
    shown = await api.world.ask("do.moderate")
    incident = (await opened(api)).json()
    path = f"/v1/incidents/{incident['id']}/evidence"
    answer = await api.http.get(path, headers=api.person("anya"))
    assert answer.status_code == 200, answer.text
    assert verified(api, answer.content)
    assert answer.json()["entries"][0]["body"]["stream"] == f"incident:{incident['id']}"
    assert (await api.http.get(path, headers=api.person("ivan"))).status_code == 403
    other = path.replace(incident["id"], shown["id"])
    assert (await api.http.get(other, headers=api.person("anya"))).status_code == 404
