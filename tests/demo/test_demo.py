"""What the demo stands on; the demo itself is run by .ci/run."""

from __future__ import annotations

import re

import pytest

from app.demo.expect import Narrator, Unexpected, expect
from app.demo.sample import ACTIONS, MIA, asks
from app.demo.stack import EXAMPLE
from tests.fakes.retail.tools import TOOLS


def test_a_step_that_goes_otherwise_says_what_was_expected() -> None:
    expect("the sum", 4, 4)
    with pytest.raises(Unexpected, match=re.escape("the sum: expected 5, got 4")):
        expect("the sum", 4, 5)


def test_steps_are_numbered(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator()
    narrator.tell("held", "one")
    narrator.detail("more")
    narrator.tell("approved", "two")
    assert capsys.readouterr().out == "[ 1] held      one\n     more\n[ 2] approved  two\n"


def test_the_bot_asks_for_what_its_tools_are() -> None:
    assert {tool: TOOLS[tool].action for tool in ACTIONS} == ACTIONS
    assert {"0_1", "0_2", "1_4", "4_2"} <= set(asks(EXAMPLE / "sample"))
    assert MIA.action in ACTIONS.values()
