"""That a stage went to more groups: from which, to which, and why. Who is asked after others must know it."""

from __future__ import annotations

from collections.abc import Iterator

from app.slack.pieces import Line, Prose, labelled
from app.slack.sections import Caps, listing
from app.slack.words import ESCALATED, group, name
from app.use_cases.card_facts import CardFacts, EscalationFacts


def escalated(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """The escalations of the stage that is open, the latest ones where there is little room."""
    stage = facts.open_stage
    if stage is None or not stage.escalations:
        return ()
    return (Prose(tuple(_lines(stage.escalations[-caps.listed :], caps))),)


def _lines(escalations: tuple[EscalationFacts, ...], caps: Caps) -> Iterator[Line]:
    for one in escalations:
        came = listing(list(map(group, one.groups)), caps.listed, caps.name) or "nobody"
        went = listing(list(map(group, one.to)), caps.listed, caps.name)
        yield labelled("Escalated", f"from {came} to {went}: {ESCALATED.get(one.why, name(one.why))}, ", one.at)
