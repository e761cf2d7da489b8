"""A card after an escalation: from whom it came to whom, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.slack.card import card
from app.slack.details import details
from app.use_cases.card_facts import CardFacts, EscalationFacts
from tests.fakes.slack.block_kit import readable
from tests.slack.facts import API, NOON, request, stage
from tests.slack.seen import fine

LATE = EscalationFacts(("support-leads",), ("duty",), "stage-time-over", NOON)
EMPTY = EscalationFacts(("support-leads", "duty"), ("legal",), "quorum-out-of-reach", NOON + timedelta(minutes=1))


def escalated(*escalations: EscalationFacts) -> CardFacts:
    groups = ("support-leads", *(group for one in escalations for group in one.to))
    return request(stages=(stage("support-leads", status="open", groups=groups, escalations=escalations),))


def shown(facts: CardFacts) -> str:
    message = card(facts, live=True, api_url=API).message(None)
    fine(message)
    return readable(message["blocks"])


def test_each_escalation_says_from_whom_to_whom_and_why() -> None:
    lines = [line for line in shown(escalated(LATE, EMPTY)).split("\n") if line.startswith("Escalated")]
    assert lines == [
        "Escalated: from support-leads to duty: their time was over, 2026-11-24 12:00 UTC",
        (
            "Escalated: from support-leads, duty to legal: too few of them were left who may decide it, "
            "2026-11-24 12:01 UTC"
        ),
    ]


def test_details_say_it_too() -> None:
    pages = details(escalated(LATE), live=True, api_url=API).content()
    assert "from support-leads to duty: their time was over" in readable(pages)


@pytest.mark.parametrize("status", ["approved", "succeeded", "expired"])
def test_what_is_over_is_not_told_as_going_on(status: str) -> None:
    assert "Escalated" not in shown(replace(escalated(LATE), status=status))


def test_a_why_that_a_later_release_wrote_is_shown_as_it_is() -> None:
    assert ": sun-is-out, 2026" in shown(escalated(replace(LATE, why="sun-is-out")))


def test_the_next_reminder_stands_with_its_stage() -> None:
    facts = request(stages=(stage("support-leads", status="open", remind_at=NOON),))
    assert ", next reminder 2026-11-24 12:00 UTC" in shown(facts)
