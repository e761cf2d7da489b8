"""What the catalogue marks ``x-sensitive`` is not shown where it cannot be taken back: in Slack, in reports."""

from __future__ import annotations

from collections.abc import Sequence
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
