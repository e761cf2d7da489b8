"""The card of one request, as of one version: what people see in a channel, and decide on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.slack import relations, sections
from app.slack.escalations import escalated
from app.slack.incidents import FEW, about, kinds_left, listed
from app.slack.parameters import printed
from app.slack.pieces import Block, Buttons, Prose, Sent, Verbatim, as_json, bold, labelled, length, line
from app.slack.released import released
from app.slack.rights import Rights, deciding, details_button, rights
from app.slack.sections import ROOMY, TIGHT, Caps
from app.slack.text import one_line, spoken
from app.slack.words import STATUS, asks, titled
from app.use_cases.card_facts import CardFacts
from app.use_cases.incident_facts import IncidentFacts

MAX_PARAMETERS = 5_000
"""Characters of parameters that a card shows; longer ones are in Details alone."""

MAX_LENGTH = 9_000
"""Characters of all texts of a card; Slack refuses somewhere above 12,000."""


@dataclass(frozen=True, slots=True)
class Card:
    """A message that shows requests. ``decides``: it has Approve or Deny. ``event``: the message's metadata."""

    text: str
    blocks: tuple[Block, ...]
    event: dict[str, Any]

    @property
    def decides(self) -> bool:
        """True when it has Approve or Deny."""
        rows = (block for block in self.blocks if isinstance(block, Buttons))
        return any(button.action in {"approve", "deny"} for row in rows for button in row.buttons)

    def content(self) -> list[dict[str, Any]]:
        """The blocks without any button's value or confirmation: what the hash of what was shown commits to."""
        return as_json(self.blocks, None)

    def message(self, card_hash: str | None) -> dict[str, Any]:
        """For chat.postMessage and chat.update. ``card_hash``: of `content`, when decisions can be made on it."""
        return {"text": self.text, "blocks": as_json(self.blocks, Sent(card_hash)), "metadata": self.event}


def card(facts: CardFacts, *, live: bool, api_url: str) -> Card:
    """The card of a request. ``live``: False for a place whose people are not asked now: no decision buttons.

    ``api_url``: where what Slack cannot do is done.
    """
    if facts.erased_at is not None:
        return _erased(facts)
    shown = _Shown.of(facts)

    def blocks(caps: Caps) -> tuple[Block, ...]:
        missing, left = _missing(facts, shown, caps), _left(facts, shown, caps)
        may = rights(facts, live=live, api_url=api_url, missing=missing, left=left)
        return _told(facts, shown, caps, may)

    return _fitting(facts, blocks)


def inert(facts: CardFacts) -> Card:
    """What a card shows, without any decision button and without a word about them."""
    if facts.erased_at is not None:
        return _erased(facts)
    shown = _Shown.of(facts)
    return _fitting(facts, lambda caps: _told(facts, shown, caps, Rights(), whole=True))


def _erased(facts: CardFacts) -> Card:
    """What is left to be said of a request whose content is gone."""
    assert facts.erased_at is not None  # noqa: S101  for the type checker: the callers asked
    said = Prose(
        (line(bold("Its content was erased"), ", ", facts.erased_at, ". The ledger says what was done with it."),)
    )
    return Card(_text(facts), (sections.header(facts), sections.summary(facts, TIGHT), said), _event(facts))


@dataclass(frozen=True, slots=True)
class _Shown:
    """Parameters as printed: those that are asked for, and of a rollback those of what it undoes.

    ``fits`` and ``both_fit``: on a card, alone and together. ``left``: how many of many items are not in ``asked``.
    """

    asked: str
    undone: str
    left: int = 0

    @classmethod
    def of(cls, facts: CardFacts) -> _Shown:
        if facts.incident is not None:
            return cls._of_many(facts.incident)
        return cls(printed(facts.parameters), relations.printed_original(facts))

    @classmethod
    def _of_many(cls, incident: IncidentFacts) -> _Shown:
        """All of them where they fit, else the first few."""
        whole = listed(incident, MAX_PARAMETERS)
        few = listed(incident, FEW) if whole.left else whole
        return cls(few.text, "", few.left)

    @property
    def fits(self) -> bool:
        return len(self.asked) <= MAX_PARAMETERS

    @property
    def both_fit(self) -> bool:
        return len(self.asked) + len(self.undone) <= MAX_PARAMETERS

    @property
    def missing(self) -> int:
        return (0 if self.fits else len(self.asked)) + (0 if self.both_fit else len(self.undone))


def _fitting(facts: CardFacts, blocks: Callable[[Caps], tuple[Block, ...]]) -> Card:
    roomy = blocks(ROOMY)
    fits = length(as_json(roomy, None)) <= MAX_LENGTH
    return Card(_text(facts), roomy if fits else blocks(TIGHT), _event(facts))


def _told(facts: CardFacts, shown: _Shown, caps: Caps, may: Rights, *, whole: bool = False) -> tuple[Block, ...]:
    """All blocks of a card. ``may``: the decision buttons it has; ``whole``: related requests by their whole ids."""
    why = sections.reason(facts, caps)
    return (
        sections.header(facts),
        sections.summary(facts, caps),
        *escalated(facts, caps),
        *released(facts, caps),
        *(why if facts.asker is not None else ()),
        *relations.reversed_by(facts, caps, whole=whole),
        *relations.settlements(facts, caps),
        *relations.change(facts, caps),
        *relations.undoes(facts, caps),
        *about(facts, caps),
        *sections.behalf(facts, caps),
        *relations.undone(facts, shown.undone if shown.both_fit else None, caps),
        *_parameters(facts, shown),
        *sections.not_shown(facts, caps),
        *(why if facts.asker is None else ()),
        sections.policy(facts, caps),
        *sections.plan(facts, caps),
        *sections.decisions(facts, caps),
        *sections.people(facts, caps),
        sections.clock(facts),
        *sections.notes(may.notes),
        Buttons((*deciding(facts, may), details_button(facts))),
    )


def _missing(facts: CardFacts, shown: _Shown, caps: Caps) -> int:
    """How many characters of what is asked for, and for whom, this card cannot show."""
    said = [len(one_line(text)) for text in (facts.on_behalf_of, facts.triggered_by) if text is not None]
    return shown.missing + sum(max(0, long - caps.behalf) for long in said)


def _left(facts: CardFacts, shown: _Shown, caps: Caps) -> int:
    """How many items of what would run this card cannot show in full: each, where its kind is not shown."""
    incident = facts.incident
    return 0 if incident is None else shown.left or (len(incident.items) if kinds_left(incident, caps) else 0)


def _parameters(facts: CardFacts, shown: _Shown) -> tuple[Prose, ...]:
    label, note = sections.asked(facts)
    if shown.left and not shown.asked:
        return (Prose((labelled(label, f"{shown.left:,}, too long for a card; all are in Details"),)),)
    if not shown.asked:
        return (Prose((labelled(label, sections.without(facts)),)),)
    if not shown.fits:
        long = f"{len(shown.asked):,} characters, too many for a card; all are in Details"
        return (Prose((labelled(label, long),)),)
    return (Prose((line(bold(label), _how_many(facts, shown), note), Verbatim(shown.asked))),)


def _how_many(facts: CardFacts, shown: _Shown) -> str:
    many = 0 if facts.incident is None else len(facts.incident.items)
    return f": the first {many - shown.left:,} of {many:,}; all are in Details" if shown.left else ""


def _text(facts: CardFacts) -> str:
    what = f"{spoken(titled(facts))} ({spoken(asks(facts))})"
    if facts.status == "held":
        return f"Held for a decision: {what}"
    return f"{STATUS.get(facts.status, spoken(facts.status)).partition(':')[0]}: {what}"


def _event(facts: CardFacts) -> dict[str, Any]:
    payload = {"request_id": facts.request_id, "version": facts.version}
    return {"event_type": "interlock_request", "event_payload": payload}


__all__ = ["MAX_LENGTH", "MAX_PARAMETERS", "Card", "card", "inert"]
