"""A pending request survives a policy publish, a group change, a delegate's absence and a worker restart, and ends as
the rules say: in one story, told by hand, and in whatever order all that happens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from app.domain.ledger import verify_stream
from tests.fakes.desk import Desk
from tests.journeys.changing.office import HEADS_CHANGE, LEADS_CHANGE, MORE, Office, View, office
from tests.journeys.changing.turns import Turns
from tests.kills.place import until
from tests.kills.records import Record

SEEDS = (1, 2, 3)

SIGNED = ("decided", "stage-passed", "approved")
RAN = ("started", "attempt-finished", "succeeded")
RAN_BY_THE_BOT = ("started", "reported", "succeeded")
VOID = ("vote-void", "held-again")
ASKED = {
    "do.alone": ("succeeded", "priya felix", (*SIGNED, "held-again", *SIGNED, *RAN)),
    "do.both": ("succeeded", "marco eve", ("decided", *SIGNED, *RAN)),
    "do.steps": (
        "succeeded",
        "-eve fiona priya",
        ("decided", "stage-passed", *SIGNED, *VOID, "decided", "stage-passed", "stage-passed", "approved", *RAN),
    ),
    "look.later": (
        "succeeded",
        "-eve priya mia",
        (*SIGNED, "held-again", *SIGNED, *VOID, *SIGNED, *RAN_BY_THE_BOT),
    ),
    "look.upward": ("succeeded", "-mia greta", (*SIGNED, *VOID, "escalated", *SIGNED, *RAN_BY_THE_BOT)),
    "look.doomed": ("revoked", "mia", (*SIGNED, "revoked")),
    "do.urgent": ("succeeded", "greta", ("escalated", *SIGNED, *RAN)),
    "do.reminded": ("succeeded", "mia", (*SIGNED, *RAN)),
}
"""What is asked for, how it must end, whose votes it then has (-: one that counts no more), and what was recorded
after the admission; reminders and refusals are looked at apart."""


@pytest.fixture(scope="module")
async def here(a_desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """One stack for all of this module."""
    async with office(a_desk, tmp_path_factory.mktemp("rules")) as made:
        yield made


@pytest.mark.parametrize("seed", SEEDS)
async def test_in_any_order(here: Office, seed: int) -> None:
    """Votes, publications, absences, kills and a stop, shuffled; after each of them all is as `expected` says."""
    turns, dice = await Turns.begin(here), random.Random(seed)  # noqa: S311  no secret
    moves = turns.moves()
    dice.shuffle(moves)
    try:
        for move in moves:
            await move()
        await turns.decide_the_rest(dice)
        await turns.ended_as_expected()
    finally:
        await turns.clear()


async def test_the_story(here: Office) -> None:
    """Told by hand. Dana is away, Eve decides for her; workers die; the rules get stricter; Marco leaves the leads and
    Nora joins; Dana is back before what Eve approved has started; the other bot is stopped."""
    await here.publish_if_others()
    given = await here.away("dana", "eve")
    shown = {action: await here.callers.ask(action) for action in ASKED}
    other = await here.others.ask("do.moderate")
    here.kill_the_worker()  # what must be escalated in ten seconds, and reminded of in two, is the next one's
    urgent = asyncio.create_task(_as_soon_as_escalated(here, shown["do.urgent"]))
    await _signed_for_dana(here, shown)
    await here.publish(MORE, LEADS_CHANGE, HEADS_CHANGE)
    here.kill_the_worker()
    await _stricter(here, shown)
    await here.back(given)
    await _without_eve(here, shown)
    await here.stop_the_other_bot()
    await _the_end(here, shown)
    await urgent

    pids = await here.pids()
    for action, (status, votes, told) in ASKED.items():
        record = await here.record(shown[action])
        assert (action, *_life(record)) == (action, status, votes, ("admitted", *told))
        ran_here = status == "succeeded" and action.startswith("do.")
        assert (len(record.attempts), record.calls) == (status == "succeeded", [record.id] if ran_here else [])
    assert _life(await here.record(other)) == ("revoked", "", ("admitted", "revoked"))
    first, *more = (await here.record(shown["do.reminded"])).of_kind("reminded")
    assert first["persons"] == sorted(pids[who] for who in ("dana", "eve", "marco", "priya", "mia"))
    assert [one["n"] for one in (first, *more)] in ([1], [1, 2])
    await here.resume_the_other_bot()


async def _signed_for_dana(here: Office, shown: dict[str, View]) -> None:
    assert await here.take(shown["look.later"]) is False
    for action, who in (
        ("do.both", "marco"),
        ("do.both", "eve"),
        ("do.steps", "eve"),
        ("look.later", "eve"),
        ("look.upward", "mia"),
        ("look.doomed", "mia"),
    ):
        await here.approved(shown[action], who)
    await here.became(shown["do.both"], "succeeded")

    async def reminded() -> None:
        assert (await here.record(shown["do.reminded"])).of_kind("reminded")

    await until(reminded)


async def _stricter(here: Office, shown: dict[str, View]) -> None:
    """Nothing starts on what was enough before; who has joined is not asked, who has left no more."""
    await here.refused(shown["do.alone"], "nora", "not-eligible")
    await here.refused(shown["do.steps"], "dana", "stage-repeat")
    for action in ("look.later", "look.upward", "look.doomed"):
        assert await here.take(shown[action]) is False
    await here.refused(shown["look.later"], "dana", "one-person-one-vote")
    await here.refused(shown["look.later"], "marco", "not-eligible")
    await here.refused(shown["look.upward"], "max", "not-eligible")
    await here.refused(shown["look.upward"], "nora", "not-eligible")
    for action, who in (("look.later", "priya"), ("look.upward", "greta"), ("do.alone", "priya")):
        await here.approved(shown[action], who)
    await here.became(shown["do.alone"], "held")


async def _without_eve(here: Office, shown: dict[str, View]) -> None:
    """Dana is back: what Eve said in her right counts no more, and nobody says anything in it."""
    await here.refused(shown["do.reminded"], "eve", "not-eligible")
    await here.approved(shown["do.steps"], "fiona")
    await here.became(shown["do.steps"], "held")
    assert await here.take(shown["look.later"]) is False


async def _the_end(here: Office, shown: dict[str, View]) -> None:
    for action, who in (("look.later", "mia"), ("do.steps", "priya"), ("do.alone", "felix"), ("do.reminded", "mia")):
        await here.approved(shown[action], who)
    for action in ("look.later", "look.upward"):
        assert await here.take(shown[action]) is True
    for action, (status, _, _) in ASKED.items():
        await here.became(shown[action], status)


async def _as_soon_as_escalated(here: Office, shown: View) -> None:
    async def look() -> None:
        assert (await here.record(shown)).of_kind("escalated")

    await until(look)
    await here.approved(shown, "greta")


def _life(record: Record) -> tuple[str, str, tuple[str, ...]]:
    """Its status, who voted in their order, and what happened."""
    assert verify_stream(f"request:{record.id}", record.stream) == []
    told = tuple(entry["kind"] for entry in record.entries if entry["kind"] not in ("refused", "reminded"))
    order = [facts["person"] for facts in record.of_kind("decided")]
    made = sorted(record.decisions, key=lambda one: order.index(one["pid"]))
    return record.status, " ".join("-" * (not one["standing"]) + one["person_id"] for one in made), told
