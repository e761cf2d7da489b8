"""Clocks and calendars: reminders that come in order and in time, and a calendar wherever business time is counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from app.domain.errors import Finding
from app.domain.spans import comparable, longer, span
from app.governance import models
from app.governance.calendars import unknown_holidays
from app.governance.entries import Known
from app.governance.literals import zone_exists
from app.governance.tree import Entry


def clock_findings(known: Known) -> Iterator[Finding]:
    """Every finding about a calendar, a reminder or a span of business time."""
    groups = known.by_name("groups", models.Group)
    for entry, group in known.of("groups", models.Group):
        if group.calendar is not None:
            yield from _of_calendar(entry, group.calendar)
    for entry, plan in known.of("plans", models.Plan):
        for number, stage in enumerate(plan.stages):
            yield from _of_reminders(entry, number, stage)
            group_of_it = groups.get(stage.group)
            if group_of_it is not None and group_of_it.calendar is None:
                yield from _without_calendar(entry, number, stage)


def _of_calendar(entry: Entry, calendar: models.Calendar) -> Iterator[Finding]:
    if not zone_exists(calendar.time_zone):
        yield Finding(entry.where("calendar", "time_zone"), f"the time zone {calendar.time_zone!r:.80} is unknown")
    kept = calendar.holidays
    wrong = None if kept is None else unknown_holidays(kept.country, kept.subdivision)
    if wrong is not None:
        yield Finding(entry.where("calendar", "holidays"), wrong)


def _of_reminders(entry: Entry, number: int, stage: models.Stage) -> Iterator[Finding]:
    spans = [span(text) for text in stage.remind]
    within = None if stage.within is None else span(stage.within)
    for n, one in enumerate(spans):
        where = entry.where("stages", number, "remind", n)
        if any(comparable(one, earlier) and not longer(one, earlier) for earlier in spans[:n]):
            yield Finding(where, f"{stage.remind[n]} is not longer than those before it; reminders come in order")
        if within is not None and comparable(one, within) and not longer(within, one):
            yield Finding(where, f"{stage.remind[n]} is not before the stage is over, after {stage.within}")


def _without_calendar(entry: Entry, number: int, stage: models.Stage) -> Iterator[Finding]:
    """Business time is counted by the calendar of the stage's own group, also once it has escalated."""
    clocks: list[tuple[tuple[str | int, ...], str | None]] = [(("within",), stage.within)]
    clocks += [(("remind", n), text) for n, text in enumerate(stage.remind)]
    for path, text in clocks:
        if text is not None and not isinstance(span(text), timedelta):
            what = f"{text} needs a calendar, and the group {stage.group} has none"
            yield Finding(entry.where("stages", number, *path), what)
