"""Other rules over HTTP: asked for, approved, in force; and what is said of those that cannot be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.use_cases.governance import install
from tests.api.conftest import Api, a_key
from tests.api.test_openapi import check
from tests.api.test_requests import problem
from tests.drafts import draft
from tests.world import RULES

OTHER = ("title: Another bot", "title: Quite another bot")


@pytest.fixture(autouse=True)
async def _usual_rules(api: Api) -> AsyncIterator[None]:
    yield
    await install(api.world.ctx, RULES, replace=True, by="ada")


async def publish(api: Api, files: dict[str, str], who: str = "ada", **more: Any) -> httpx.Response:
    parameters = {"files": files, **more}
    body = {"action": "interlock.policy.publish", "parameters": parameters, "reason": "Two people from now on"}
    headers = api.person(who) | a_key()
    return await api.http.post("/v1/governance-requests", json=body, headers=headers)


async def test_in_force_after_another_administrator_has_approved(api: Api) -> None:
    before = (await api.http.get("/v1/policy", headers=api.person("anya"))).json()["version"]
    asked = await publish(api, draft(OTHER), base=before)
    assert asked.status_code == 201
    shown = asked.json()
    check(api.described, "RequestView", shown)
    assert (shown["status"], shown["plan"]["stages"][0]["group"]) == ("held", "interlock:administrators")
    [change] = shown["changes"]
    assert (change["section"], change["name"], change["change"]) == ("bots", "other-bot", "changed")
    assert any("Quite another bot" in sentence for sentence in change["sentences"])
    problem(await api.approve(shown, "ada"), 403, "violations")
    assert (await api.approve(shown, "ben")).status_code == 200
    ended = await api.world.until(shown, "succeeded")
    assert ended["status"] == "succeeded"
    after = (await api.http.get("/v1/policy", headers=api.person("anya"))).json()
    assert after["version"] == ended["execution"]["result"]["policy_version"] != before
    assert [bot["title"] for bot in after["document"]["bots"]] == ["A bot", "Quite another bot"]
    listed = (await api.http.get("/v1/requests?kind=governance", headers=api.person("ben"))).json()["items"]
    assert shown["id"] in [one["id"] for one in listed]


async def test_what_is_refused(api: Api) -> None:
    problem(await publish(api, draft(OTHER), who="dana"), 403, "forbidden")
    problem(await publish(api, draft()), 409, "not-open-to-this")
    problem(await publish(api, draft(OTHER), base=f"sha256:{'0' * 64}"), 409, "not-open-to-this")
    wrong = await publish(api, draft(("members: [ada, ben]", "members: [ada]")))
    problem(wrong, 422, "off-schema")
    assert "at least two distinct persons" in wrong.json()["detail"]
    problem(await publish(api, {"a.yaml": "x" * 300_000}), 422, "malformed")


async def test_what_nobody_could_take_back_is_not_asked_for(api: Api) -> None:
    rule = "rules:\n  - {name: closed, when: 'action.name.startsWith(\"interlock.\")', deny: All stays as it is}\n"
    refused = await publish(api, {**draft(), "more.yaml": rule})
    problem(refused, 422, "off-schema")
    assert "more.yaml: rules[closed]: denies interlock.policy.publish always" in refused.json()["detail"]
    night = 'when: \'action.name.startsWith("interlock.") && now.getHours("Europe/Vienna") < 6\''
    allowed = await publish(api, {**draft(), "more.yaml": f"rules:\n  - {{name: night, {night}, deny: At night}}\n"})
    assert allowed.status_code == 201
