"""``interlock oversight``, on an installation of the test's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cli.command import done, fails, interlock

Installed = Mapping[str, str]


def today() -> tuple[str, ...]:
    now = datetime.now(UTC)
    return ("--from", f"{now:%Y-%m-%d}", "--to", f"{now + timedelta(days=1):%Y-%m-%d}")


def test_printed_and_written(installed: Installed, tmp_path: Path) -> None:
    report = ("oversight", "report", *today(), "--as", "anya")
    assert done(installed, *report).startswith("<!DOCTYPE html>")
    out = tmp_path / "report.html"
    assert done(installed, *report, "--out", str(out)) == ""
    assert out.read_text().startswith("<!DOCTYPE html>")
    found = json.loads(done(installed, *report, "--json"))
    assert not found["over"]
    [installation] = found["document"]["figures"]["publications"]
    assert installation["count"] == 1
    entries = done(installed, "oversight", "entries", "publications/0", *today(), "--as", "anya")
    assert entries.split() == found["document"]["evidence"]["publications/0"]["entries"] == ["installation#1"]


def test_what_is_not_there(installed: Installed) -> None:
    for figure in ("publications/1", "publications", "nothing/0", "publications/-1"):
        assert "no figure" in fails(installed, 2, "oversight", "entries", figure, *today(), "--as", "anya")
    assert done(installed, "oversight", "list", "--as", "anya") == ""


def test_who_may_not(installed: Installed) -> None:
    for words in (("report", *today()), ("entries", "publications/0", *today()), ("list",)):
        assert "audit or administer" in fails(installed, 3, "oversight", *words, "--as", "dana")


def test_one_period(installed: Installed) -> None:
    for words in ((), ("--period", "2026-13"), ("--period", "2026-10", *today()), today()[:2]):
        assert interlock(installed, "oversight", "report", *words, "--as", "anya").returncode == 2
