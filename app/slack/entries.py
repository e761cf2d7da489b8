"""One request among many: a line or two, and a Details button."""

from __future__ import annotations

from app.slack.pieces import Entry, date
from app.slack.rights import details_button
from app.slack.text import excerpt, mrkdwn, one_line, short
from app.slack.words import STATUS, name, titled
from app.use_cases.card_facts import CardFacts

SIZE = 560
"""Characters that one entry takes at most."""


def entry(facts: CardFacts, *, button: bool) -> Entry:
    """One request; ``button``: with Details beside it."""
    whom = "" if facts.on_behalf_of is None else f"\nOn behalf of, says the bot: {_cut(facts.on_behalf_of, 80)}"
    if facts.incident is not None:
        whom = (
            f"\nUndoes {len(facts.incident.items):,}; incident, in a person's words: {_cut(facts.incident.title, 60)}"
        )
    status = STATUS.get(facts.status, one_line(facts.status)).partition(":")[0]
    said = f"{titled(facts)}\n{_asker(facts)} · {status}{whom}"
    return Entry(
        said, f"{_when(facts)} · Digest `{mrkdwn(short(facts.digest))}`", details_button(facts) if button else None
    )


def _asker(facts: CardFacts) -> str:
    if facts.asker is not None:
        return f"Asked by {_cut(facts.asker, 40)}"
    return f"{_cut(facts.bot_title, 40)} ({_cut(facts.bot or '', 20)})"


def _cut(text: str, most: int) -> str:
    return excerpt(name(text, 10**6), most)


def _when(facts: CardFacts) -> str:
    if facts.status == "held":
        return f"Closes {date(facts.expires_at)}"
    return f"Since {date(facts.updated_at)}"
