"""Modals that ask for a reason, and modals that only say something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.domain.errors import Malformed
from app.slack import sections
from app.slack.incidents import listed
from app.slack.parameters import telling
from app.slack.pieces import Block, Bullets, Field, Json, Prose, Small, Verbatim, as_json, bold, line, plain
from app.slack.text import excerpt, mrkdwn, one_line, short
from app.slack.values import Click, Origin, metadata, metadata_of
from app.slack.words import titled
from app.use_cases.card_facts import CardFacts

Decision = Literal["deny", "approve"]

_TITLE = {"deny": "Deny this request", "approve": "Approve this request"}
_SUBMIT = {"deny": "Deny", "approve": "Approve"}
_MAX_TITLE = 24
_MAX_SENTENCE = 2_900
_MAX_ROW = 300
_MAX_TOLD = 1_000


@dataclass(frozen=True, slots=True)
class FormState:
    """What a submitted form says. ``reason``: as it was typed, white space around it removed."""

    decision: Decision
    reason: str
    click: Click
    origin: Origin


def reason_form(decision: Decision, facts: CardFacts, click: Click, origin: Origin) -> Json:
    """The modal that asks why somebody decides so. ``click``: the button that led here, kept for the decision."""
    why = f"Why do you {decision} it? People will read this, and it is kept."
    return {
        "type": "modal",
        "callback_id": decision,
        "title": plain(_TITLE[decision]),
        "submit": plain(_SUBMIT[decision]),
        "close": plain("Back"),
        "private_metadata": metadata(click, origin),
        "blocks": as_json((*_essentials(facts), Field("reason", "Reason", why)), None),
    }


def _essentials(facts: CardFacts) -> tuple[Block, ...]:
    told, (label, note) = _asked(facts), sections.asked(facts)
    return (
        Prose((line(bold(titled(facts))), *sections.askers(facts, sections.ROOMY))),
        *sections.behalf(facts, sections.ROOMY),
        *((Prose((line(bold(label), note), Verbatim(told))),) if told else ()),
        Small(f"Digest `{mrkdwn(short(facts.digest))}`"),
    )


def _asked(facts: CardFacts) -> str:
    """What it asks for, as far as a form repeats it."""
    if facts.incident is None:
        return telling(facts.parameters, _MAX_TOLD)
    many, count = listed(facts.incident, _MAX_TOLD), len(facts.incident.items)
    left = f"({many.left:,} of {count:,} are not repeated here)" if many.left else ""
    return "\n".join(part for part in (many.text, left) if part)


def form_state(view: Json) -> FormState:
    """What a submitted `reason_form` says. Raises Malformed for any other view."""
    decision = view.get("callback_id")
    if decision not in ("deny", "approve"):
        raise Malformed("This is not a form of Interlock; open the request again.")
    click, origin, _ = metadata_of(view)
    return FormState(decision, typed(view), click, origin)


def typed(view: Json) -> str:
    """The reason that was typed into a submitted form, white space around it removed."""
    value: Any = view
    for key in ("state", "values", "reason", "reason", "value"):
        value = value.get(key) if isinstance(value, dict) else None
    return value.strip() if isinstance(value, str) else ""


def notice(title: str, sentence: str, rows: Sequence[str] = ()) -> Json:
    """A modal that only says something, and perhaps lists something."""
    said = excerpt(one_line(sentence), _MAX_SENTENCE, "not shown here")
    listed = Bullets(tuple(line(excerpt(one_line(row), _MAX_ROW, "not shown here")) for row in rows)) if rows else None
    return {
        "type": "modal",
        "callback_id": "notice",
        "title": plain(one_line(title)[:_MAX_TITLE]),
        "close": plain("Close"),
        "blocks": as_json((Prose((line(said), *((listed,) if listed else ()))),), None),
    }
