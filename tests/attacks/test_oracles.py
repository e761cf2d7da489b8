"""What callers learn, and do, of requests that are none of theirs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app.domain.digest import request_id
from tests.api.conftest import Api, Headers

BODIES: dict[str, dict[str, Any]] = {
    "cancel": {"reason": None},
    "grant": {},
    "outcome": {"status": "succeeded"},
    "settle": {"status": "succeeded", "reason": "x"},
    "decisions": {"decision": "deny", "reason": "x", "digest": "sha256:0"},
}


async def both(api: Api, what: str, who: Headers) -> list[tuple[int, dict[str, Any]]]:
    """How a call is answered for a foreign request, whose id follows from its key, and for one that is not there."""
    key = uuid.uuid4().hex
    assert (await api.ask(key=key)).status_code == 201
    found = []
    for id_ in (request_id("action", "bot", "bot", key), uuid.uuid4()):
        answer = await api.post({"id": str(id_)}, what, BODIES[what], who)
        found.append((answer.status_code, answer.json()))
    return found


@pytest.mark.parametrize("what", sorted(BODIES))
async def test_a_bot_does_not_learn_which_keys_another_bot_used(api: Api, what: str) -> None:
    foreign, absent = await both(api, what, api.client("other-bot"))
    assert foreign == absent


@pytest.mark.parametrize("what", ["cancel", "settle", "grant", "outcome"])
async def test_a_person_does_not_learn_what_they_may_not_see(api: Api, what: str) -> None:
    """Deciding is another matter: the contract answers 403 to any active person."""
    foreign, absent = await both(api, what, api.person("zoe"))
    assert foreign == absent


async def test_a_stranger_does_not_learn_what_there_is(api: Api) -> None:
    foreign, absent = await both(api, "decisions", api.person("nobody-at-all"))
    assert foreign == absent


async def test_a_bot_writes_nothing_on_the_request_of_another(api: Api) -> None:
    shown = (await api.ask()).json()
    before = await api.world.kinds(shown)
    await api.post(shown, "decisions", BODIES["decisions"], api.client("other-bot"))
    assert await api.world.kinds(shown) == before
    again = (await api.http.get(f"/v1/requests/{shown['id']}", headers=api.client())).json()
    assert again["refusals"] == 0
