"""What a request's row must say, worked out of its entries alone: the tables are made of the ledger. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Facts = Mapping[str, Any]

ADMITTED = (
    "kind",
    "action",
    "action_version",
    "environment",
    "digest",
    "body_hash",
    "parent",
    "supersedes",
    "expires_at",
)
"""Facts of `admitted` that its row repeats under the same name."""


@dataclass(slots=True)
class Derived:
    """A request as its entries tell it. Persons as pids.

    ``decisions``: by id, ``(person, say, standing)``; ``attempts``: by number, ``(hash of the grant, outcome)``;
    ``settlements``: by person.
    """

    admitted: dict[str, Any]
    asker: tuple[str, str | None]
    status: str = ""
    policy_version: str = ""
    decisions: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    attempts: dict[int, tuple[str | None, str | None]] = field(default_factory=dict)
    settlements: dict[str, str] = field(default_factory=dict)

    def differences(self, row: Derived) -> Iterator[str]:
        """In which way a row's own facts are others, one sentence each."""
        for name, told in self.admitted.items():
            if row.admitted[name] != told:
                yield f"its {name} is {row.admitted[name]!r}, its entries say {told!r}"
        for name in ("asker", "status", "policy_version", "decisions", "attempts", "settlements"):
            told, stands = getattr(self, name), getattr(row, name)
            if told != stands:
                yield f"its {name.replace('_', ' ')}: {_difference(told, stands)}"


def _difference(told: Any, stands: Any) -> str:
    if isinstance(told, dict):
        names = sorted((name for name in {*told, *stands} if told.get(name) != stands.get(name)), key=str)
        return ", ".join(f"{name} is {stands.get(name)}, its entries say {told.get(name)}" for name in names)
    return f"is {stands}, its entries say {told}"


def derive(bodies: Sequence[Mapping[str, Any]]) -> Derived | None:
    """The request that a stream's entries tell, in order; None where the first is no admission."""
    if not bodies or bodies[0]["kind"] != "admitted":
        return None
    first = bodies[0]["facts"]
    admitted = {name: first.get(name) for name in ADMITTED}
    found = Derived(admitted, (first["asker"]["kind"], first["asker"]["id"]))
    for body in bodies:
        _follow(found, body["kind"], body["facts"])
    return found


def _follow(found: Derived, kind: str, facts: Facts) -> None:
    found.status = facts.get("status", found.status)
    version = facts.get("policy_version") or facts.get("verdict", {}).get("policy_version")
    if version and kind in ("admitted", "started", "held-again"):
        found.policy_version = version
    if kind in _FOLLOWS:
        _FOLLOWS[kind](found, facts)


def _decided(found: Derived, facts: Facts) -> None:
    found.decisions[facts["attempt"]] = (facts["person"], facts["decision"], True)


def _withdrawn(found: Derived, facts: Facts) -> None:
    _void(found, facts["replaces"])
    found.decisions[facts["attempt"]] = (facts["person"], "deny", True)


def _vote_void(found: Derived, facts: Facts) -> None:
    _void(found, facts["vote"])


def _void(found: Derived, decision: str) -> None:
    if decision in found.decisions:
        person, say, _ = found.decisions[decision]
        found.decisions[decision] = (person, say, False)


def _started(found: Derived, facts: Facts) -> None:
    found.attempts[facts["attempt"]] = ((facts["grant"] or {}).get("sha256"), None)


def _finished(found: Derived, facts: Facts) -> None:
    grant, _ = found.attempts.get(facts["attempt"], (None, None))
    found.attempts[facts["attempt"]] = (grant, facts["outcome"])


def _settlement(found: Derived, facts: Facts) -> None:
    found.settlements[facts["person"]] = facts["outcome"]


_FOLLOWS = {
    "decided": _decided,
    "withdrawn": _withdrawn,
    "vote-void": _vote_void,
    "started": _started,
    "attempt-finished": _finished,
    "reported": _finished,
    "settlement": _settlement,
}
