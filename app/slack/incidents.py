"""The rollback of an incident, for cards, Details and threads: what it is about, what runs, and how far that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.domain.incident import ItemState
from app.slack.parameters import compact
from app.slack.pieces import Bullets, Line, Prose, Run, bold, labelled, line
from app.slack.sections import Caps, listing, runs
from app.slack.text import one_line, short
from app.slack.words import WHY, brief, name
from app.use_cases.card_facts import CardFacts
from app.use_cases.incident_facts import IncidentFacts, ItemFacts

MOST = 300_000
"""Characters of all that runs which Details shows at most: some twenty pages. Nobody reads more in a modal."""

FEW = 700
"""Characters of what runs on a card that does not show all of it."""

DOUBT = {"failed": "failed", "unknown": "may or may not have happened"}
"""What is said of those that are undone though nobody knows that they happened, by their status."""

STATE = {
    ItemState.SUCCEEDED: "undone",
    ItemState.RUNNING: "running",
    ItemState.WAITING: "to come",
    ItemState.FAILED: "failed",
    ItemState.UNKNOWN: "unknown",
    ItemState.SKIPPED: "left alone",
}
"""Where items stand, in the order in which a card counts them."""


class Listed(NamedTuple):
    """What runs, as text, and how many items of it are left out."""

    text: str
    left: int


def listed(incident: IncidentFacts, most: int) -> Listed:
    """The first items whose texts take at most so many characters, each in full; with `MOST` all, else too many."""
    told: list[str] = []
    room = most
    for item in incident.items:
        said = _told(item)
        room -= len(said) + 1
        if room < 0:
            break
        told.append(said)
    return Listed("\n".join(told), len(incident.items) - len(told))


def _told(item: ItemFacts) -> str:
    after = f", after number {' and '.join(f'{n:,}' for n in item.after)}" if item.after else ""
    doubt = f", which {DOUBT[item.status]}" if item.status in DOUBT else ""
    stands = "" if item.state is None else f" [{STATE[ItemState(item.state)]}]"
    what = f"{item.n:,}. {one_line(item.action)} {compact(item.parameters)}{stands}"
    return f"{what}\n   undoes {one_line(item.of)}, request {one_line(item.request_id)}{doubt}{after}"


def beyond(facts: CardFacts) -> bool:
    """True when Slack shows all that would run in no place."""
    return facts.incident is not None and listed(facts.incident, MOST).left > 0


def about(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """The incident, what is undone of it, how far that is, and what was not undone."""
    incident = facts.incident
    if incident is None:
        return ()
    told = (*_scope(incident, caps), *_kinds(incident, caps), *_doubts(incident), *_progress(incident))
    missed = tuple(not_undone(incident, caps.listed))
    return (Prose(told), *((Prose(missed),) if missed else ()))


def _scope(incident: IncidentFacts, caps: Caps) -> Iterator[Line]:
    yield labelled("Incident, in a person's words", *runs(incident.title, caps.policy))
    bots = listing(incident.bots, caps.listed, caps.name) or "all bots"
    actions = listing(incident.actions, caps.listed, caps.name) or "all actions"
    yield labelled("It is about", f"{bots}, {actions}, from ", incident.since, " to ", incident.until)
    yield labelled("Opened by", name(incident.opened_by, caps.name), ", ", incident.opened_at)


def bots(incident: IncidentFacts, caps: Caps) -> str:
    """Whose requests are undone."""
    return listing(list(dict.fromkeys(item.bot for item in incident.items)), caps.listed, caps.name)


def _kinds(incident: IncidentFacts, caps: Caps) -> Iterator[Line | Bullets]:
    """How many of which action, and with what they are undone: the version of that is part of what is signed."""
    counted = Counter((i.of_title, i.of, i.bot, i.action, i.version) for i in incident.items).most_common()
    if not counted:
        return
    yield labelled("Undoes", f"{_requests(len(incident.items))}, the newest first")
    shown = [
        line(
            f"{count:,} of {name(title, caps.name)} ({name(of, caps.name)}) by {name(bot, caps.name)}, "
            f"each by {name(action, caps.name)}, version {one_line(short(version))}"
        )
        for (title, of, bot, action, version), count in counted[: caps.listed]
    ]
    left = len(counted) - len(shown)
    more = [line(f"and {left:,} more kinds, in Details")] if left else []
    yield Bullets((*shown, *more))


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count:,} requests"


def kinds_left(incident: IncidentFacts, caps: Caps) -> int:
    """How many kinds a surface leaves out: what is signed is more than it shows then."""
    return max(0, len({(i.of, i.bot, i.action, i.version) for i in incident.items}) - caps.listed)


def _doubts(incident: IncidentFacts) -> Iterator[Line]:
    counted = Counter(item.status for item in incident.items)
    for status, word in DOUBT.items():
        if counted[status]:
            yield line(bold(f"{counted[status]:,} of these {word}: undoing them may go wrong, or change nothing."))


def _progress(incident: IncidentFacts) -> Iterator[Line]:
    if begun(incident):
        yield labelled("Progress", counts(incident))


def begun(incident: IncidentFacts) -> bool:
    """True once the items have begun to run."""
    return any(item.state is not None for item in incident.items)


def counts(incident: IncidentFacts) -> str:
    """How many items are where, in words; the undone ones of how many in all."""
    counted = Counter(item.state for item in incident.items)
    of = f"{counted[ItemState.SUCCEEDED]:,} of {len(incident.items):,} undone"
    others = [f"{counted[state]:,} {word}" for state, word in STATE.items() if state != ItemState.SUCCEEDED]
    return ", ".join([of, *(said for said in others if not said.startswith("0 "))])


def not_undone(incident: IncidentFacts, most: int) -> Iterator[Line | Bullets]:
    """What failed, what nobody knows of and what was left alone, with the reasons; so many of each."""
    for state, head in _HEADS.items():
        found = [item for item in incident.items if item.state == state]
        if found:
            yield line(bold(f"{head[0]}: {len(found):,}"), head[1])
            shown = [_missed(item) for item in found[:most]]
            left = len(found) - len(shown)
            yield Bullets((*shown, *([line(f"and {left:,} more, in Details")] if left else [])))


_HEADS = {
    ItemState.FAILED: ("Failed", ""),
    ItemState.UNKNOWN: ("Unknown", "; responders find out whether it happened, and settle it under its own request"),
    ItemState.SKIPPED: ("Left alone", ", as it was before"),
}


def _missed(item: ItemFacts) -> Line:
    said = f"{item.n:,}. {name(item.of_title)}, request {brief(item.request_id)}{_because(item)}"
    ran = () if item.undo is None else (", with request ", Run(name(item.undo), code=True))
    return line(said, *(() if item.state == ItemState.SKIPPED else ran))


def _because(item: ItemFacts) -> str:
    return "" if item.why in (None, "settled") else f": {WHY.get(item.why or '', name(item.why or ''))}"


def ending(facts: CardFacts, most: int) -> Sequence[Line | Bullets]:
    """For the thread, once it has ended: how many are where, and what was not undone."""
    incident = facts.incident
    if incident is None or not begun(incident):
        return ()
    by = incident.closed_by
    closed = any(item.why == "incident-closed" for item in incident.items) and by is not None
    told = (line(f"{counts(incident)}."), *not_undone(incident, most))
    return (*told, *((line(f"The incident was closed by {name(by or '')}."),) if closed else ()))
