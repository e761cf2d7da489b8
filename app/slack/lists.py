"""What one person sees: their pending requests, the home tab, and a request's story."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.domain.clocks import moment
from app.slack.card import MAX_LENGTH, inert
from app.slack.entries import SIZE, entry
from app.slack.pieces import MAX_VIEW_BLOCKS, Block, Header, Line, Prose, Sent, as_json, bold, line
from app.use_cases.card_facts import CardFacts
from app.use_cases.views import View

MAX_LISTED = (MAX_LENGTH - 300) // SIZE
"""How many requests a message lists; the web API has the rest."""

MAX_AT_HOME = 40
MAX_REVIEWS = 10


def pending(items: Sequence[CardFacts], more: bool, reviews: Sequence[View] = ()) -> dict[str, Any]:
    """``text`` and ``blocks``: the requests that a person may decide. ``more``: there are others beyond these.

    ``reviews``: as the API lists them, those that this person is to make.
    """
    count = _count(items, more, MAX_LISTED)
    blocks = as_json((Header("Waiting for you"), *_listed(items, more, MAX_LISTED), *_owed(reviews)), Sent(None))
    return {"text": f"Waiting for you: {count}", "blocks": blocks}


def home(items: Sequence[CardFacts], more: bool, linked: bool, reviews: Sequence[View] = ()) -> dict[str, Any]:
    """The view of a person's home tab. ``linked``: whether their account is a person's here; the rest as `pending`."""
    listed = _listed(items, more, MAX_AT_HOME) if linked else _how_to_link()
    blocks = as_json((Header("Waiting for you"), *_owed(reviews), *listed), Sent(None), MAX_VIEW_BLOCKS)
    return {"type": "home", "callback_id": "home", "blocks": blocks}


def _listed(items: Sequence[CardFacts], more: bool, most: int) -> Iterator[Block]:
    if not items:
        yield Prose((line("Nothing waits for you."),))
    for facts in items[:most]:
        yield entry(facts, button=True)
    if more or len(items) > most:
        yield Prose((line("There are more than are listed here; decide some of these, or use the web API."),))


def _owed(reviews: Sequence[View]) -> Iterator[Block]:
    if reviews:
        yield Prose((line(bold("Reviews that you are asked for")), *map(_review, reviews[:MAX_REVIEWS])))
    if len(reviews) > MAX_REVIEWS:
        yield Prose((line("There are more reviews: interlock reviews list --open"),))


def _review(one: View) -> Line:
    alone = f"{one['action']}, which {one['person']} released alone" if one["kind"] == "break-glass" else None
    what = alone or f"the bot {one['bot']}, by its owners"
    return line(f"{what}, by ", moment(one["due_at"]), f": interlock reviews attest {one['id']}")


def _count(items: Sequence[CardFacts], more: bool, most: int) -> str:
    return f"more than {min(len(items), most)}" if more or len(items) > most else str(len(items))


def _how_to_link() -> Iterator[Block]:
    yield Prose((line("Your Slack account is not linked to a person here, so you cannot decide anything."),))
    yield Prose((line("Type /interlock link in any conversation, and follow what it says."),))


def story(facts: CardFacts) -> dict[str, Any]:
    """``text`` and ``blocks``: all that a card shows, with Details and no decision buttons."""
    shown = inert(facts)
    return {"text": shown.text, "blocks": shown.message(None)["blocks"]}
