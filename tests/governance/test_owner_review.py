"""Owner reviews as the files spell them: what `policy check` finds, what a bot has, how a change of it is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.owner_review import Terms
from app.governance.check import check
from tests.governance.small import policy, write
from tests.governance.test_diff import state, told

DAY = timedelta(days=1)


def edit(terms: str) -> tuple[str, str]:
    """The bot of the small governance, reviewed like this."""
    return "    deployed_by: tom", f"    deployed_by: tom\n    review: {terms}"


def test_a_bot_that_says_nothing_is_reviewed_every_quarter(tmp_path: Path) -> None:
    assert policy(tmp_path).bots["bot"].review == Terms(90 * DAY, 14 * DAY, 7 * DAY)


def test_what_is_not_said_is_as_without_it(tmp_path: Path) -> None:
    assert policy(tmp_path, edit("{every: 30d}")).bots["bot"].review == Terms(30 * DAY, 14 * DAY, 7 * DAY)


@pytest.mark.parametrize(
    "terms", ["{every: 2d, within: 1d, lapse_after: 24h}", "{every: 366d, within: 365d, lapse_after: 1d}"]
)
def test_the_shortest_and_the_longest_are_without_findings(tmp_path: Path, terms: str) -> None:
    assert check(write(tmp_path, edit(terms))) == []


@pytest.mark.parametrize(
    ("terms", "where", "what"),
    [
        ("{every: 23h}", ".review.every", "must be from 1d to 366d"),
        ("{every: 367d}", ".review.every", "must be from 1d to 366d"),
        ("{within: 0d}", ".review.within", "must be from 1d to 366d"),
        ("{lapse_after: 1h}", ".review.lapse_after", "must be from 1d to 366d"),
        ("{every: 20d}", ".review", "longer than every"),
        ("{every: 4 business days}", ".review.every", "is not a duration"),
        ("{often: 90d}", ".review.often", "unknown key"),
        ("never", ".review", "must be"),
    ],
)
def test_each_defect_is_found_where_it_is(tmp_path: Path, terms: str, where: str, what: str) -> None:
    [finding] = check(write(tmp_path, edit(terms)))
    assert finding.where.endswith(where)
    assert what in finding.what


@pytest.mark.parametrize(
    ("terms", "sentence", "loosens"),
    [
        ("{every: 30d}", "review.every is now `30d` (was `90d`)", False),
        ("{every: 366d}", "review.every is now `366d` (was `90d`)", True),
        ("{within: 20d}", "review.within is now `20d` (was `14d`)", True),
        ("{lapse_after: 8d}", "review.lapse_after is now `8d` (was `7d`)", True),
        ("{within: 10d}", "review.within is now `10d` (was `14d`)", False),
    ],
)
def test_who_is_reviewed_less_often_or_later_has_it_told(terms: str, sentence: str, loosens: bool) -> None:
    [change] = told(edit(terms))
    assert change.sentences == (f"bot bot: {sentence}",)
    assert change.loosens is loosens


def test_to_spell_out_what_holds_anyhow_is_no_change() -> None:
    assert told(edit("{every: 90d, within: 14d, lapse_after: 7d}")) == []
    assert state(edit("{every: 90d}")).document != state().document
