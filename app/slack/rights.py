"""Which of Approve and Deny a surface may carry, and what it says instead."""

from __future__ import annotations

from dataclasses import dataclass

from app.slack.incidents import beyond
from app.slack.parameters import holds_hidden, telling
from app.slack.pieces import Button, Buttons, Confirm
from app.slack.text import excerpt, one_line, short
from app.slack.values import Click
from app.slack.words import titled
from app.use_cases.card_facts import CardFacts

REVEALED_ONLY = frozenset({"high", "critical"})
"""Risks that are approved only where masked values can be revealed."""

_CONFIRM_TEXT = 300


@dataclass(frozen=True, slots=True)
class Rights:
    """The decision buttons of a surface, and the sentences that stand in for those it does not have."""

    approve: bool = False
    deny: bool = False
    notes: tuple[str, ...] = ()


def rights(facts: CardFacts, *, live: bool, api_url: str, missing: int = 0, left: int = 0) -> Rights:
    """What people may decide on a surface. ``missing``: how many characters of the ask it cannot show.

    ``left``: how many of the items that it would run.
    """
    stage = facts.open_stage
    if stage is None:
        return Rights()
    if not live:
        return Rights(notes=("There is nothing to decide here now.",))
    where = f"{api_url.rstrip('/')}/v1/requests/{facts.request_id}"
    if stage.level != "click":
        want = f"This stage wants the sign-in level {one_line(stage.level)}; a click in Slack is weaker."
        return Rights(notes=(f"{want} Decide over the web API: {where}/decisions",))
    notes = []
    if masked := facts.risk in REVEALED_ONLY and holds_hidden(facts.parameters, facts.not_shown):
        said = f"Risk is {facts.risk} and some values are not shown here."
        notes.append(f"{said} Approve where they can be revealed, over the web API: {where}")
    if beyond(facts):
        notes.append(f"All that would run is more than Slack can show. Sign it over the web API: {where}")
        return Rights(deny=True, notes=tuple(notes))
    if missing or left:
        more = f"{left:,} more of what would run" if left else f"{missing:,} more characters of it"
        notes.append(f"{more} do not fit on this card. Details shows all of it, page by page.")
        notes += [] if masked else ["Approve is on the last page of Details."]
    return Rights(approve=not masked and not missing and not left, deny=True, notes=tuple(notes))


def about(facts: CardFacts) -> Click:
    """What the buttons of this request carry, but for the hash of what was shown."""
    return Click(facts.request_id, facts.digest, None)


def deciding(facts: CardFacts, may: Rights) -> tuple[Button, ...]:
    """Approve and Deny, as far as they may be there."""
    click = about(facts)
    approve = Button("approve", "Approve", click, "primary", confirmation(facts))
    deny = Button("deny", "Deny", click, "danger")
    return tuple(button for button, there in ((approve, may.approve), (deny, may.deny)) if there)


def details_button(facts: CardFacts) -> Button:
    """The button that opens Details."""
    return Button("details", "Details", about(facts))


def row(*buttons: Button) -> tuple[Buttons, ...]:
    """A row of these buttons; none at all for none."""
    return (Buttons(buttons),) if buttons else ()


def confirmation(facts: CardFacts) -> Confirm | None:
    """The question before an approval of critical risk counts: the essentials once more."""
    if facts.risk != "critical":
        return None
    whom = "" if facts.on_behalf_of is None else f"For: {excerpt(one_line(facts.on_behalf_of), 20, 'on the card')}\n"
    start = f"{titled(facts, 40)}\n{whom}"
    end = f"\nDigest: {one_line(short(facts.digest))}"
    room = _CONFIRM_TEXT - len(start) - len(end)
    many = facts.incident and f"It undoes {len(facts.incident.items):,} requests, under this one signature."
    text = start + (many or telling(facts.parameters, room)) + end
    return Confirm("Critical risk: approve this?", text, "Approve", "Go back")
