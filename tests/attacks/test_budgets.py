"""Budgets under attack by the bot that has them: whatever it tries, the next is refused by the budget's name."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.identity.tokens import issue_access_token
from tests.api.conftest import BASE, Api, a_key, bearer
from tests.steps.budgeted import with_budgets
from tests.steps.words import sql

ASKS = 'name: asks, action: "look.*", count: requests, at_most: 2, over: 1h'
WAITING = 'name: waiting, action: "do.*", count: holds, at_most: 2'
SPENT = 'name: spent, action: "look.*", sum: parameters.amount, at_most: 100, over: 24h'


async def ask(api: Api, bot: str, action: str = "look.up", who: dict[str, str] | None = None, **more: Any) -> Any:
    """What the bot is told, whatever it says."""
    fields: dict[str, Any] = {
        name: more.pop(name) for name in ("supersedes", "parent", "on_behalf_of", "context") if name in more
    }
    parameters: dict[str, Any] = {"thing": uuid.uuid4().hex, **more}
    body: dict[str, Any] = {"action": action, "parameters": parameters, "on_behalf_of": "customer:carl", **fields}
    answer: httpx.Response = await api.http.post(
        "/v1/requests", json=body, headers={**(who or api.client(bot)), **a_key()}
    )
    return answer.json()


def refused(shown: Any, budget: str) -> bool:
    """Denied, by the name of this budget."""
    said = shown["verdict"]
    return (shown["status"], said["code"]) == ("denied", "over-budget") and f"The budget {budget} " in said["reason"]


async def full(api: Api, rules: Path) -> str:
    """A bot that has asked as often as it may."""
    bot = await with_budgets(api.world, rules, ASKS)
    assert [(await ask(api, bot))["status"] for _ in range(2)] == ["executing"] * 2
    return bot


async def test_cancelling_and_asking_again(api: Api, rules: Path) -> None:
    bot = await with_budgets(api.world, rules, ASKS.replace("look", "do"))
    for _ in range(2):
        held = await ask(api, bot, "do.moderate")
        assert (await api.post(held, "cancel", {}, api.client(bot))).json()["status"] == "cancelled"
    assert refused(await ask(api, bot, "do.moderate"), "asks")


async def test_superseding(api: Api, rules: Path) -> None:
    """Neither a chain of them, nor two that supersede the same at once."""
    bot = await with_budgets(api.world, rules, ASKS.replace("look", "do").replace("2", "4"), WAITING)
    old, _ = [await ask(api, bot, "do.moderate") for _ in range(2)]
    twice = await asyncio.gather(*(ask(api, bot, "do.moderate", supersedes=old["id"]) for _ in range(2)))
    assert sorted(refused(shown, "waiting") for shown in twice) == [False, True]
    (new,) = (shown for shown in twice if shown["status"] == "held")
    newer = await ask(api, bot, "do.moderate", supersedes=new["id"])
    assert newer["status"] == "held"
    assert refused(await ask(api, bot, "do.moderate", supersedes=newer["id"]), "asks")


async def test_superseding_what_counts_in_a_sum_does_not_count_twice_nor_free_twice(api: Api, rules: Path) -> None:
    bot = await with_budgets(api.world, rules, SPENT.replace("look", "do"))
    old = await ask(api, bot, "do.high", amount=100)
    new = await ask(api, bot, "do.high", amount=100, supersedes=old["id"])
    assert new["status"] == "held"
    assert refused(await ask(api, bot, "do.high", amount=100, supersedes=old["id"]), "spent")
    assert refused(await ask(api, bot, "do.high", amount=1), "spent")


@pytest.mark.parametrize(
    "spelled", ["Look.up", "look.up ", "look.UP", "LOOK.up", "look.up\u200b", "look\uff0eup", "look.*"]
)
async def test_spelling_the_action_differently(api: Api, rules: Path, spelled: str) -> None:
    """There is one spelling: any other names no action, and nothing is stored."""
    bot = await full(api, rules)
    told = await ask(api, bot, spelled)
    assert told["type"].endswith(("unknown-action", "malformed")), told
    assert refused(await ask(api, bot), "asks")


async def test_another_action_that_it_covers(api: Api, rules: Path) -> None:
    bot = await full(api, rules)
    assert refused(await ask(api, bot, "look.briefly"), "asks")


async def test_another_credential(api: Api, rules: Path) -> None:
    bot = await full(api, rules)
    await sql(
        api.world,
        "insert into client_credential select :bot || '-again-client', holder_kind, holder_id, secret_hash, made_by, "
        "created_at from client_credential where client_id = :bot || '-client'",
        bot=bot,
    )
    ring, client = api.world.rings.tokens, f"{bot}-again-client"
    token = issue_access_token(ring, issuer=BASE, client_id=client, subject=f"bot:{bot}", now=datetime.now(UTC))
    shown = await ask(api, bot, who=bearer(token))
    assert refused(shown, "asks")
    assert (await api.world.row(shown)).client_id == client


@pytest.mark.parametrize("behalf", ["customer:wren", "customer:CARL", None])
async def test_asking_on_behalf_of_somebody_else(api: Api, rules: Path, behalf: str | None) -> None:
    bot = await full(api, rules)
    assert refused(await ask(api, bot, on_behalf_of=behalf), "asks")


@pytest.mark.aisvs("9.1.2")
async def test_asking_as_part_of_a_chain(api: Api, rules: Path) -> None:
    """Each of its links takes of the budget, whatever the first one was."""
    bot = await with_budgets(api.world, rules, ASKS, SPENT)
    parent = await ask(api, bot, amount=50)
    child = await ask(api, bot, amount=50, parent=parent["id"])
    assert child["status"] == "executing"
    assert refused(await ask(api, bot, amount=0, parent=child["id"]), "asks")


async def test_an_amount_below_nothing(api: Api, rules: Path) -> None:
    """It makes no room: not as an ask of its own, and not in a sum."""
    bot = await with_budgets(api.world, rules, SPENT)
    for amount in (-1000, 100, -(2**53) + 1):
        assert (await ask(api, bot, amount=amount))["status"] == "executing"
    assert refused(await ask(api, bot, amount=1), "spent")


@pytest.mark.parametrize("amount", [1.0, 2**53 - 1])
async def test_a_number_that_is_written_otherwise(api: Api, rules: Path, amount: float) -> None:
    bot = await with_budgets(api.world, rules, SPENT)
    assert (await ask(api, bot, amount=100.0))["status"] == "executing"
    assert refused(await ask(api, bot, amount=amount), "spent")


async def test_no_amount(api: Api, rules: Path) -> None:
    """And what was refused for want of one does not stand in the way of others."""
    bot = await with_budgets(api.world, rules, SPENT)
    assert refused(await ask(api, bot), "spent")
    assert (await ask(api, bot, amount=100))["status"] == "executing"


async def test_hammering_frees_nothing_and_takes_nothing(api: Api, rules: Path) -> None:
    """What is refused does not count: the moment at which there is room again stays the same."""
    bot = await full(api, rules)
    told = {(await ask(api, bot))["verdict"]["reason"] for _ in range(5)}
    assert len(told) == 1
    assert "it frees up at " in told.pop()


async def test_the_same_key_again_takes_nothing(api: Api, rules: Path) -> None:
    bot = await with_budgets(api.world, rules, ASKS)
    body, key = {"action": "look.up", "parameters": {"thing": "same"}}, a_key()
    for _ in range(4):
        again = await api.http.post("/v1/requests", json=body, headers=api.client(bot) | key)
        assert again.json()["verdict"]["outcome"] == "allow"
    assert (await ask(api, bot))["status"] == "executing"
    assert refused(await ask(api, bot), "asks")


async def test_a_name_that_begins_like_another_bots(api: Api, rules: Path) -> None:
    """Neither bot is spared, nor pays for the other."""
    one = await full(api, rules)
    other = await with_budgets(api.world, rules, ASKS, name=f"{one}-2")
    assert (await ask(api, other))["status"] == "executing"
    assert refused(await ask(api, one), "asks")
