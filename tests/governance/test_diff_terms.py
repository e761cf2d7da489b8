"""A bot's budgets and a group's calendar compared: by name and in words, and whether less is asked for."""

from __future__ import annotations

import pytest

from app.governance.diff import diff
from tests.governance.test_diff import state

BOT = "deployed_by: tom\n"
GROUP = "members: [rita, sam]}"
REFUNDS = "{name: refunds, action: orders.pay, sum: parameters.amount, at_most: 2000000, over: 24h}"
WAITING = '{name: waiting, action: "orders.*", count: holds, at_most: 5}'
WORK = "time_zone: Europe/Vienna, days: [mon, tue], holidays: {country: AT}, closed: [2026-12-24]"


def with_budgets(*budgets: str) -> tuple[str, str]:
    """The edit that gives the bot these."""
    return BOT, f"{BOT}    budgets: [{', '.join(budgets)}]\n"


def with_calendar(calendar: str | None) -> tuple[str, str]:
    """The edit that gives finance this one."""
    return GROUP, GROUP if calendar is None else f"members: [rita, sam], calendar: {{{calendar}}}}}"


def told(old: tuple[str, str], new: tuple[str, str]) -> tuple[list[str], bool | None]:
    """The sentences and whether less is asked for."""
    (change,) = diff(state(old), state(new))
    return list(change.sentences), change.loosens


@pytest.mark.parametrize(
    ("old", "new", "sentences", "loosens"),
    [
        (
            [WAITING, REFUNDS],
            [WAITING, REFUNDS.replace("2000000", "100000")],
            ["budget refunds: at most 100000 instead of 2000000"],
            False,
        ),
        (
            [REFUNDS],
            [REFUNDS.replace("2000000", "2000001")],
            ["budget refunds: at most 2000001 instead of 2000000"],
            True,
        ),
        ([REFUNDS], [REFUNDS.replace("24h", "48h")], ["budget refunds: over is now `48h` (was `24h`)"], False),
        ([REFUNDS], [REFUNDS.replace("24h", "60m")], ["budget refunds: over is now `60m` (was `24h`)"], True),
        (
            [WAITING],
            [WAITING.replace("orders.*", "orders.pay")],
            ["budget waiting: by `orders.pay` instead of `orders.*`"],
            None,
        ),
        (
            [WAITING],
            [WAITING.replace("count: holds", "count: requests, over: 1h")],
            ["budget waiting: counts requests instead of held at once", "budget waiting: over is new: `1h`"],
            None,
        ),
        (
            [WAITING],
            [WAITING, REFUNDS],
            ["budget refunds is new: at most 2000000 of parameters.amount by orders.pay over 24h"],
            False,
        ),
        ([WAITING, REFUNDS], [REFUNDS], ["budget waiting is gone (at most 5 held at once by orders.*)"], True),
        ([WAITING, REFUNDS], [REFUNDS, WAITING], ["its budgets come in another order: refunds, waiting"], False),
    ],
)
def test_budgets(old: list[str], new: list[str], sentences: list[str], loosens: bool | None) -> None:
    said = [f"bot bot: {sentence}" for sentence in sentences]
    assert told(with_budgets(*old), with_budgets(*new)) == (said, loosens)


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        (
            None,
            WORK.replace("Europe/Vienna", "UTC"),
            ["calendar is new: `mon, tue 09:00-17:00 in UTC, but for the holidays of AT, closed on 2026-12-24`"],
        ),
        ("time_zone: UTC, days: [mon]", None, ["calendar is gone (was `mon 09:00-17:00 in UTC`)"]),
        (
            WORK,
            "time_zone: Europe/Berlin, hours: 08:00-12:00, days: [mon], closed: [2026-12-31]",
            [
                "calendar: hours is now `08:00-12:00` (was `09:00-17:00`)",
                "calendar: time_zone is now `Europe/Berlin` (was `Europe/Vienna`)",
                "calendar: days is now `mon` (was `mon, tue`)",
                "calendar: holidays is gone (was `AT`)",
                "calendar: closed on 2026-12-31, too",
                "calendar: no longer closed on 2026-12-24",
            ],
        ),
        (WORK, WORK.replace("AT", "DE, subdivision: BY"), ["calendar: holidays is now `DE-BY` (was `AT`)"]),
    ],
)
def test_a_calendar(old: str | None, new: str | None, sentences: list[str]) -> None:
    said = [f"group finance: {sentence}" for sentence in sentences]
    assert told(with_calendar(old), with_calendar(new)) == (said, None)
