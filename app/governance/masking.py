"""What the catalogue marks ``x-sensitive`` is not shown where it cannot be taken back: in Slack, in reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final


class Hidden:
    """Stands in a tree of parameters where a value is masked."""

    def __repr__(self) -> str:
        return "HIDDEN"


HIDDEN: Final = Hidden()

Path = tuple[str, ...]


def masked(value: Any, sensitive: Sequence[Path]) -> tuple[Any, tuple[str, ...]]:
    """Parameters with `HIDDEN` for each value at a sensitive path, and the JSON pointers (RFC 6901) of those places.

    ``sensitive``: as `app.governance.catalogue.Action.sensitive` has them, ``"*"`` for the elements of a list.
    """
    places: list[str] = []
    return _masked(value, list(sensitive), "", places), tuple(places)


def secrets(value: Any, sensitive: Sequence[Path]) -> frozenset[str]:
    """The texts and numbers that `masked` hides, as text."""
    return frozenset(_hidden(value, masked(value, sensitive)[0]))


def _hidden(value: Any, shown: Any) -> Iterator[str]:
    if shown is HIDDEN:
        yield from _leaves(value)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _hidden(one, shown[key])
    elif isinstance(value, list):
        for one, beside in zip(value, shown, strict=True):
            yield from _hidden(one, beside)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
    elif value is not None and not isinstance(value, bool) and str(value):
        yield str(value)


def without(value: Any, known: frozenset[str], here: str = "") -> tuple[Any, tuple[str, ...]]:
    """As `masked`, wherever one of these secrets stands: what undoes an action may repeat what that one hides."""
    places: list[str] = []
    return _without(value, known, here, places), tuple(places)


def _without(value: Any, known: frozenset[str], here: str, places: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(one, known, f"{here}/{_escaped(key)}", places) for key, one in value.items()}
    if isinstance(value, list):
        return [_without(one, known, f"{here}/{n}", places) for n, one in enumerate(value)]
    if value is None or isinstance(value, bool) or not _tells(str(value), known):
        return value
    places.append(here)
    return HIDDEN


def _tells(text: str, known: frozenset[str]) -> bool:
    return text in known or any(len(one) >= TELLING and one in text for one in known)


TELLING = 4
"""Characters from which a secret counts within a longer text, too."""


def _masked(value: Any, paths: Sequence[Path], here: str, places: list[str]) -> Any:
    if not paths:
        return value
    lists = [path for path in paths if path[:1] == ("*",)]
    if () not in paths and isinstance(value, list) and lists:
        below = _below(paths, "*")
        return [_masked(one, below, f"{here}/{n}", places) for n, one in enumerate(value)]
    if () not in paths and isinstance(value, dict) and len(lists) < len(paths):
        return {key: _masked(one, _below(paths, key), f"{here}/{_escaped(key)}", places) for key, one in value.items()}
    if value is None and () not in paths:
        return None
    places.append(here)  # marked itself, or of another shape than that in which the mark is: nobody knows what it holds
    return HIDDEN


def _below(paths: Sequence[Path], step: str) -> list[Path]:
    return [path[1:] for path in paths if path[0] == step]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
