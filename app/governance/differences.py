"""What a comparison of two governances is made of: its sides, and sentences that say whether less is asked than before.

``loosens``: True: less is asked; False: nothing that was held, denied or forbidden before can get through now; None: it
may, for all that can be told from the files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from app.governance.catalogue import PersonFile, covers
from app.governance.compiling import read_document
from app.governance.tree import NAMED_BY

Json = Mapping[str, Any]
T = TypeVar("T", str, tuple[str, str])
LONGEST = 300


class Said(NamedTuple):
    """One difference in words."""

    sentence: str
    loosens: bool | None = None


def together(said: Iterable[Said]) -> bool | None:
    """Whether several differences, as one, ask for less: one that does is enough, and one that may counts as that."""
    judged = {one.loosens for one in said}
    return True if True in judged else None if None in judged else False


@dataclass(frozen=True, slots=True)
class State:
    """A governance: a document that names persons by id (`app.governance.files.Governance`), and the people beside."""

    document: Mapping[str, Any]
    people: tuple[PersonFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """A governance in its normal form: entries by section and name, with all defaults spelled out."""

    people: Mapping[str, PersonFile]
    sections: Mapping[str, Mapping[str, Json]]

    def of(self, section: str) -> Mapping[str, Json]:
        """The entries of a section by name."""
        return self.sections.get(section, {})


def side(state: State, what: str) -> Side:
    """The normal form. ``what``: names it in findings. Raises `GovernanceInvalid` for what cannot be read."""
    found: dict[str, dict[str, Json]] = {section: {} for section in NAMED_BY}
    for (section, name), (_, model) in read_document(state.document, what).entries.items():
        found[section][name] = model.model_dump(mode="json")
    return Side({person.id: person for person in state.people}, found)


@dataclass(frozen=True, slots=True)
class Both:
    """The two sides of a comparison, and what it asks of them together."""

    old: Side
    new: Side

    def of(self, section: str) -> Iterator[Json]:
        """The entries of both."""
        yield from self.old.of(section).values()
        yield from self.new.of(section).values()

    def who(self, holder: str) -> str:
        """A person as people know them, with their id; a group as it is."""
        person = self.new.people.get(holder) or self.old.people.get(holder)
        return holder if person is None else f"{person.name} ({holder})"

    def rules_read(self, word: str) -> bool:
        """True unless no rule can depend on what goes by this word."""
        return any(word in rule["when"] for rule in self.of("rules"))

    def escalates(self) -> bool:
        """True when some plan brings in others once a stage's time is over: then a shorter clock is not only stricter.

        A fallback is brought in when a quorum is out of reach, whatever the clock says.
        """
        return any(stage["escalate_to"] is not None for plan in self.of("plans") for stage in plan["stages"])

    def decides(self, group: str) -> bool:
        """True when some plan can come to this group."""
        reached = {plan["fallback"] for plan in self.of("plans")}
        for stage in (stage for plan in self.of("plans") for stage in plan["stages"]):
            reached |= {stage["group"], stage["escalate_to"]}
        return group in reached

    def seated(self, group: str) -> bool:
        """True when it holds an owner seat."""
        owned = (*self.of("bots"), *self.of("actions"))
        return any(f"group:{group}" in entry["owners"].values() for entry in owned)

    def asked_for(self, action: str) -> bool:
        """True when a bot may ask for this action under the new rules."""
        return any(covers(pattern, action) for bot in self.new.of("bots").values() for pattern in bot["entitlements"])

    def counted(self, action: str) -> bool:
        """True when a window counts this action."""
        return any(covers(window["action"], action) for window in self.of("windows"))


def quoted(value: Any) -> str:
    """A value of the files, as it stands there, cut where it is long, and escaped where it is not plain text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return f"`{text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'}`"


def now_and_then(what: str, old: Any, new: Any) -> str:
    """``what is now `new` (was `old`)``, or that it is new or gone."""
    if old is None:
        return f"{what} is new: {quoted(new)}"
    return f"{what} is gone (was {quoted(old)})" if new is None else f"{what} is now {quoted(new)} (was {quoted(old)})"


def leaves(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Where two values differ, as deep as both are mappings: ``(path, old, new)``; None where there is nothing."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from leaves(old.get(key), new.get(key), f"{path}.{key}")
    elif old != new:
        yield path, old, new


def anyhow(old: Json, new: Json, *but: str) -> Iterator[Said]:
    """All differences of two entries that no word of ours is known for, but in these keys: each may ask for less."""
    for key in sorted(old.keys() | new.keys()):
        if key not in but:
            for path, then, now in leaves(old.get(key), new.get(key), key):
                yield Said(now_and_then(path, then, now))


def moved(old: Iterable[T], new: Iterable[T]) -> tuple[list[T], list[T]]:
    """What came and what went, sorted."""
    before, after = set(old), set(new)
    return sorted(after - before), sorted(before - after)


def listed(names: Iterable[str]) -> str:
    """``a, b, c``."""
    return ", ".join(names)
