"""Details: everything about a request in a modal, in pages; the last one is where long requests are decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from app.domain.errors import Malformed
from app.slack import incidents, relations, sections
from app.slack.escalations import escalated
from app.slack.parameters import printed
from app.slack.pieces import (
    MAX_VIEW_BLOCKS,
    Block,
    Button,
    Buttons,
    Json,
    Prose,
    Rule,
    Sent,
    Small,
    as_json,
    labelled,
    length,
    line,
    plain,
    portions,
)
from app.slack.released import released
from app.slack.rights import Rights, about, deciding, rights
from app.slack.sections import WHOLE
from app.slack.text import one_line, visible
from app.slack.values import Click, Origin, metadata, metadata_of
from app.use_cases.card_facts import CardFacts

MAX_PAGE = 15_000
"""Characters of one page: even if every one takes twelve bytes, below the 250 KB that Slack takes for a view."""

MAX_PORTION = 6_000
"""Characters of one block, where it can be parted."""

MAX_PAGE_BLOCKS = MAX_VIEW_BLOCKS - 10

SHORT_TITLE = 80
"""Characters of a title that stand in a heading in any case; a longer one stands below it once more."""


@dataclass(frozen=True, slots=True)
class Details:
    """The pages of a request's modal, counted from 0, each with its buttons."""

    about: Click
    shown: tuple[tuple[Block, ...], ...]
    may: Rights

    @property
    def pages(self) -> int:
        """How many there are."""
        return len(self.shown)

    @property
    def decides(self) -> bool:
        """True when the last page has Approve or Deny."""
        return self.may.approve or self.may.deny

    def content(self) -> list[Json]:
        """The blocks of all pages, in order, without buttons' values and confirmations."""
        return [block for page in self.shown for block in as_json(page, None, MAX_VIEW_BLOCKS)]

    def view(self, page: int, card_hash: str | None, origin: Origin) -> Json:
        """A page as a modal for views.open and views.update; a number beyond the pages gives the nearest one.

        ``card_hash``: of `content`. ``origin``: where it was opened from.
        """
        page = min(max(page, 0), self.pages - 1)
        click = Click(self.about.request_id, self.about.digest, card_hash)
        return {
            "type": "modal",
            "callback_id": "details",
            "title": plain("Request details"),
            "close": plain("Close"),
            "private_metadata": metadata(click, origin, page=page),
            "blocks": as_json(self.shown[page], Sent(card_hash), MAX_VIEW_BLOCKS),
        }


@dataclass(frozen=True, slots=True)
class DetailsState:
    """What an open Details modal remembers."""

    click: Click
    page: int
    origin: Origin


def details(facts: CardFacts, *, live: bool, api_url: str) -> Details:
    """Everything about a request. ``live`` and ``api_url``: as for `app.slack.card.card`."""
    # Anybody's refused click would make it something else that was shown, and turn back whoever reads page by page.
    facts = replace(facts, refusals=0)
    may = rights(facts, live=live, api_url=api_url)
    pages = list(_pages(_everything(facts)))
    shown = tuple(
        (*_top(facts, page, n, len(pages)), *_bottom(facts, n, len(pages), may)) for n, page in enumerate(pages)
    )
    return Details(about(facts), shown, may)


def state_of(view: Json) -> DetailsState:
    """What `Details.view` wrote into a view that Slack sent back. Raises Malformed."""
    click, origin, more = metadata_of(view, "page")
    page = more["page"]
    if not isinstance(page, int) or isinstance(page, bool) or page < 0:
        raise Malformed("This is not a page of Details; open the request again.")
    return DetailsState(click, page, origin)


def _top(facts: CardFacts, page: Iterable[Block], n: int, of: int) -> tuple[Block, ...]:
    number = (Small(f"Page {n + 1} of {of}"),) if of > 1 else ()
    return (sections.header(facts), *number, *page)


def _bottom(facts: CardFacts, n: int, of: int, may: Rights) -> tuple[Block, ...]:
    click, last = about(facts), n == of - 1
    turns = [Button("back", "Back", click)] if n else []
    turns += [] if last else [Button("next", "Next", click, "primary")]
    buttons = (*turns, *(deciding(facts, may) if last else ()))
    note = () if last or not (may.approve or may.deny) else (_read_on(),)
    return (
        sections.clock(facts),
        *(sections.notes(may.notes) if last else note),
        *((Buttons(buttons),) if buttons else ()),
    )


def _read_on() -> Prose:
    return Prose((line("Decisions are made on the last page, after all of it."),))


def _everything(facts: CardFacts) -> Iterator[Block]:
    """All there is, in blocks of at most some 3,000 characters."""
    if len(facts.title) > SHORT_TITLE:
        yield from sections.verbatim("Title", one_line(facts.title))
    yield sections.summary(facts, WHOLE)
    yield from escalated(facts, WHOLE)
    yield from released(facts, WHOLE)
    if facts.asker is not None:
        yield from sections.reason(facts, WHOLE)
    yield from relations.reversed_by(facts, WHOLE, whole=True)
    yield from relations.settlements(facts, WHOLE)
    yield from relations.change(facts, WHOLE)
    yield from relations.undoes(facts, WHOLE)
    yield from incidents.about(facts, WHOLE)
    yield from sections.behalf(facts, WHOLE)
    yield from relations.undone(facts, relations.printed_original(facts), WHOLE)
    yield from _parameters(facts)
    yield from sections.not_shown(facts, WHOLE)
    yield Rule()
    if facts.asker is None:
        yield from sections.reason(facts, WHOLE)
    if facts.prompt_excerpt:
        yield from sections.verbatim("What it was prompted with, as the bot tells it", visible(facts.prompt_excerpt))
    yield Rule()
    yield sections.policy(facts, WHOLE)
    yield from sections.plan(facts, WHOLE)
    yield from sections.decisions(facts, WHOLE)
    yield from sections.people(facts, WHOLE)
    yield Prose((labelled("Digest", one_line(facts.digest)), labelled("Request", one_line(facts.request_id))))


def _parameters(facts: CardFacts) -> Iterator[Block]:
    label, note = sections.asked(facts)
    many = None if facts.incident is None else incidents.listed(facts.incident, incidents.MOST)
    shown = printed(facts.parameters) if many is None else many.text
    if many is not None and many.left:
        yield Prose((labelled(label, f"all but the last {many.left:,}, which are too many for Slack"),))
    elif not shown:
        yield Prose((labelled(label, sections.without(facts)),))
    yield from sections.verbatim(label, shown, note)


def _pages(blocks: Iterable[Block]) -> Iterator[tuple[Block, ...]]:
    page: list[Block] = []
    room = MAX_PAGE
    for block in (small for big in blocks for small in portions(big, MAX_PORTION)):
        size = length(block.as_json())
        if page and (size > room or len(page) == MAX_PAGE_BLOCKS):
            yield tuple(page)
            page, room = [], MAX_PAGE
        page.append(block)
        room -= size
    yield tuple(page)


__all__ = ["Click", "Details", "DetailsState", "Origin", "details", "state_of"]
