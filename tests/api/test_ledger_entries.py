"""`GET /v1/ledger/entries`: for auditors, in two forms that say the same, page by page and without a gap."""

from __future__ import annotations

import pytest

from app.ledger.notes import Signer
from tests.api.conftest import Api, documented
from tests.ledger.sealed import expected, grown, whole

LINES = {"Accept": "application/x-ndjson"}


@pytest.fixture
async def url(api: Api, database_url: str) -> str:
    await grown(database_url, Signer("ledger.example/test", api.world.rings.ledger), count=3)
    return database_url


async def test_pages_have_every_sealed_entry_once(api: Api, url: str) -> None:
    known, anya = await expected(url), api.person("anya")
    got, first = [], 0
    while True:
        answer = await api.http.get("/v1/ledger/entries", params={"from": first, "limit": 2}, headers=anya)
        await documented(api.described, answer)
        page = answer.json()
        assert page["sealed"] == len(known)
        if not page["items"]:
            break
        assert len(page["items"]) <= 2
        got += page["items"]
        assert page["next"] == first + len(page["items"])
        first = page["next"]
    assert got == known


async def test_lines_say_the_same(api: Api, url: str) -> None:
    known = await expected(url)
    answer = await api.http.get("/v1/ledger/entries?from=1", headers=api.person("anya") | LINES)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["vary"] == "Accept"
    assert whole(answer.content.splitlines(), first=1) == known[1:]


@pytest.mark.usefixtures("url")
async def test_beyond_the_last_there_are_none_yet(api: Api) -> None:
    answer = await api.http.get(f"/v1/ledger/entries?from={2**53 - 1}", headers=api.person("anya"))
    assert (answer.status_code, answer.json()["items"], answer.json()["next"]) == (200, [], 2**53 - 1)
    assert (
        await api.http.get(f"/v1/ledger/entries?from={2**53 - 1}", headers=api.person("anya") | LINES)
    ).content == b""


@pytest.mark.parametrize("query", ["from=-1", "from=x", f"from={2**53}", "limit=0", "limit=1001", "first=1", "to=3"])
async def test_what_is_no_page(api: Api, query: str) -> None:
    answer = await api.http.get(f"/v1/ledger/entries?{query}", headers=api.person("anya"))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:interlock:problem:malformed")


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize("who", ["dana", "ada", "ivan"])
async def test_for_auditors_alone(api: Api, who: str) -> None:
    answer = await api.http.get("/v1/ledger/entries", headers=api.person(who))
    assert (answer.status_code, "may audit" in answer.json()["detail"]) == (403, True)
