"""Around every call: headers, trace, metrics, and what nobody expected."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api.app import create_app
from app.telemetry import JsonLines
from tests.api.conftest import Api

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Broken:
    """Stands where an authenticator should, and fails as nobody foresaw."""

    async def caller(self, bearer: str | None, _now: object) -> Any:
        raise LookupError(bearer)


@pytest.fixture
async def broken() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(None, Broken(), ready=None)  # type: ignore[arg-type]  # nothing else is called
    async with client(app) as http:
        yield http


def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://interlock.test")


@pytest.mark.parametrize("path", ["/healthz", "/v1/policy", "/nothing", "/oauth/token"])
async def test_security_headers(api: Api, path: str) -> None:
    headers = (await api.http.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/.well-known/jwks.json", "/openapi.json"])
async def test_what_may_be_kept(api: Api, path: str) -> None:
    assert (await api.http.get(path)).headers["cache-control"] == "public, max-age=300"


async def test_jwks_shows_no_private_part(api: Api) -> None:
    keys = (await api.http.get("/.well-known/jwks.json")).json()["keys"]
    assert keys
    assert all(set(key) == {"kty", "crv", "x", "kid", "use", "alg"} for key in keys)


async def test_no_route_and_no_such_method(api: Api) -> None:
    missing = await api.http.get("/v2/requests")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:interlock:problem:not-found")
    wrong = await api.http.delete("/v1/requests")
    assert (wrong.status_code, wrong.json()["type"]) == (405, "urn:interlock:problem:method-not-allowed")
    assert wrong.headers["allow"] == "GET, POST"
    for response in (missing, wrong):
        assert response.headers["content-type"] == "application/problem+json"
    assert (await api.http.get("/v1/requests/")).status_code == 404


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/requests/9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11", "GET"),
        ("/v1/requests/x/cancel", "POST"),
        ("/oauth/token", "POST"),
        ("/openapi.json", "GET, HEAD"),
    ],
)
async def test_allow_names_every_method_of_the_path(api: Api, path: str, allow: str) -> None:
    wrong = await api.http.delete(path)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, allow)


async def test_a_traceparent_comes_back(api: Api) -> None:
    assert (await api.http.get("/healthz", headers={"traceparent": TRACEPARENT})).headers["traceparent"] == TRACEPARENT
    for text in ("", "x", TRACEPARENT.replace("00-", "ff-"), TRACEPARENT + "-x"):
        assert "traceparent" not in (await api.http.get("/healthz", headers={"traceparent": text})).headers


async def test_what_nobody_expected_is_told_without_details(
    broken: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        response = await broken.get("/v1/policy?secret=query", headers={"Authorization": "Bearer top-secret"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.json()["type"] == "urn:interlock:problem:internal"
    assert "secret" not in response.text
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]
    ours = [record for record in caplog.records if record.name.startswith("app.")]
    assert ours
    assert all("secret" not in JsonLines().format(record) for record in ours)


async def test_calls_are_counted_by_route_and_status(api: Api, broken: httpx.AsyncClient) -> None:
    await api.http.get("/v1/requests/9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11")
    await api.http.get("/made/up/path")
    await broken.get("/v1/policy")
    metrics = (await api.http.get("/metrics")).text
    assert 'interlock_http_requests_total{method="GET",route="/v1/requests/{id}",status="401"}' in metrics
    assert 'interlock_http_requests_total{method="GET",route="unmatched",status="404"}' in metrics
    assert 'interlock_http_requests_total{method="GET",route="/v1/policy",status="500"}' in metrics
    assert 'interlock_http_request_seconds_count{method="GET",route="/v1/requests/{id}"}' in metrics
    assert "9f4c1c52" not in metrics
    assert "/made/up" not in metrics
