"""How bodies must be declared, and how long they may be."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from tests.api.conftest import Api, a_key

JSON = "application/json"


async def post(api: Api, content: bytes, content_type: str | None = JSON) -> httpx.Response:
    headers = api.client() | a_key() | ({} if content_type is None else {"Content-Type": content_type})
    return await api.http.post("/v1/requests", content=content, headers=headers)


def body() -> bytes:
    asked = {"action": "do.moderate", "parameters": {"thing": uuid.uuid4().hex}, "on_behalf_of": "customer:carl"}
    return json.dumps(asked).encode()


@pytest.mark.parametrize("content_type", [JSON, "Application/JSON", "application/json; charset=utf-8"])
async def test_json_by_its_names(api: Api, content_type: str) -> None:
    assert (await post(api, body(), content_type)).status_code == 201


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/problem+json", "application/json; charset=latin-1", "application/jsonx"],
)
async def test_anything_else(api: Api, content_type: str | None) -> None:
    response = await post(api, body(), content_type)
    assert (response.status_code, response.json()["type"]) == (415, "urn:interlock:problem:not-json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"\xef\xbb\xbf" + body(),
        b'{"action": "do.moderate", "action": "do.moderate", "parameters": {}}',
        b'{"action": "do.moderate", "parameters": {"thing": "\\u0000"}}',
        b'{"action": "do.moderate", "parameters": {"thing": "\\ud800"}}',
        b'{"action": "do.moderate", "parameters": {"amount": 9007199254740993}}',
        b'{"action": "do.moderate", "parameters": {"amount": 1e999}}',
        b'{"action": "do.moderate", "parameters": {"amount": NaN}}',
        b'{"action": "do.moderate", "parameters": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
        b'{"action": "do.moderate", "parameters": {}, "\\ud800": 1}',
        b"[" * 500_000,
    ],
)
async def test_what_is_not_strict_json(api: Api, content: bytes) -> None:
    response = await post(api, content)
    assert (response.status_code, response.json()["type"]) == (422, "urn:interlock:problem:malformed")


async def test_a_mebibyte_is_the_limit(api: Api) -> None:
    assert (await post(api, body().ljust(1024 * 1024))).status_code == 201
    response = await post(api, body().ljust(1024 * 1024 + 1))
    assert (response.status_code, response.json()["type"]) == (413, "urn:interlock:problem:too-large")


async def test_who_calls_is_asked_before_the_body_is_read(api: Api) -> None:
    response = await api.http.post("/v1/requests", content=b"x" * 2_000_000)
    assert response.status_code == 401
