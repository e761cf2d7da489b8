"""Forms of responders: Slack takes them, they say what is at stake, and give back what was typed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from app.domain.errors import Malformed
from app.slack.responder_forms import rollback_form, rollback_state, seen, stop_form, stop_state
from app.slack.values import Origin
from app.use_cases.card_facts import HIDDEN, CardFacts, RunningFacts, StopFacts, UndoFacts
from tests.fakes.slack.block_kit import readable
from tests.slack.facts import DIGEST, HOSTILE, NOON, ORIGINAL, REQUEST, STATES, crowded, hostile
from tests.slack.seen import fine_view
from tests.slack.test_forms import HERE, filled

UNDO = UndoFacts("Restore an order", "orders.restore", {"order_id": "#W2378156"}, (), NOON)
RUNNING = RunningFacts(ORIGINAL, 2, "orders.cancel", NOON)
STOP = StopFacts("support-bot", "Shop support assistant", None, None, 3, waiting=1_234, running=(RUNNING, RUNNING))
STOPPED = replace(STOP, since=NOON, reason="It refunds strangers")
ALL = StopFacts(None, "all bots", None, None, 0)


@pytest.mark.parametrize("state", ["succeeded", "failed", "unknown"])
def test_what_is_to_be_undone_and_with_what(state: str, snapshot: SnapshotAssertion) -> None:
    undo = replace(UNDO, warnings=("What this undoes failed.",) if state == "failed" else ())
    assert readable(rollback_form(STATES[state], undo, HERE)["blocks"]) == snapshot


@pytest.mark.parametrize("stop", [STOP, STOPPED, ALL], ids=["bot", "again", "all"])
def test_what_stopping_does(stop: StopFacts, snapshot: SnapshotAssertion) -> None:
    assert readable(stop_form(stop, HERE)["blocks"]) == snapshot


ODD = [
    (STATES["succeeded"], UNDO),
    (STATES["held-masked"], replace(UNDO, parameters={"a": HIDDEN}, not_shown=("/a",))),
    (STATES["denied-by-rules"], replace(UNDO, parameters={}, until=None)),
    (hostile(request_id=REQUEST), UndoFacts(HOSTILE, HOSTILE, {HOSTILE: [HOSTILE]}, (HOSTILE,), NOON)),
    (crowded(), UndoFacts("x" * 5_000, "y" * 5_000, {f"k{n}": "v" * 90 for n in range(900)}, (), NOON)),
]


@pytest.mark.parametrize(("facts", "undo"), ODD)
def test_what_was_typed_comes_back(facts: CardFacts, undo: UndoFacts) -> None:
    view = rollback_form(facts, undo, HERE)
    fine_view(view)
    state = rollback_state(filled(view, "  The wrong order.\n"))
    assert (state.click.request_id, state.click.digest, state.origin) == (REQUEST, DIGEST, HERE)
    assert (state.reason, state.seen) == ("The wrong order.", seen(facts, undo))


@pytest.mark.parametrize(
    "stop",
    [
        STOP,
        STOPPED,
        ALL,
        StopFacts("b" * 100, HOSTILE, NOON, HOSTILE, 1),
        StopFacts("\u202e", "x" * 9_000, None, "", 0),
    ],
)
def test_whom_to_stop_comes_back(stop: StopFacts) -> None:
    view = stop_form(stop, HERE)
    fine_view(view)
    state = stop_state(filled(view, " Because "))
    assert (state.bot, state.epoch, state.reason, state.origin) == (stop.bot, stop.epoch, "Because", HERE)


def test_what_was_seen_is_another_when_anything_of_it_is() -> None:
    facts = STATES["succeeded"]
    others = [
        (STATES["failed"], UNDO),
        (replace(facts, request_id=ORIGINAL), UNDO),
        (facts, replace(UNDO, title="Other")),
        (facts, replace(UNDO, action="orders.other")),
        (facts, replace(UNDO, parameters={"order_id": "#W1"})),
        (facts, replace(UNDO, parameters={"order_id": HIDDEN})),
        (facts, replace(UNDO, parameters={"order_id": "⟨not shown⟩"})),
    ]
    assert len({seen(facts, UNDO), *(seen(*other) for other in others)}) == len(others) + 1
    assert seen(facts, UNDO) == seen(replace(facts, version=9, reversed_by=STATES["rolled-back"].reversed_by), UNDO)


BAD: list[dict[str, Any]] = [{"callback_id": "details"}, {"private_metadata": "{}"}, {"private_metadata": None}]


@pytest.mark.parametrize("change", BAD)
def test_another_view_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        rollback_state({**filled(rollback_form(STATES["succeeded"], UNDO, HERE), "no"), **change})
    with pytest.raises(Malformed):
        stop_state({**filled(stop_form(STOP, HERE), "no"), **change})


@pytest.mark.parametrize(
    ("old", "new"), [('"epoch":3', '"epoch":true'), ('"epoch":3', '"epoch":"3"'), ('"bot":"', '"bot":["')]
)
def test_metadata_of_another_shape_is_malformed(old: str, new: str) -> None:
    view = stop_form(STOP, Origin(None, None))
    assert old in view["private_metadata"]
    with pytest.raises(Malformed):
        stop_state({**view, "private_metadata": view["private_metadata"].replace(old, new)})
