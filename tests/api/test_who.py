"""Every route, and who may call it: one table, checked against the application."""

from __future__ import annotations

import pytest
from fastapi.routing import iter_route_contexts

from app.api.app import create_app
from tests.api.conftest import Api, a_key

ID = "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11"
PUBLIC = {
    ("POST", "/oauth/token"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
}
BODIES: dict[tuple[str, str], dict[str, object] | None] = {
    ("POST", "/v1/requests"): {"action": "do.moderate", "parameters": {"thing": "x"}, "on_behalf_of": "customer:carl"},
    ("GET", "/v1/requests/{id}"): None,
    ("GET", "/v1/requests"): None,
    ("POST", "/v1/requests/{id}/decisions"): {"decision": "approve", "digest": "sha256:0"},
    ("POST", "/v1/requests/{id}/cancel"): {},
    ("POST", "/v1/requests/{id}/grant"): {},
    ("POST", "/v1/requests/{id}/outcome"): {"status": "succeeded"},
    ("POST", "/v1/requests/{id}/settle"): {"status": "succeeded", "reason": "seen"},
    ("POST", "/v1/requests/{id}/rollbacks"): {"reason": "wrong"},
    ("POST", "/v1/requests/{id}/break-glass"): {"reason": "urgent", "digest": "sha256:0"},
    ("GET", "/v1/reviews"): None,
    ("POST", "/v1/reviews/{id}/attest"): {"finding": "justified", "reason": "seen"},
    ("POST", "/v1/bots/{id}/suspend"): {"reason": "wrong"},
    ("POST", "/v1/bots/{id}/resume"): {"reason": "mended"},
    ("POST", "/v1/installation/suspend"): {"reason": "wrong"},
    ("POST", "/v1/installation/resume"): {"reason": "mended"},
    ("POST", "/v1/governance-requests"): {
        "action": "interlock.bots.resume",
        "parameters": {"bot": "bot"},
        "reason": "mended",
    },
    ("POST", "/v1/identity-links"): {"code": "ABCD-EFGH"},
    ("POST", "/v1/grants/fetch"): {"handle": "made-up"},
    ("POST", "/v1/delegations"): {"to": "dana", "until": "2026-01-19T08:00:00Z", "reason": "away"},
    ("GET", "/v1/delegations"): None,
    ("GET", "/v1/delegations/{id}"): None,
    ("DELETE", "/v1/delegations/{id}"): None,
    ("POST", "/v1/grants/redeem"): {"grant": "x.y.z", "parameters_digest": "sha256:0", "redemption_id": "r"},
    ("GET", "/v1/standing-permissions"): None,
    ("GET", "/v1/oversight"): None,
    ("POST", "/v1/standing-permissions/{id}/revoke"): {"reason": "wrong"},
    ("GET", "/v1/people/{id}/seats"): None,
    ("GET", "/v1/bots/{id}/use-case"): None,
    ("POST", "/v1/incidents"): {
        "title": "wrong",
        "bots": ["bot"],
        "actions": [],
        "from": "2026-01-05T09:00:00Z",
        "to": "2026-01-05T10:00:00Z",
    },
    ("GET", "/v1/incidents"): None,
    ("GET", "/v1/incidents/{id}"): None,
    ("POST", "/v1/incidents/{id}/rollbacks"): {"requests": "all", "reason": "wrong"},
    ("POST", "/v1/incidents/{id}/pause"): {},
    ("POST", "/v1/incidents/{id}/resume"): {},
    ("POST", "/v1/incidents/{id}/close"): {"summary": "mended"},
    ("GET", "/v1/incidents/{id}/report"): None,
    ("GET", "/v1/incidents/{id}/evidence"): None,
    ("GET", "/v1/requests/{id}/evidence"): None,
    ("GET", "/v1/ledger/evidence"): None,
    ("GET", "/v1/ledger/checkpoint"): None,
    ("GET", "/v1/ledger/proofs/inclusion"): None,
    ("GET", "/v1/ledger/proofs/consistency"): None,
    ("GET", "/v1/ledger/entries"): None,
    ("GET", "/v1/catalogue"): None,
    ("GET", "/v1/policy"): None,
    ("GET", "/v1/policy/history"): None,
    ("GET", "/v1/policy/versions/{id}"): None,
    ("POST", "/v1/policy/diff"): {"files": {"a.yaml": "plans: {}"}},
    ("POST", "/v1/policy/simulate"): {"files": {"a.yaml": "plans: {}"}},
}
CALLERS = ("bot", "target", "person", "unlinked")
ANSWERS: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("POST", "/v1/requests"): (201, 403, 403, 403),
    ("GET", "/v1/requests/{id}"): (404, 404, 404, 404),
    ("GET", "/v1/requests"): (200, 200, 200, 200),
    ("POST", "/v1/requests/{id}/decisions"): (404, 404, 404, 403),
    ("POST", "/v1/requests/{id}/cancel"): (404, 404, 404, 404),
    ("POST", "/v1/requests/{id}/grant"): (404, 404, 404, 404),
    ("POST", "/v1/requests/{id}/outcome"): (404, 404, 404, 404),
    ("POST", "/v1/requests/{id}/settle"): (403, 403, 404, 403),
    ("POST", "/v1/requests/{id}/rollbacks"): (403, 403, 404, 403),
    ("POST", "/v1/requests/{id}/break-glass"): (403, 403, 404, 403),
    ("GET", "/v1/reviews"): (403, 403, 200, 403),
    ("POST", "/v1/reviews/{id}/attest"): (403, 403, 404, 403),
    ("POST", "/v1/bots/{id}/suspend"): (403, 403, 403, 403),
    ("POST", "/v1/bots/{id}/resume"): (403, 403, 409, 403),
    ("POST", "/v1/installation/suspend"): (403, 403, 403, 403),
    ("POST", "/v1/installation/resume"): (403, 403, 409, 403),
    ("POST", "/v1/governance-requests"): (403, 403, 409, 403),
    ("POST", "/v1/identity-links"): (403, 403, 422, 403),
    ("POST", "/v1/grants/fetch"): (403, 404, 403, 403),
    ("POST", "/v1/delegations"): (403, 403, 422, 403),
    ("GET", "/v1/delegations"): (403, 403, 200, 403),
    ("GET", "/v1/delegations/{id}"): (403, 403, 404, 403),
    ("DELETE", "/v1/delegations/{id}"): (403, 403, 404, 403),
    ("POST", "/v1/grants/redeem"): (403, 403, 403, 403),
    ("GET", "/v1/standing-permissions"): (403, 403, 200, 403),
    ("GET", "/v1/oversight"): (403, 403, 403, 403),
    ("POST", "/v1/standing-permissions/{id}/revoke"): (403, 403, 404, 403),
    ("GET", "/v1/people/{id}/seats"): (403, 403, 403, 403),
    ("GET", "/v1/bots/{id}/use-case"): (403, 403, 404, 403),
    ("POST", "/v1/incidents"): (403, 403, 403, 403),
    ("GET", "/v1/incidents"): (403, 403, 200, 403),
    ("GET", "/v1/incidents/{id}"): (403, 403, 404, 403),
    ("POST", "/v1/incidents/{id}/rollbacks"): (403, 403, 404, 403),
    ("POST", "/v1/incidents/{id}/pause"): (403, 403, 404, 403),
    ("POST", "/v1/incidents/{id}/resume"): (403, 403, 404, 403),
    ("POST", "/v1/incidents/{id}/close"): (403, 403, 404, 403),
    ("GET", "/v1/incidents/{id}/report"): (403, 403, 404, 403),
    ("GET", "/v1/incidents/{id}/evidence"): (403, 403, 404, 403),
    ("GET", "/v1/requests/{id}/evidence"): (403, 403, 404, 403),
    ("GET", "/v1/ledger/evidence"): (403, 403, 403, 403),
    ("GET", "/v1/ledger/checkpoint"): (403, 403, 403, 403),
    ("GET", "/v1/ledger/proofs/inclusion"): (403, 403, 403, 403),
    ("GET", "/v1/ledger/proofs/consistency"): (403, 403, 403, 403),
    ("GET", "/v1/ledger/entries"): (403, 403, 403, 403),
    ("GET", "/v1/catalogue"): (403, 403, 200, 403),
    ("GET", "/v1/policy"): (403, 403, 200, 403),
    ("GET", "/v1/policy/history"): (403, 403, 200, 403),
    ("GET", "/v1/policy/versions/{id}"): (403, 403, 404, 403),
    ("POST", "/v1/policy/diff"): (403, 403, 403, 403),
    ("POST", "/v1/policy/simulate"): (403, 403, 403, 403),
}
"""The status for each of CALLERS, of a request that does not exist, or a bot that is at work."""


def at(path: str) -> str:
    """The path, of that request, that bot, somebody, or a version that there is not."""
    if path.startswith("/v1/policy/versions/"):
        return path.replace("{id}", f"sha256:{'0' * 64}")
    if path == "/v1/ledger/evidence":
        return f"{path}?from=2026-01-05T09:00:00Z&to=2026-01-05T10:00:00Z"
    if path.startswith("/v1/ledger/proofs/"):
        return f"{path}?leaf=0" if path.endswith("inclusion") else f"{path}?from=1"
    if path.startswith("/v1/people/"):
        return path.replace("{id}", "zoe")
    return path.replace("{id}", "bot" if path.startswith("/v1/bots/") else ID)


def test_the_table_has_every_route() -> None:
    app = create_app(None, None, ready=None)  # type: ignore[arg-type]  # nothing is called
    routes = {(method, found.path) for found in iter_route_contexts(app.routes) for method in found.methods or ()}
    assert routes == PUBLIC | BODIES.keys() | {("GET", "/openapi.json"), ("HEAD", "/openapi.json")}
    assert ANSWERS.keys() == BODIES.keys()


@pytest.mark.parametrize(("method", "path"), sorted(PUBLIC))
async def test_anyone_may_call(api: Api, method: str, path: str) -> None:
    response = await api.http.request(method, path)
    assert response.status_code in ({400} if path == "/oauth/token" else {200})


@pytest.mark.parametrize(("method", "path"), sorted(BODIES))
async def test_nobody_else_without_a_token(api: Api, method: str, path: str) -> None:
    url, body = at(path), BODIES[method, path]
    for token in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
        response = await api.http.request(method, url, json=body, headers={**a_key(), **token})
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["type"] == "urn:interlock:problem:unauthenticated"


@pytest.mark.parametrize(("method", "path"), sorted(BODIES))
async def test_who_may_call(api: Api, method: str, path: str) -> None:
    tokens = (api.client(), api.client("bot", "target"), api.person("dana"), api.person("nobody-we-know"))
    url, body = at(path), BODIES[method, path]
    answers = [
        (await api.http.request(method, url, json=body, headers={**a_key(), **token})).status_code for token in tokens
    ]
    assert tuple(answers) == ANSWERS[method, path]
