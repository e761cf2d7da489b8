"""The table of states: complete, consistent, and printed as it is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from app.domain.states import NEVER_RAN, OPEN, TRANSITIONS, Status, as_markdown, may_become

DESIGN = {
    None: "denied approved held expired",
    "held": "approved denied expired cancelled revoked",
    "approved": "executing lapsed revoked cancelled held denied",
    "executing": "succeeded failed unknown lapsed",
    "unknown": "succeeded failed",
}
"""DESIGN.md section 3, typed in by hand."""

FINAL = {"succeeded", "failed", "denied", "expired", "cancelled", "lapsed", "revoked"}

MOVES = list(itertools.product([None, *Status], Status))


@pytest.mark.parametrize(("now", "then"), MOVES)
def test_a_move_is_legal_only_if_the_design_has_it(now: Status | None, then: Status) -> None:
    assert may_become(now, then) is (then.value in DESIGN.get(now, "").split())


def test_every_state_has_its_line() -> None:
    assert set(TRANSITIONS) == {None, *Status}


def test_final_states_have_no_exit_and_no_other_state_lacks_one() -> None:
    assert {state.value for state in Status if not TRANSITIONS[state]} == FINAL


def test_open_states_are_those_a_workflow_works_on() -> None:
    assert {"held", "approved", "executing"} == OPEN
    assert not OPEN & NEVER_RAN
    assert set(Status) - OPEN - NEVER_RAN == {"unknown", "succeeded", "failed"}


def test_never_ran_is_final() -> None:
    assert FINAL - {"succeeded", "failed"} == NEVER_RAN


def test_every_state_can_be_reached() -> None:
    reached: set[Status] = set()
    edge = set(TRANSITIONS[None])
    while edge:
        reached |= edge
        edge = {then for now in edge for then in TRANSITIONS[now]} - reached
    assert reached == set(Status)


def test_nothing_runs_but_what_was_approved() -> None:
    assert [now for now in TRANSITIONS if Status.EXECUTING in TRANSITIONS[now]] == [Status.APPROVED]
    ran = {Status.SUCCEEDED, Status.FAILED, Status.UNKNOWN}
    assert {now for now in TRANSITIONS if ran & TRANSITIONS[now]} == {Status.EXECUTING, Status.UNKNOWN}


def test_the_table_as_the_readme_prints_it() -> None:
    assert as_markdown() == (
        "| from | to |\n"
        "|---|---|\n"
        "| (start) | approved, denied, expired, held |\n"
        "| held | approved, cancelled, denied, expired, revoked |\n"
        "| approved | cancelled, denied, executing, held, lapsed, revoked |\n"
        "| executing | failed, lapsed, succeeded, unknown |\n"
        "| unknown | failed, succeeded |\n"
        "| succeeded | final |\n"
        "| failed | final |\n"
        "| denied | final |\n"
        "| expired | final |\n"
        "| cancelled | final |\n"
        "| lapsed | final |\n"
        "| revoked | final |"
    )


def test_the_readme_prints_it() -> None:
    assert as_markdown() in (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
