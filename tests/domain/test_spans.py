"""Elapsed and business time: how they are spelled, which is the longer, and when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.spans import (
    BusinessSpan,
    Span,
    by_the_wall,
    closing,
    comparable,
    longer,
    over,
    reminders,
    span,
    span_text,
    united,
)
from tests.domain.strategies import NOW, business_spans, spans

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 7, 6, 7, tzinfo=UTC)
any_span = spans | business_spans


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("30m", timedelta(minutes=30)),
        ("1 business hour", BusinessSpan(1, "hours")),
        ("4 business hours", BusinessSpan(4, "hours")),
        ("1 business hours", BusinessSpan(1, "hours")),
        ("2 business day", BusinessSpan(2, "days")),
        ("90 business minutes", BusinessSpan(90, "minutes")),
        ("99999 business days", BusinessSpan(99999, "days")),
    ],
)
def test_a_span(text: str, wanted: Span) -> None:
    assert span(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        *("0 business hours", "00 business hours", "01 business hours", "-1 business hours", "1.5 business hours"),
        *("100000 business days", "4 businesshours", "4business hours", "4 business  hours", "4 Business hours"),
        *("4 business hours ", " 4 business hours", "4 business hours\n", "4 business weeks", "business hours"),
        *("4 working hours", "2bh", "1b d", "\u0663 business hours", "4 business hours 30 business minutes", ""),
    ],
)
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration.*or as in 4 business hours"):
        span(text)


def test_a_span_says_how_it_is_spelled() -> None:
    assert [str(BusinessSpan(count, "days")) for count in (1, 2)] == ["1 business day", "2 business days"]


@given(any_span)
def test_a_span_comes_back_from_its_text(one: Span) -> None:
    assert span(span_text(one)) == one


@given(any_span, any_span)
def test_spans_of_one_kind_are_the_longer_or_not_and_others_never_compared(one: Span, other: Span) -> None:
    kinds = [type(each) if isinstance(each, timedelta) else each.unit == "days" for each in (one, other)]
    assert comparable(one, other) is comparable(other, one) is (kinds[0] == kinds[1])
    if comparable(one, other):
        assert not (longer(one, other) and longer(other, one))
        ends = [over(each, "leads", NOW, by_the_wall) for each in (one, other)]
        assert longer(one, other) is (ends[0] > ends[1])


def test_an_hour_is_no_longer_than_sixty_minutes() -> None:
    one, other = BusinessSpan(1, "hours"), BusinessSpan(60, "minutes")
    assert not longer(one, other)
    assert not longer(other, one)


@given(st.lists(any_span, max_size=6), st.randoms(use_true_random=False))
def test_spans_unite_in_one_order(many: list[Span], random: object) -> None:
    shuffled = list(many)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert united(shuffled) == united(many) == united([*many, *many])
    assert set(united(many)) == set(many)
    assert len(united(many)) == len(set(many))


def test_without_a_calendar_business_time_is_over_rather_early_than_late() -> None:
    told = [by_the_wall("leads", NOW, BusinessSpan(2, unit)) - NOW for unit in ("minutes", "hours", "days")]
    assert told == [HOUR / 30, 2 * HOUR, 16 * HOUR]


def next_monday(_group: str, begins: datetime, _span: BusinessSpan) -> datetime:
    """A calendar by which everything is over on Monday."""
    return max(MONDAY, begins + HOUR)


@pytest.mark.parametrize(
    ("clocks", "closes_at"),
    [
        ((), None),
        ((HOUR,), NOW + HOUR),
        ((BusinessSpan(1, "hours"),), MONDAY),
        ((6 * DAY, BusinessSpan(1, "hours")), MONDAY),
        ((HOUR, BusinessSpan(1, "hours")), NOW + HOUR),
    ],
)
def test_a_stage_closes_when_the_first_of_its_clocks_is_over(
    clocks: tuple[Span, ...], closes_at: datetime | None
) -> None:
    assert closing(clocks, "leads", NOW, next_monday) == closes_at


@given(st.lists(any_span, max_size=5), st.none() | spans)
def test_reminders_come_in_order_once_each_and_before_the_stage_is_over(
    many: list[Span], within: timedelta | None
) -> None:
    closes_at = None if within is None else NOW + within
    moments = reminders(many, "leads", NOW, closes_at, by_the_wall)
    assert list(moments) == sorted(set(moments))
    due = {over(one, "leads", NOW, by_the_wall) for one in many}
    assert set(moments) == {at for at in due if closes_at is None or at < closes_at}
