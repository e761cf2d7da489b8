"""One message for many low-risk holds of a channel: it shows them, and Details decides."""

from __future__ import annotations

from collections.abc import Sequence

from app.slack.card import MAX_LENGTH, Card
from app.slack.entries import SIZE, entry
from app.slack.pieces import Block, DoesNotFit, Header, Small
from app.use_cases.card_facts import CardFacts

MAX_ITEMS = (MAX_LENGTH - 300) // SIZE
"""How many requests one digest message can show, however long their titles."""


def digest(items: Sequence[CardFacts]) -> Card:
    """A line for each request, with Details while it is held; at most `MAX_ITEMS`. Raises DoesNotFit."""
    if not 0 < len(items) <= MAX_ITEMS:
        raise DoesNotFit(f"a digest of {len(items)} requests; it shows 1 to {MAX_ITEMS}")
    held = sum(1 for facts in items if facts.status == "held")
    count = "1 request waits" if held == 1 else f"{held} requests wait"
    blocks: tuple[Block, ...] = (
        Header("Requests of low risk"),
        Small(f"{count} for a decision, of {len(items)} shown. Open one with Details to decide it."),
        *(entry(facts, button=facts.status == "held") for facts in items),
    )
    payload = {"request_ids": [facts.request_id for facts in items]}
    return Card(f"{count} for a decision", blocks, {"event_type": "interlock_digest", "event_payload": payload})
