"""``interlock policy check`` and ``init``: what they find, refuse and put in force."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.command import EXAMPLE, RULES, done, fails, interlock

NEEDS_NOTHING: dict[str, str] = {}


@pytest.fixture(name="broken")
def _broken(tmp_path: Path) -> Path:
    """The example with two mistakes."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "rules")
    file = folder / "policy.yaml"
    words = file.read_text().replace("hold: two-person", "hold: nobody", 1).replace("group: finance", "group: money")
    file.write_text(words)
    return folder


@pytest.fixture(name="other")
def _other(tmp_path: Path) -> Path:
    """The rules of the tests with another title in them."""
    folder = shutil.copytree(RULES, tmp_path / "other")
    file = next(file for file in folder.iterdir() if "title:" in file.read_text())
    file.write_text(file.read_text().replace("title: ", "title: Really ", 1))
    return folder


def test_rules_in_order_are_said_to_be() -> None:
    assert "in order (" in done(NEEDS_NOTHING, "policy", "check", str(EXAMPLE))


def test_findings_come_one_a_line_with_file_and_path(broken: Path) -> None:
    ended = interlock(NEEDS_NOTHING, "policy", "check", str(broken))
    assert (ended.returncode, ended.stderr) == (1, "")
    lines = ended.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("policy.yaml: ") for line in lines), lines
    assert any("nobody" in line for line in lines)
    assert any("money" in line for line in lines)


def test_a_folder_that_is_not_there_is_a_usage_error() -> None:
    assert fails(NEEDS_NOTHING, 2, "policy", "check", "/nowhere") == (
        "/nowhere is not a directory of governance files."
    )


def test_init_twice_is_fine_and_other_rules_need_replace(empty: dict[str, str], other: Path) -> None:
    first = done(empty, "init", str(RULES))
    assert first.startswith("in force: sha256:")
    assert done(empty, "init", str(RULES)) == first
    assert "give --replace" in fails(empty, 3, "init", str(other))
    second = done(empty, "init", str(other), "--replace")
    assert second != first
    entries = done(empty, "ledger", "show", "installation", "--json").splitlines()
    assert [json.loads(entry)["facts"]["policy_version"] for entry in entries] == [
        line.removeprefix("in force: ").rstrip() for line in (first, second)
    ]


def test_init_makes_the_schema(bare: dict[str, str]) -> None:
    assert "in force" in done(bare, "init", str(RULES))
    assert done(bare, "migrate") == "the schema is the newest\n"


def test_only_development_replaces(empty: dict[str, str], other: Path) -> None:
    production = {**empty, "INTERLOCK_ENVIRONMENT": "production"}
    assert done(production, "init", str(RULES)).startswith("in force")
    assert "Only development replaces rules" in fails(production, 3, "init", str(other), "--replace")
    assert "--as counts in development only" in fails(production, 3, "init", str(RULES), "--as", "ada")


def test_init_finds_what_check_finds(empty: dict[str, str], broken: Path) -> None:
    ended = interlock(empty, "init", str(broken))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 2


def test_rules_are_installed_by_who_may_administer(empty: dict[str, str]) -> None:
    assert fails(empty, 3, "init", str(RULES), "--as", "dana") == "dana may not administer."
    assert "know no person 'nobody'" in fails(empty, 2, "init", str(RULES), "--as", "nobody")
