"""Every way of saying no has its line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.api import problems
from app.domain import errors
from app.domain.errors import Closed, Forbidden, InterlockError, Malformed, RateLimited, Violation


def family(kind: type[InterlockError]) -> Iterator[type[InterlockError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from family(child)


def told(error: InterlockError) -> Any:
    return json.loads(bytes(problems.answer(error).body))


def made(kind: type[InterlockError]) -> InterlockError:
    if issubclass(kind, RateLimited):
        return kind("Slow down.", retry_after=60)
    return kind([]) if issubclass(kind, errors.GovernanceInvalid) else kind("A sentence.")


CONTRACT = {
    401: {"unauthenticated"},
    403: {"forbidden"},
    404: {"not-found"},
    409: {
        "conflict",
        "closed",
        "decision-stands",
        "digest-differs",
        "idempotency-key-reused",
        "not-open-to-this",
        "too-early",
        "settlement-differs",
        "not-reversible",
        "window-over",
        "rollback-exists",
    },
    408: {"too-slow"},
    413: {"too-large"},
    415: {"not-json"},
    422: {"malformed", "unknown-action", "off-schema", "idempotency-key-missing"},
    429: {"rate-limited"},
    500: {"internal"},
    503: {"unconfirmed", "unavailable", "not-sealed"},
}


def test_the_table_has_a_line_for_every_error() -> None:
    assert set(family(InterlockError)) == set(problems.PROBLEMS)


def test_the_table_says_what_the_contract_says() -> None:
    said: dict[int, set[str]] = {}
    for problem in problems.PROBLEMS.values():
        said.setdefault(problem.status, set()).add(problem.name)
    assert said == CONTRACT


@pytest.mark.parametrize("kind", sorted(family(InterlockError), key=str))
def test_every_error_is_a_problem(kind: type[InterlockError]) -> None:
    response = problems.answer(made(kind))
    body = told(made(kind))
    assert response.media_type == "application/problem+json"
    assert response.status_code == problems.PROBLEMS[kind].status == body["status"]
    assert body["type"] == problems.PROBLEMS[kind].type
    assert body["title"]
    assert body["detail"]


def test_an_error_made_later_is_told_as_its_parent() -> None:
    class Later(Closed):
        pass

    assert problems.problem_of(Later("x")) is problems.PROBLEMS[Closed]


def test_violations_are_named() -> None:
    body = told(Forbidden("You own it.", [Violation("bot-owner", "You own it.")]))
    assert body["type"] == "urn:interlock:problem:violations"
    assert body["violations"] == [{"invariant": "bot-owner", "sentence": "You own it."}]


def test_a_conflict_tells_how_the_request_stands_and_what_the_caller_said() -> None:
    response = problems.answer(Closed("Too late.", status="denied", standing="deny"))
    assert response.status_code == 409
    assert json.loads(bytes(response.body)) | {"status": "denied", "standing": "deny"} == json.loads(
        bytes(response.body)
    )
    assert told(Closed("Too late."))["standing"] is None


def test_headers() -> None:
    assert problems.answer(errors.Unauthenticated("x")).headers["www-authenticate"] == "Bearer"
    assert problems.answer(RateLimited("x", retry_after=60)).headers["retry-after"] == "60"
    assert int(problems.answer(errors.Unconfirmed("x")).headers["retry-after"]) > 0


def test_a_malformed_call_tells_where_but_not_at_any_length() -> None:
    body = told(Malformed("x" * 10**6, where="parameters.thing"))
    assert body["where"] == "parameters.thing"
    assert len(body["detail"]) < 2000


def test_what_is_the_houses_own_stays_there() -> None:
    assert "secret" not in bytes(problems.answer(errors.Misconfigured("the secret path")).body).decode()
