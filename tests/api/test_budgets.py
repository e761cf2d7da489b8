"""Budgets at the door: what a bot is told, and what people see in the catalogue."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.api.conftest import Api, a_key
from tests.api.test_openapi import check
from tests.steps.budgeted import with_budgets
from tests.steps.conftest import rules

__all__ = ["rules"]

ASKS = 'name: asks, action: "look.*", count: requests, at_most: 1, over: 90m'
WAITING = 'name: waiting, action: "*", count: holds, at_most: 1'


@pytest.mark.aisvs("9.1.1")
async def test_over_budget_is_a_request_that_was_denied(api: Api, rules: Path) -> None:
    """201, kept with its reason; sent again, it is the same, and takes nothing."""
    bot = await with_budgets(api.world, rules, ASKS, WAITING)
    for action, budget in (("look.up", "asks allows 1 request over 90m"), ("do.moderate", "waiting allows 1 held")):
        body = {"action": action, "parameters": {"thing": uuid.uuid4().hex}, "on_behalf_of": "customer:carl"}
        first, over = ({**body, "parameters": {"thing": uuid.uuid4().hex}} for _ in range(2))
        assert (await api.http.post("/v1/requests", json=first, headers=api.client(bot) | a_key())).status_code == 201
        key = a_key()
        answers = [await api.http.post("/v1/requests", json=over, headers=api.client(bot) | key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 200]
        shown = answers[1].json()
        check(api.described, "RequestView", shown)
        assert (shown["status"], shown["verdict"]["code"]) == ("denied", "over-budget")
        assert answers[0].json()["grant"] is None
        assert shown["verdict"]["reason"].startswith(f"The budget {budget}")


async def test_the_catalogue_shows_them_to_people(api: Api, rules: Path) -> None:
    bot = await with_budgets(api.world, rules, ASKS, WAITING)
    catalogue = (await api.http.get("/v1/catalogue", headers=api.person("zoe"))).json()
    check(api.described, "Catalogue", catalogue)
    mine = [budget for budget in catalogue["budgets"] if budget.pop("bot") == bot]
    span = 90 * 60 * 1000
    assert mine == [
        {"name": "asks", "action": "look.*", "counts": "requests", "parameter": None, "at_most": 1, "over_ms": span},
        {"name": "waiting", "action": "*", "counts": "holds", "parameter": None, "at_most": 1, "over_ms": None},
    ]
