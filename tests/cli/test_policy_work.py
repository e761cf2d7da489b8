"""``interlock policy diff, simulate, show, history``: what a draft changes, and what is in force and was."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from app.governance.files import load_files
from tests.cli.command import EXAMPLE, RULES, done, fails, interlock
from tests.conftest import FIGURE
from tests.governance.real_calls import ERRING, agrees, as_lines, draft, expected, real_calls


@pytest.fixture(name="shop")
def _shop(empty: dict[str, str]) -> dict[str, str]:
    """An installation with the example's rules in force."""
    done(empty, "init", str(EXAMPLE))
    return empty


@pytest.fixture(name="calls")
def _calls(tmp_path: Path) -> Path:
    """The 550 real calls."""
    file = tmp_path / "calls.jsonl"
    file.write_text("\n".join(as_lines(real_calls())) + "\n")
    return file


def edited(folder: Path, old: str, new: str) -> Path:
    """The rules of the tests with one thing otherwise."""
    shutil.copytree(RULES, folder, dirs_exist_ok=True)
    file = next(file for file in sorted(folder.iterdir()) if old in file.read_text())
    file.write_text(file.read_text().replace(old, new, 1))
    return folder


def test_a_draft_that_is_in_force_is_no_difference(installed: dict[str, str]) -> None:
    assert "no difference to sha256:" in done(installed, "policy", "diff", str(RULES))
    told = json.loads(done(installed, "policy", "diff", str(RULES), "--json"))
    assert told["changes"] == []


def test_a_difference_is_told_in_words_and_by_the_exit_code(installed: dict[str, str], tmp_path: Path) -> None:
    folder = edited(tmp_path / "draft", "title: Something moderate", "title: Something mild")
    ended = interlock(installed, "policy", "diff", str(folder))
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout == (
        "action do.moderate: title is now `Something mild` (was `Something moderate`)\n  changed; asks for no less\n"
    )
    as_json = interlock(installed, "policy", "diff", str(folder), "--json")
    assert as_json.returncode == 1
    (change,) = json.loads(as_json.stdout)["changes"]
    assert (change["section"], change["name"], change["loosens"]) == ("actions", "do.moderate", False)


def test_people_are_compared_with_those_in_force(installed: dict[str, str], tmp_path: Path) -> None:
    line = next(line for line in (RULES / "people.yaml").read_text().splitlines() if "id: dana" in line)
    folder = edited(tmp_path / "draft", line, line.replace("id: dana, name: ", "id: dana, name: Old "))
    ended = interlock(installed, "policy", "diff", str(folder))
    assert ended.stdout.startswith("person dana: is now called Old ")


def test_files_that_are_not_in_order_are_found_not_compared(installed: dict[str, str], tmp_path: Path) -> None:
    folder = edited(tmp_path / "draft", "default_plan: one", "default_plan: nobody")
    for command in ("diff", "simulate"):
        ended = interlock(installed, "policy", command, str(folder))
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "nobody" in ended.stderr


def test_the_real_calls_under_a_stricter_draft(
    shop: dict[str, str], tmp_path: Path, calls: Path, record_property: Any
) -> None:
    folder = draft(tmp_path / "draft")
    before = time.perf_counter()
    text = done(shop, "policy", "simulate", str(folder), "--calls", str(calls), "--json")
    seconds = time.perf_counter() - before
    told = json.loads(text)
    agrees(told, expected(real_calls()))
    assert (told["over"], told["truncated"], told["complete"]) == ("calls", False, True)
    record_property(FIGURE, f"interlock policy simulate, 550 real calls, process and all: {seconds:.1f} s")


def test_the_same_as_tables(shop: dict[str, str], tmp_path: Path, calls: Path) -> None:
    wanted = expected(real_calls())
    changed = len(wanted.changed_lines)
    text = done(shop, "policy", "simulate", str(draft(tmp_path / "draft")), "--calls", str(calls))
    assert f"550 calls: {changed} changed, {550 - changed} unchanged" in text
    rows = [line.split() for line in text.splitlines()]
    for (old, new), count in wanted.outcomes.items():
        assert [old, new, str(count)] in rows
    assert f"and {changed - 20} more" in text


def test_an_erring_rule_is_shown_to_deny_by_name(shop: dict[str, str], tmp_path: Path, calls: Path) -> None:
    cancels = sum(call.tool.action == "orders.cancel" for call in real_calls())
    folder = draft(tmp_path / "draft", ERRING)
    text = done(shop, "policy", "simulate", str(folder), "--calls", str(calls))
    (row,) = (line.split() for line in text.splitlines() if line.startswith("vip "))
    assert row == ["vip", "0", "->", "0", "0", "->", str(cancels)]


def test_a_bad_line_is_named_and_a_file_that_is_not_there(shop: dict[str, str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"action": "orders.read", "parameters": {}}\n{"action": 1}\n')
    said = fails(shop, 2, "policy", "simulate", str(EXAMPLE), "--calls", str(bad))
    assert said.startswith(f"{bad}: line 2, action: ")
    assert "absent.jsonl" in fails(
        shop, 2, "policy", "simulate", str(EXAMPLE), "--calls", str(tmp_path / "absent.jsonl")
    )
    for since in ("soon", "yesterday", "367d"):
        assert fails(shop, 2, "policy", "simulate", str(EXAMPLE), "--since", since).startswith("--since: ")


def test_nothing_was_asked_here_yet(shop: dict[str, str]) -> None:
    told = json.loads(done(shop, "policy", "simulate", str(EXAMPLE), "--json"))
    assert (told["over"], told["total"], told["outcomes"]) == ("requests", 0, [])


def test_what_is_shown_could_be_put_in_force_again(installed: dict[str, str]) -> None:
    shown = done(installed, "policy", "show")
    version = shown.splitlines()[0].removeprefix("# ")
    again = load_files({"shown.yaml": shown, "people.yaml": _only_people()})
    stored = json.loads(done(installed, "policy", "show", version, "--json"))
    assert again.document == stored["document"]
    assert (stored["version"], stored["installed_by"]) == (version, "ada")
    assert json.loads(done(installed, "policy", "show", version[7:15], "--json")) == stored


def _only_people() -> str:
    text = (RULES / "people.yaml").read_text()
    return text[: text.index("\ngroups:") + 1]


def test_a_version_that_is_not_there(installed: dict[str, str]) -> None:
    assert "no policy version that begins with" in fails(installed, 2, "policy", "show", "sha256:ffff0000")
    assert "several" not in fails(installed, 2, "policy", "show", "%")


def test_each_activation_is_history_also_of_a_version_that_was_in_force_before(
    empty: dict[str, str], tmp_path: Path
) -> None:
    other = edited(tmp_path / "other", "title: Something moderate", "title: Something mild")
    versions = [done(empty, "init", str(folder), "--replace").split()[-1] for folder in (RULES, other, RULES)]
    rows = [json.loads(line) for line in done(empty, "policy", "history", "--json").splitlines()]
    assert [row["version"] for row in rows] == versions[::-1]
    assert versions[0] == versions[2] != versions[1]
    assert [(row["by"], row["request"], row["in_force"]) for row in rows] == [
        ("ada", None, True),
        ("ada", None, False),
        ("ada", None, False),
    ]
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    table = done(empty, "policy", "history").splitlines()
    assert [line.split()[0] for line in table] == ["version", *versions[::-1]]
    assert "several policy versions that begin" in fails(empty, 2, "policy", "show", "sha256:")
