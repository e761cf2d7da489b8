"""Webhooks of bots: exactly the bot's view, signed, when a request is over or waits for the bot; again until taken."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.devstack import TemporalServer
from app.domain.webhooks import key_of
from app.execution.http import new_client
from app.keys import KeyRings
from app.steps.context import Context
from app.steps.scene import WEBHOOK
from app.use_cases import act, read
from app.use_cases.governance import install
from app.use_cases.upkeep import record_stops
from app.use_cases.views import View
from app.use_cases.webhooks import Webhooks
from tests.api.conftest import GO_ON
from tests.execution.raw_server import http
from tests.fakes.desk import Desk
from tests.fakes.receiver import HANG, OTHER_SECRET, SECRET, Receiver, receiver
from tests.steps.words import sql
from tests.workflows.test_execution import age
from tests.world import RULES, World, build_context, connect, running

PEOPLE = ("decisions", "may_decide", "settlements", "original", "ended_reason", "away", "break_glass")
SECRETS = {"bot": SECRET, "other-bot": OTHER_SECRET}


def _keys(bot: str) -> Sequence[bytes]:
    return [key_of(SECRETS[bot])] if bot in SECRETS else []


@pytest.fixture(scope="module")
async def hooks() -> AsyncIterator[dict[str, Receiver]]:
    async with receiver(SECRET) as one, receiver(OTHER_SECRET) as other:
        yield {"bot": one, "other-bot": other}


@pytest.fixture(scope="module")
async def ctx(
    database_url: str,
    rings: KeyRings,
    a_desk: Desk,
    hooks: dict[str, Receiver],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Context]:
    """Both bots have a webhook."""
    made = await build_context(database_url, rings, a_desk.url)
    folder = tmp_path_factory.mktemp("rules") / "rules"
    shutil.copytree(RULES, folder)
    rules = folder / "desk.yaml"
    for bot, hook in hooks.items():
        words = f"  - id: {bot}\n"
        rules.write_text(
            rules.read_text().replace(words, f'{words}    webhook: {{url: "{hook.url}", private: true}}\n')
        )
    await install(made, folder, replace=True, by="ada")
    yield made
    await made.database.close()


@pytest.fixture(scope="module")
async def world(ctx: Context, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[World]:
    """Everything at work, the sink with it."""
    async with (
        new_client() as client,
        Webhooks(ctx, client, _keys) as webhooks,
        running(ctx, await connect(temporal.address, rings), rings, a_desk, {WEBHOOK: webhooks}) as made,
    ):
        yield made


@pytest.fixture(autouse=True)
def _afresh(hooks: dict[str, Receiver]) -> None:
    for hook in hooks.values():
        hook.always = None
        hook.script.clear()


def of(hook: Receiver, shown: View, status: str | None = None) -> list[dict[str, Any]]:
    """What has come of a request, in order."""
    return [e for e in hook.taken if e["subject"] == shown["id"] and status in (None, e["data"]["status"])]


async def told(world: World, hook: Receiver, shown: View, status: str, bot: str = "bot") -> dict[str, Any]:
    """The one event of this status, which says exactly what the bot would read."""
    await hook.until(lambda: bool(of(hook, shown, status)))
    event = of(hook, shown, status)[-1]
    seen = await read.read(world.services, world.bot(bot), uuid.UUID(shown["id"]))
    assert event == {
        "specversion": "1.0",
        "id": f"{shown['id']}/{seen['version']}",
        "source": "http://interlock.test",
        "type": f"dev.interlock.request.{status}.v1",
        "subject": shown["id"],
        "time": seen["updated_at"],
        "datacontenttype": "application/json",
        "data": seen,
    }
    assert not event["data"].keys() & set(PEOPLE)
    assert "dana" not in str(event)
    return event


async def test_after_success(world: World, hooks: dict[str, Receiver]) -> None:
    """And not before: what is held or runs is nothing to be told."""
    shown = await world.ask("do.high")
    await world.say("dana", shown)
    await told(world, hooks["bot"], shown, "succeeded")
    assert [event["data"]["status"] for event in of(hooks["bot"], shown)] == ["succeeded"]


async def test_after_a_denial(world: World, hooks: dict[str, Receiver]) -> None:
    shown = await world.ask("do.high")
    await world.say("dana", shown, "deny", reason="no, says dana")
    await told(world, hooks["bot"], shown, "denied")


async def test_when_it_is_the_bots_turn(world: World, hooks: dict[str, Receiver]) -> None:
    shown = await world.ask("do.itself")
    await world.say("dana", shown)
    await told(world, hooks["bot"], shown, "approved")


async def test_when_nobody_knows_and_when_it_is_settled(world: World, hooks: dict[str, Receiver]) -> None:
    thing = uuid.uuid4().hex
    world.desk.script(thing, 500)
    shown = await world.ask("do.once", thing=thing)
    await world.say("dana", shown)
    await world.until(shown, "unknown")
    await told(world, hooks["bot"], shown, "unknown")
    await age(world, shown, timedelta(seconds=60))
    who = world.person("ivan")
    await act.settle(world.services, who, uuid.UUID(shown["id"]), status="succeeded", reason="looked")
    await told(world, hooks["bot"], shown, "succeeded")


async def test_when_a_stop_has_revoked_it(world: World, hooks: dict[str, Receiver]) -> None:
    shown = await world.ask("do.high")
    await world.suspend(bot="bot")
    try:
        await record_stops(world.services)
        await told(world, hooks["bot"], shown, "revoked")
    finally:
        for statement in GO_ON:
            await sql(world, statement)


async def _again(world: World, shown: View) -> None:
    now = "update outbox set due_at = now() where sink = 'webhook' and request_id = :id"
    await sql(world, now, id=uuid.UUID(shown["id"]))


async def test_again_until_it_is_taken_with_the_same_id(
    world: World, hooks: dict[str, Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    hook = hooks["bot"]
    before = len(hook.heard)
    hook.script.extend([http(500), http(302, headers=f"Location: {hooks['other-bot'].url}\r\n")])
    shown = await world.ask("do.high")
    await world.say("dana", shown, "deny")
    for count in (1, 2):
        await hook.until(lambda count=count: len(hook.heard) >= before + count)  # type: ignore[misc]
        assert of(hook, shown) == []
        await _in_vain(caplog, count)
        await _again(world, shown)
    await told(world, hook, shown, "denied")
    assert len({message for message, event in hook.heard if event["subject"] == shown["id"]}) == 1
    assert SECRET.removeprefix("whsec_") not in caplog.text


async def _in_vain(caplog: pytest.LogCaptureFixture, count: int) -> None:
    """The try is over, and said to be in vain."""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(60), reraise=True):
        with attempt:
            assert caplog.text.count("is not taken") >= count


async def test_after_a_day_it_is_given_up(
    world: World, hooks: dict[str, Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    hooks["bot"].always = http(503)
    shown = await world.ask("do.high")
    await world.say("dana", shown, "deny")
    await _in_vain(caplog, 1)
    past = "update request set updated_at = now() - interval '25 hours' where id = :id"
    await sql(world, past, id=uuid.UUID(shown["id"]))
    await _again(world, shown)
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(60), reraise=True):
        with attempt:
            marks = "select version - told_version from outbox where sink = 'webhook' and request_id = :id"
            assert (await sql(world, marks, id=uuid.UUID(shown["id"])))[0][0] == 0
    assert [r.levelno for r in caplog.records if "given up" in r.getMessage()] == [logging.ERROR]


async def test_a_webhook_that_hangs_keeps_no_other_bot_waiting(world: World, hooks: dict[str, Receiver]) -> None:
    hooks["bot"].always = HANG
    for _ in range(3):
        await world.say("dana", await world.ask("do.high"), "deny")
    shown = await world.ask("do.moderate", bot="other-bot")
    await world.until(shown, "succeeded", "held")
    if (await world.look(shown))["status"] == "held":
        await world.say("dana", shown, "deny")
    hook = hooks["other-bot"]
    await hook.until(lambda: bool(of(hook, shown)), seconds=9)
    assert {event["data"]["bot"] for event in hook.taken} == {"other-bot"}


async def test_a_rollback_that_a_person_asks_for_is_not_the_bots(world: World, hooks: dict[str, Receiver]) -> None:
    shown = await world.ask("do.high")
    await world.say("dana", shown)
    await world.until(shown, "succeeded")
    undone = await world.roll_back("ivan", shown)
    await world.say("rita", undone, "deny")
    await world.until(undone, "denied")
    after = await world.ask("do.high")
    await world.say("dana", after, "deny")
    await told(world, hooks["bot"], after, "denied")
    assert of(hooks["bot"], undone) == []


async def test_without_a_secret_nothing_goes_out(
    world: World, hooks: dict[str, Receiver], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what to do is said; once there is one, it goes."""
    with monkeypatch.context() as without:
        without.delitem(SECRETS, "bot")
        shown = await world.ask("do.high")
        await world.say("dana", shown, "deny")
        await _in_vain(caplog, 1)
        assert "INTERLOCK_BOTS__BOT__WEBHOOK_SECRET" in caplog.text
        assert not any(event["subject"] == shown["id"] for _, event in hooks["bot"].heard)
    await _again(world, shown)
    await told(world, hooks["bot"], shown, "denied")
