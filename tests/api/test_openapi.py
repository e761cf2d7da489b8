"""The document is valid, complete, and true to what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.api import bodies, bodies_incidents, bodies_policy, problems
from app.api.app import create_app
from app.api.openapi import document
from tests.api.conftest import Api, a_key

METHODS = ("get", "post", "put", "delete", "patch")


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(create_app(None, None, ready=None))  # type: ignore[arg-type]  # nothing is called


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from walk(child)


BODIES = (*bodies.BODIES, *bodies_policy.BODIES, *bodies_incidents.BODIES)


def check(described: dict[str, Any], name: str, value: Any) -> None:
    """Raise unless a value is as a named schema says."""
    root = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    Draft202012Validator(root).validate(value)


def test_schemas_are_schemas(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for node in walk(described):
        if isinstance(node.get("$ref"), str):
            part = described
            for step in node["$ref"].removeprefix("#/").split("/"):
                part = part[step]


def test_every_operation_is_described(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(set(names)) == len(names)
    for _, path, operation in operations(described):
        assert operation["summary"]
        assert operation["description"]
        if path.startswith("/v1/"):
            assert operation["security"] == [{"bearer": []}]
            assert {"401", "503"} <= operation["responses"].keys()
        if "requestBody" in operation and path.startswith("/v1/"):
            assert {"413", "415", "422"} <= operation["responses"].keys()


def test_every_path_parameter_is_declared(described: dict[str, Any]) -> None:
    for _, path, operation in operations(described):
        declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert declared == ({"id"} if "{id}" in path else set())


def test_examples_are_what_their_schemas_say(described: dict[str, Any]) -> None:
    shown = 0
    for name, schema in described["components"]["schemas"].items():
        for example in schema.get("examples", []):
            check(described, name, example)
            shown += 1
    assert shown >= 12


def test_every_body_but_the_empty_one_has_an_example(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    without = [body for body in BODIES if "examples" not in schemas[f"{body.__name__}Body"]]
    assert without == [bodies.Nothing]


def test_problems_are_named_with_an_example_each(described: dict[str, Any]) -> None:
    names: set[str] = set()
    for _, path, operation in operations(described):
        for status, response in operation["responses"].items():
            told = response.get("content", {}).get("application/problem+json")
            if told is None:
                continue
            types = told["schema"]["allOf"][1]["properties"]["type"]["enum"]
            assert types == [problems.PREFIX + name for name in told["examples"]]
            assert {problems.NAMED[name].status for name in told["examples"]} == {int(status)}, path
            for name, example in told["examples"].items():
                check(described, "ProblemBody", example["value"])
                assert status != "409" or "standing" in example["value"]
                assert f"`{name}`" in response["description"]
            names |= told["examples"].keys()
    assert names == problems.NAMED.keys() - {"conflict", "method-not-allowed"}


def test_headers_are_declared(described: dict[str, Any]) -> None:
    needed = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
    for _, path, operation in operations(described):
        assert "traceparent" in {p["name"] for p in operation["parameters"] if p["in"] == "header"}
        for status, response in operation["responses"].items():
            assert status not in needed or needed[status] in response["headers"], (path, status)
        asking = operation["responses"]
        if "201" in asking:
            assert "Location" in asking["200"]["headers"].keys() & asking["201"]["headers"].keys()


def test_bodies_take_no_unknown_fields(described: dict[str, Any]) -> None:
    for name in ("AskContext", *(f"{body.__name__}Body" for body in BODIES)):
        assert described["components"]["schemas"][name]["additionalProperties"] is False


def test_the_idempotency_key_is_needed_to_ask(described: dict[str, Any]) -> None:
    keys = {
        path: parameter
        for _, path, operation in operations(described)
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "Idempotency-Key"
    }
    assert all(key["schema"]["pattern"] == r"^[\x21-\x7e]{1,255}$" for key in keys.values())
    assert {path: key["required"] for path, key in keys.items()} == {
        "/v1/requests": True,
        "/v1/requests/{id}/decisions": False,
        "/v1/requests/{id}/break-glass": False,
        "/v1/requests/{id}/rollbacks": True,
        "/v1/bots/{id}/resume": False,
        "/v1/installation/resume": False,
        "/v1/governance-requests": True,
        "/v1/delegations": True,
        "/v1/incidents": True,
        "/v1/incidents/{id}/rollbacks": True,
    }


async def test_it_is_public(api: Api, described: dict[str, Any]) -> None:
    response = await api.http.get("/openapi.json")
    assert response.json() == described
    assert (await api.http.get("/docs")).status_code == 200


async def test_answers_are_what_it_says(api: Api, described: dict[str, Any]) -> None:
    asked = await api.ask()
    shown = asked.json()
    check(described, "RequestView", shown)
    by_person = await api.http.get(f"/v1/requests/{shown['id']}", headers=api.person("dana"))
    check(described, "RequestView", by_person.json())
    page = await api.http.get("/v1/requests", headers=api.person("anya"))
    check(described, "Page", page.json())
    allowed = (await api.ask("look.up")).json()
    check(described, "RequestView", allowed)
    check(described, "Grant", allowed["grant"])
    dana = api.person("dana")
    check(described, "Catalogue", (await api.http.get("/v1/catalogue", headers=dana)).json())
    check(described, "PolicySource", (await api.http.get("/v1/policy", headers=dana)).json())
    stranger = await api.http.post("/v1/requests", json={}, headers=api.client() | a_key())
    check(described, "ProblemBody", stranger.json())
    cancelled = await api.post(shown, "cancel", {}, api.client())
    check(described, "RequestView", cancelled.json())
    late = await api.post(shown, "decisions", {"decision": "approve", "digest": shown["digest"]}, dana)
    assert late.status_code == 409
    check(described, "ProblemBody", late.json())
    for path, name in (("/healthz", "Health"), ("/readyz", "Health"), ("/.well-known/jwks.json", "Jwks")):
        check(described, name, (await api.http.get(path)).json())
