"""What plans say of break-glass: read, refused by name, compared in words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.glass import Glass
from app.governance.check import check
from app.governance.diff import State, diff
from app.governance.files import load
from tests.governance.small import policy, write

PLAN = "fallback: finance, expires: 4h"
WHERE = "rules.yaml: plans[lead].break_glass"
ALL = "{allow: [critical, irreversible], review_within: 2h}"


def said(terms: str) -> tuple[str, str]:
    return PLAN, f"{PLAN}, break_glass: {terms}"


@pytest.mark.parametrize(
    ("terms", "glass"),
    [
        ("never", Glass(never=True)),
        ("{}", Glass()),
        (ALL, Glass(allow=frozenset({"critical", "irreversible"}), review_within=timedelta(hours=2))),
        ("{review_within: 30m}", Glass(review_within=timedelta(minutes=30))),
    ],
)
def test_what_a_plan_says(tmp_path: Path, terms: str, glass: Glass) -> None:
    rules = policy(tmp_path, said(terms))
    assert rules.plan("lead").glass == glass
    assert rules.plan("both").glass == Glass()


@pytest.mark.parametrize(
    ("terms", "where", "what"),
    [
        ("always", "", "say never, or the terms"),
        ("null", "", "say never, or the terms"),
        ("[never]", "", "say never, or the terms"),
        ("{never: true}", ".never", "unknown key"),
        ("{allow: [high]}", ".allow[0]", "must be 'critical' or 'irreversible'"),
        ("{allow: critical}", ".allow", "valid array"),
        ("{review_within: 0s}", ".review_within", "is not between"),
        ("{review_within: 4 business hours}", ".review_within", "elapsed time"),
    ],
)
def test_what_it_cannot_say(tmp_path: Path, terms: str, where: str, what: str) -> None:
    [finding] = check(write(tmp_path, said(terms)))
    assert finding.where == WHERE + where
    assert what in finding.what


@pytest.mark.parametrize(
    ("before", "after", "words", "loosens"),
    [
        ("never", "{}", "`reviewed within 24h` (was `never`)", True),
        ("{}", "never", "`never` (was `reviewed within 24h`)", False),
        ("{}", ALL, "`also what is critical or irreversible, reviewed within 2h`", True),
        ("{review_within: 2h}", "{review_within: 1h}", "`reviewed within 1h` (was `reviewed within 2h`)", False),
        ("{review_within: 1h}", "{review_within: 2h}", "`reviewed within 2h` (was `reviewed within 1h`)", True),
    ],
)
def test_a_difference_in_words(tmp_path: Path, before: str, after: str, words: str, *, loosens: bool) -> None:
    states = []
    for name, terms in (("before", before), ("after", after)):
        (tmp_path / name).mkdir()
        read = load(write(tmp_path / name, said(terms)))
        states.append(State(read.document, read.people))
    [change] = [one for one in diff(*states) if one.section == "plans"]
    [sentence] = change.sentences
    assert words in sentence
    assert change.loosens is loosens
