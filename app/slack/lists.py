"""What one person sees: their pending requests, the home tab, and a request's story."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.slack.card import MAX_LENGTH, inert
from app.slack.entries import SIZE, entry
from app.slack.pieces import MAX_VIEW_BLOCKS, Block, Header, Prose, Sent, as_json, line
from app.use_cases.card_facts import CardFacts

MAX_LISTED = (MAX_LENGTH - 300) // SIZE
"""How many requests a message lists; the web API has the rest."""

MAX_AT_HOME = 40


def pending(items: Sequence[CardFacts], more: bool) -> dict[str, Any]:
    """``text`` and ``blocks``: the requests that a person may decide. ``more``: there are others beyond these."""
    count = _count(items, more, MAX_LISTED)
    blocks = as_json((Header("Waiting for you"), *_listed(items, more, MAX_LISTED)), Sent(None))
    return {"text": f"Waiting for you: {count}", "blocks": blocks}


def home(items: Sequence[CardFacts], more: bool, linked: bool) -> dict[str, Any]:
    """The view of a person's home tab. ``linked``: whether their account is a person's here."""
    listed = _listed(items, more, MAX_AT_HOME) if linked else _how_to_link()
    blocks = as_json((Header("Waiting for you"), *listed), Sent(None), MAX_VIEW_BLOCKS)
    return {"type": "home", "callback_id": "home", "blocks": blocks}


def _listed(items: Sequence[CardFacts], more: bool, most: int) -> Iterator[Block]:
    if not items:
        yield Prose((line("Nothing waits for you."),))
    for facts in items[:most]:
        yield entry(facts, button=True)
    if more or len(items) > most:
        yield Prose((line("There are more than are listed here; decide some of these, or use the web API."),))


def _count(items: Sequence[CardFacts], more: bool, most: int) -> str:
    return f"more than {min(len(items), most)}" if more or len(items) > most else str(len(items))


def _how_to_link() -> Iterator[Block]:
    yield Prose((line("Your Slack account is not linked to a person here, so you cannot decide anything."),))
    yield Prose((line("Type /interlock link in any conversation, and follow what it says."),))


def story(facts: CardFacts) -> dict[str, Any]:
    """``text`` and ``blocks``: all that a card shows, with Details and no decision buttons."""
    shown = inert(facts)
    return {"text": shown.text, "blocks": shown.message(None)["blocks"]}
