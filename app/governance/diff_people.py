"""People and groups compared, in words: no e-mail address, account id or subject is told."""

from __future__ import annotations

from collections.abc import Iterator

from app.governance.catalogue import PersonFile
from app.governance.diff_terms import calendar_in_words
from app.governance.differences import Both, Json, Said, anyhow, listed, moved, now_and_then, quoted


def person_added(_both: Both, person: PersonFile) -> Iterator[Said]:
    """A person alone may decide nothing; an account of theirs may have been another's."""
    known = bool(person.identities or person.emails)
    yield Said(f"is new: {person.name}", None if known else False)


def person_removed(_both: Both, person: PersonFile) -> Iterator[Said]:
    """Somebody who is not in the files may look and decide nothing."""
    yield Said(f"is gone ({person.name})", loosens=False)


def person_changed(old: PersonFile, new: PersonFile) -> Iterator[Said]:
    """What of them is otherwise. Each account is a way to decide as them; each subject shuts them out."""
    if old.name != new.name:
        yield Said(f"is now called {new.name} (was {old.name})", loosens=False)
    if old.time_zone != new.time_zone:
        yield Said(now_and_then("time zone", old.time_zone, new.time_zone), loosens=False)
    came, went = moved(old.emails, new.emails)
    yield from _counted("an e-mail address", "e-mail addresses", len(came), len(went), gain=None, loss=False)
    came, went = moved(old.subjects, new.subjects)
    for scheme in sorted({subject.partition(":")[0] for subject in (*came, *went)}):
        counts = (sum(one.startswith(f"{scheme}:") for one in some) for some in (came, went))
        yield from _counted(f"a subject ({scheme})", f"subjects ({scheme})", *counts, gain=False, loss=True)
    here, gone = moved(_accounts(old), _accounts(new))
    for where in sorted({one[0] for one in (*here, *gone)}):
        counts = (sum(one[0] == where for one in some) for some in (here, gone))
        yield from _counted(f"an account at {where}", f"accounts at {where}", *counts, gain=None, loss=False)


def _accounts(person: PersonFile) -> list[tuple[str, str]]:
    """Where, and under which id there."""
    return [
        (f"Slack team {one.issuer}" if one.provider == "slack" else one.issuer, one.subject)
        for one in person.identities
    ]


def _counted(one: str, many: str, came: int, went: int, *, gain: bool | None, loss: bool | None) -> Iterator[Said]:
    for verb, count, loosens in (("gains", came, gain), ("loses", went, loss)):
        if count:
            yield Said(f"{verb} {one if count == 1 else f'{count} {many}'}", loosens)


def group_added(both: Both, group: Json) -> Iterator[Said]:
    """Who decides by a plan or holds a seat is told with the plan or the seat; what it may is told here."""
    may = f", may {listed(group['may'])}" if group["may"] else ""
    yield Said(f"is new: {listed(map(both.who, group['members'])) or 'nobody'}{may}", bool(group["may"]))


def group_removed(both: Both, group: Json) -> Iterator[Said]:
    """Whoever was in it has lost what it gave; a seat that it held keeps its holder from deciding."""
    yield Said(f"is gone ({listed(map(both.who, group['members'])) or 'nobody'})", loosens=False)


def group_changed(both: Both, name: str, old: Json, new: Json) -> Iterator[Said]:
    """Who came and went, and what it may."""
    came, went = moved(old["members"], new["members"])
    seated = both.seated(name)
    if came:
        counts = both.decides(name) or seated or bool(new["may"] or old["may"])
        yield Said(f"gains {listed(map(both.who, came))}", counts)
    if went:  # a holder of a seat is shut out from some decisions; who is none any more is not
        yield Said(f"loses {listed(map(both.who, went))}", None if seated else False)
    came, went = moved(old["may"], new["may"])
    if came:
        yield Said(f"may {listed(came)} now", loosens=True)
    if went:
        yield Said(f"may no longer {listed(went)}", loosens=False)
    if old["slack_channel"] != new["slack_channel"]:
        yield Said(now_and_then("slack_channel", old["slack_channel"], new["slack_channel"]), loosens=False)
    yield from calendar_in_words(old["calendar"], new["calendar"])
    yield from anyhow(old, new, "name", "members", "may", "slack_channel", "calendar")


def seats_in_words(both: Both, old: Json, new: Json) -> Iterator[Said]:
    """Owner seats with another holder: who is shut out from deciding, who may stop and settle, is another then."""
    for seat in sorted(old.keys() | new.keys()):
        before, after = old.get(seat), new.get(seat)
        if before != after:
            names = [None if holder is None else both.who(holder) for holder in (before, after)]
            yield Said(now_and_then(f"seat {seat}", *names))


def deployer_in_words(both: Both, old: str, new: str) -> Iterator[Said]:
    """Who deployed a bot is shut out from its risky actions: another is now."""
    if old != new:
        yield Said(f"deployed by {quoted(both.who(new))} (was {quoted(both.who(old))})")
