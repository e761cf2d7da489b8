"""That one person released it alone: who, why, and who must review it by when. Their words are never read as markup."""

from __future__ import annotations

from collections.abc import Iterator

from app.slack.pieces import Line, Mention, Prose, Run, Verbatim, as_json, bold, labelled, line
from app.slack.sections import Caps, listing
from app.slack.text import excerpt, spoken, visible
from app.slack.thread import MAX_MENTIONS, MAX_REASON, Reply
from app.slack.words import name, titled
from app.use_cases.card_facts import CardFacts, GlassFacts
from app.use_cases.released import Told

BROKEN, REVIEWED = "glass-broken", "reviewed"
"""The keys of the two replies."""


def released(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """For a card and Details."""
    glass = facts.glass
    if glass is None:
        return ()
    shown = Verbatim(excerpt(visible(glass.reason), caps.reason, lines=caps.lines))
    said = labelled("Released alone by", name(glass.person, caps.name), ", ", glass.at, ", for this reason:")
    return (Prose((said, shown, *_how_far(glass, caps))),)


def _how_far(glass: GlassFacts, caps: Caps) -> Iterator[Line]:
    if glass.void_at is not None:
        yield line(bold("Newer rules took that back"), ", ", glass.void_at, ": it takes people again")
    if glass.finding is None:
        named = listing(list(glass.reviewers), caps.listed, caps.name)
        yield labelled("To be reviewed", f"by {named}, until ", glass.due_at, "; else the bot is suspended")
    else:
        yield labelled("Reviewed", f"found {glass.finding} by {name(glass.reviewer or '', caps.name)}")


def told_of(facts: CardFacts, told: Told | None) -> Iterator[Reply]:
    """The replies under its card, to the bot's owners and to who must review it. Nothing while it is not so."""
    glass = facts.glass
    if glass is None or told is None:
        return
    yield Reply(
        BROKEN, f"Released alone: {spoken(titled(facts))}", as_json((Prose(_broken(facts, glass, told)),), None)
    )
    if glass.finding is not None:
        said = line(bold("Reviewed"), f": found {glass.finding} by {name(glass.reviewer or '')}, in their words:")
        words = Verbatim(excerpt(visible(glass.found or ""), MAX_REASON))
        yield Reply(REVIEWED, f"Reviewed: {spoken(titled(facts))}", as_json((Prose((said, words)),), None))


def _broken(facts: CardFacts, glass: GlassFacts, told: Told) -> tuple[Line | Verbatim, ...]:
    whom: list[Mention | Run] = [*map(Mention, told.users), *(Run(name(one)) for one in told.names)]
    shown = [part for one in whom[:MAX_MENTIONS] for part in (Run(", "), one)][1:]
    said = line(bold("Released alone"), f" by {name(glass.person)}: {titled(facts)}. Their words:")
    by = ", ".join(name(one) for one in glass.reviewers[:MAX_MENTIONS])
    review = line(f"To be reviewed over the web API by {by}, until ", glass.due_at, "; else the bot is suspended.")
    to = (line("For ", *shown),) if shown else ()
    return (said, Verbatim(excerpt(visible(glass.reason), MAX_REASON)), review, *to)
