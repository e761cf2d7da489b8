"""What a message in Slack must show, by its kind: a card, a digest, or a bare card when Slack takes no other."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.slack import sections
from app.slack.card import Card, card
from app.slack.digest import digest
from app.slack.incident_thread import progress
from app.slack.pieces import Buttons, Prose, as_json, line
from app.slack.released import told_of
from app.slack.rights import details_button
from app.slack.thread import Reply, reminding, replies
from app.use_cases.card_facts import CardFacts
from app.use_cases.messages import Item, Picture

ERASED = "What stood here was erased."


@dataclass(frozen=True, slots=True)
class Renderer:
    """Pictures of messages. ``api_url``: where what Slack cannot do is done."""

    api_url: str

    def __call__(self, message_id: uuid.UUID, kind: str, items: Sequence[Item]) -> Picture:
        """The picture of a message of this kind and its requests."""
        shown = self._card(kind, items)
        there = [item for item in items if item.facts.erased_at is None]
        alone = len(items) == 1 and kind != "digest"
        thread = _alone(there[0]) if there and alone else _of_many(there)
        return Picture(
            content=shown.content() if shown.decides else None,
            compose=lambda seal: _marked(shown.message(seal), message_id, "message"),
            replies={reply.key: _reply(reply, message_id, facts) for facts, reply in thread},
            blank={"text": ERASED, "blocks": as_json((Prose((line(ERASED),)),), None)},
        )

    def _card(self, kind: str, items: Sequence[Item]) -> Card:
        all_facts = [item.facts for item in items]
        if kind == "digest":
            return digest(all_facts)
        return bare(all_facts) if kind == "bare" else card(all_facts[0], live=items[0].live, api_url=self.api_url)


def _alone(item: Item) -> Iterator[tuple[CardFacts, Reply]]:
    if item.reminder is not None:
        yield item.facts, reminding(item.facts, item.reminder)
    told = (*told_of(item.facts, item.told), *progress(item.facts), *replies(item.facts))
    yield from ((item.facts, reply) for reply in told)


def _of_many(items: Sequence[Item]) -> Iterator[tuple[CardFacts, Reply]]:
    """Under a message of several requests only what people are called for, with a key that says for which request."""
    for item in items:
        if item.reminder is not None:
            reply = reminding(item.facts, item.reminder)
            yield item.facts, replace(reply, key=f"{reply.key}-{item.facts.request_id}")
        for reply in told_of(item.facts, item.told):
            yield item.facts, replace(reply, key=f"{reply.key}-{item.facts.request_id}")


def bare(items: Sequence[CardFacts]) -> Card:
    """Titles and Details alone: for requests of which Slack refuses the card, or the digest."""
    said = Prose((line("Slack does not take what was to be shown here: Details shows it."),))
    titled = ((sections.header(facts), Buttons((details_button(facts),))) for facts in items)
    whole = card(items[0], live=False, api_url="") if len(items) == 1 else digest(items)
    return Card(whole.text, (said, *(block for blocks in titled for block in blocks)), whole.event)


def _reply(reply: Reply, message_id: uuid.UUID, facts: CardFacts) -> dict[str, Any]:
    event = {"event_type": "interlock_reply", "event_payload": {"request_id": facts.request_id}}
    return _marked({"text": reply.text, "blocks": reply.blocks, "metadata": event}, message_id, reply.key)


def _marked(message: dict[str, Any], message_id: uuid.UUID, what: str) -> dict[str, Any]:
    """With what `app.slack.delivery` finds it by when the answer to its posting was lost."""
    event = message["metadata"]
    payload = {**event["event_payload"], "message": str(message_id), "what": what}
    return {**message, "metadata": {**event, "event_payload": payload}}
