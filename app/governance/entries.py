"""Entries of the tree to models: what fits, by name, and a finding for each thing that does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from app.domain.errors import Finding
from app.governance import models
from app.governance.tree import LATER, NOT_HONOURED, Entry, Tree

M = TypeVar("M", bound=BaseModel)

_MODELS: Mapping[str, type[BaseModel]] = {
    "people": models.Person,
    "groups": models.Group,
    "targets": models.Target,
    "bots": models.Bot,
    "actions": models.Action,
    "windows": models.Window,
    "rules": models.Rule,
    "plans": models.Plan,
    "separation": models.Separation,
}
_ID: TypeAdapter[str] = TypeAdapter(models.Id)


@dataclass(frozen=True, slots=True)
class Known:
    """The entries that fit their model, and the names of all, so that one mistake is not reported twice."""

    entries: Mapping[tuple[str, str], tuple[Entry, BaseModel]]
    names: Mapping[str, frozenset[str]]

    def of(self, section: str, model: type[M]) -> Iterator[tuple[Entry, M]]:
        """The fitting entries of a section."""
        for (name, _), (entry, parsed) in self.entries.items():
            if name == section and isinstance(parsed, model):
                yield entry, parsed

    def by_name(self, section: str, model: type[M]) -> dict[str, M]:
        """The same, by name."""
        return {entry.label: parsed for entry, parsed in self.of(section, model)}


def fit(tree: Tree) -> tuple[Known, list[Finding]]:
    """Every entry against its model."""
    entries: dict[tuple[str, str], tuple[Entry, BaseModel]] = {}
    findings: list[Finding] = []
    for entry in tree.entries:
        try:
            parsed = _parse(entry)
        except ValidationError as error:
            findings += _findings(entry, error.errors(include_url=False, include_context=True))
        else:
            entries.setdefault((entry.section, entry.label), (entry, parsed))
    names = {section: frozenset(entry.label for entry in tree.section(section)) for section in _MODELS}
    return Known(entries, names), findings


def _parse(entry: Entry) -> BaseModel:
    if entry.section == "plans":
        _ID.validate_python(entry.label, strict=True)
    # JSON mode is the one in which strict models still take lists for tuples and strings for what they spell.
    return _MODELS[entry.section].model_validate_json(json.dumps(entry.data))


def _findings(entry: Entry, errors: Iterable[ErrorDetails]) -> Iterator[Finding]:
    for error in errors:
        yield Finding(entry.where(*error["loc"]), _what(error))


def _what(error: ErrorDetails) -> str:
    kind = error["type"]
    key = str(error["loc"][-1]) if error["loc"] else ""
    if kind == "extra_forbidden":
        return NOT_HONOURED if key in LATER else "unknown key"
    if kind == "missing":
        return "is missing"
    if kind == "string_pattern_mismatch":
        return f"{_short(error['input'])} does not match {error.get('ctx', {}).get('pattern')}"
    text = re.sub(r"^(Value error, |Input should be )", "", error["msg"])
    return f"must be {text}" if error["msg"].startswith("Input should be") else text


def _short(value: Any) -> str:
    return repr(value)[:80]
