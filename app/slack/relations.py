"""What a request has to do with others: what it undoes, what undoes it, which stop it ends; and how it was settled."""

from __future__ import annotations

from collections.abc import Iterator

from app.slack.parameters import printed
from app.slack.pieces import Bullets, Line, Prose, Run, Verbatim, bold, labelled, line
from app.slack.sections import Caps, bolds, masked_places, runs, verbatim
from app.slack.words import CHANGES, STATUS, brief, name
from app.use_cases.card_facts import CardFacts, OriginalFacts, RollbackFacts, SettlementFacts

UNDONE = "Parameters of what it undoes"
"""What the frame is called in which they stand."""


def undoes(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """What a rollback undoes and what came of that; its parameters are apart."""
    if facts.original is None:
        return ()
    return (Prose(tuple(_undoes(facts.original, caps))),)


def _undoes(was: OriginalFacts, caps: Caps) -> Iterator[Line]:
    yield labelled("Undoes", *bolds(was.title, caps), f" ({name(was.action, caps.name)})")
    yield labelled("Its request", Run(name(was.request_id), code=True))
    ended = () if was.ended_at is None else (", ", was.ended_at)
    then = "" if was.status_then == was.status else f" ({_word(was.status_then)} when this was asked for)"
    yield labelled("Its outcome", _word(was.status), *ended, then)


def _word(status: str) -> str:
    return STATUS.get(status, name(status, 40)).partition(":")[0].lower()


def undone(facts: CardFacts, shown: str | None, caps: Caps) -> tuple[Prose, ...]:
    """The parameters of what a rollback undoes. ``shown``: as printed; None where they do not fit."""
    was = facts.original
    if was is None:
        return ()
    if shown is None:
        return (Prose((labelled(UNDONE, "too many for a card; all are in Details"),)),)
    if not shown:
        return (Prose((labelled(UNDONE, "none"),)),)
    frames = verbatim(UNDONE, shown, " (every text in them is the bot's)")
    return (*frames, *masked_places("Not shown of what it undoes", was.not_shown, caps))


def printed_original(facts: CardFacts) -> str:
    """The parameters of what a rollback undoes, in full; empty when it is none."""
    return "" if facts.original is None else printed(facts.original.parameters)


def reversed_by(facts: CardFacts, caps: Caps, *, whole: bool = False) -> tuple[Prose, ...]:
    """The rollbacks that stand, by id and status. ``whole``: with the whole ids, and who asked."""
    if not facts.reversed_by:
        return ()
    shown = facts.reversed_by[: caps.listed]
    left = len(facts.reversed_by) - len(shown)
    more = f" and {left:,} more, all in Details" if left else ""
    if not whole:
        return (Prose((labelled("Reversed by", ", ".join(map(_reversal, shown)), more),)),)
    told = Bullets(tuple(_reversal_line(one, caps) for one in shown))
    return (Prose((line(bold("Reversed by")), told)),)


def _reversal(one: RollbackFacts) -> str:
    many = "" if one.part_of is None else f", one of many in {brief(one.part_of)}"
    return f"{brief(one.request_id)} ({_word(one.status)}{many})"


def _reversal_line(one: RollbackFacts, caps: Caps) -> Line:
    said = f", {_word(one.status)}, asked by {name(one.asker, caps.name)}"
    many = () if one.part_of is None else (", one of many in ", Run(name(one.part_of), code=True))
    return line(Run(name(one.request_id), code=True), said, *many)


def settlements(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """What people said that an unknown outcome was, in order."""
    if not facts.settlements:
        return ()
    shown = facts.settlements[-caps.listed :]
    left = len(facts.settlements) - len(shown)
    earlier = [line(f"{left:,} earlier ones are in Details")] if left else []
    title = f"Settlements: {len(facts.settlements):,}"
    return (Prose((line(bold(title)), Bullets((*earlier, *[_settlement(one, caps) for one in shown])))),)


def _settlement(one: SettlementFacts, caps: Caps) -> Line:
    return line(
        *bolds(one.person, caps), f": it {_word(one.status)}, ", one.at, ". Reason: ", *runs(one.reason, caps.remark)
    )


def change(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """What comes of a change of Interlock, and which stop it would end."""
    lines = [line(CHANGES[facts.action])] if facts.action in CHANGES else []
    stop = facts.stop
    if stop is not None and stop.since is not None:
        lines.append(labelled("Stopped since", stop.since))
        if stop.reason:
            lines.append(labelled("Why it was stopped, in a person's words", *runs(stop.reason, caps.policy)))
    elif stop is not None:
        lines.append(line("It is not stopped now."))
    told = (Prose(tuple(lines)),) if lines else ()
    return (*told, *_changes(facts, caps))


def _changes(facts: CardFacts, caps: Caps) -> Iterator[Prose]:
    """What a publication changes, entry by entry, as Interlock has compared it."""
    if not facts.changes:
        return
    less = f"; {facts.loosens:,} of them may ask for less than before" if facts.loosens else "; none asks for less"
    shown = facts.changes[: caps.listed]
    left = len(facts.changes) - len(shown)
    more = [line(f"and {left:,} more, all in Details")] if left else []
    told = Bullets((*[line(*runs(one, caps.remark)) for one in shown], *more))
    yield Prose((line(bold(f"What changes: {len(facts.changes):,}"), less), told))


__all__ = [
    "UNDONE",
    "Verbatim",
    "change",
    "printed_original",
    "reversed_by",
    "settlements",
    "undoes",
    "undone",
]
