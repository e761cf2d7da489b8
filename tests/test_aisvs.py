"""The table of `make aisvs`: it covers exactly the requirements that there are, and its faults are seen."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.aisvs import NOT_SHOWN_YET, REQUIREMENTS, ROOT, Shown, faults, table

ALL: Shown = {one: {f"tests/test_{one}.py::test"} for one in REQUIREMENTS if one not in NOT_SHOWN_YET}


def test_the_table_of_the_tests_that_there_are() -> None:
    """As `make aisvs` prints it: each requirement once, with a test that is there, or why there is none yet."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.aisvs"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=180
    )
    assert (done.returncode, done.stderr) == (0, "")
    named = re.findall(r"^(\d+\.\d+\.\d+) ", done.stdout, re.MULTILINE)
    assert sorted(named) == sorted(REQUIREMENTS)
    shown, _, missing = done.stdout.partition("Not shown yet:")
    assert set(re.findall(r"^(\d+\.\d+\.\d+) ", missing, re.MULTILINE)) == NOT_SHOWN_YET.keys()
    for test in re.findall(r"^ +(tests/\S+)$", shown, re.MULTILINE):
        file, name = test.split("::")
        assert f"def {name}(" in (ROOT / file).read_text()
    assert not re.search(r"^\d+\.\d+\.\d+ [^\n]*\n(?! )", shown.strip() + "\nend", re.MULTILINE)


def test_nothing_is_wrong_with_all_of_them() -> None:
    assert faults(ALL) == []


@pytest.mark.parametrize("without", sorted(ALL))
def test_a_requirement_without_a_test_is_seen(without: str) -> None:
    [fault] = faults({one: tests for one, tests in ALL.items() if one != without})
    assert fault.startswith(f"{without}: no test shows it")


@pytest.mark.parametrize("one", sorted(NOT_SHOWN_YET))
def test_what_is_shown_after_all_is_seen(one: str) -> None:
    [fault] = faults({**ALL, one: {"tests/test_new.py::test"}})
    assert fault.startswith(f"{one}: is not shown yet")


def test_a_mark_of_no_requirement_is_seen() -> None:
    assert faults({**ALL, "9.9.9": {"tests/test_new.py::test"}}) == ["9.9.9: there is no such requirement"]


def test_what_is_not_shown_yet_is_listed_apart() -> None:
    assert table(ALL).partition("Not shown yet:")[2].count("\n") == 2 * len(NOT_SHOWN_YET)
