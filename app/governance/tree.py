"""The entries of a governance folder, each with the file that it stands in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app.domain.errors import Finding
from app.governance.source import SourceInvalid, parse, read

NAMED_BY = {
    "people": "id",
    "groups": "name",
    "targets": "name",
    "bots": "id",
    "actions": "name",
    "windows": "name",
    "rules": "name",
    "plans": "name",
    "separation": "name",
}
"""The top-level keys, and the key that names an entry of each; ``plans`` is a mapping from name to plan."""

LATER = frozenset({"claim", "scim"})
"""Keys of the design that this version does not honour yet: refused by name, never ignored."""

ELSEWHERE = {"budgets": "budgets are a bot's: they stand in its entry, bots[ID].budgets"}
"""Keys that are no section, and where what they say belongs."""

NOT_HONOURED = "not honoured by this version of Interlock"

MAX_FILES = 32
MAX_TEXT = 256 << 10
"""What may come as text instead of from a folder: as much as the parameters of a request hold."""

_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,94}\.ya?ml")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a section. ``label``: its name, or its number where it has none."""

    section: str
    label: str
    file: str
    data: Any

    def where(self, *path: str | int) -> str:
        """``file: section[label].path``."""
        return f"{self.file}: {self.section}[{shown(self.label)}]{path_text(path)}"


def path_text(path: tuple[str | int, ...]) -> str:
    """``("stages", 0, "group")`` as ``.stages[0].group``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in path)


def shown(name: str) -> str:
    """A name of a file's making as a terminal may show it: cut, and escaped where it is not plain text."""
    return name[:100] if name.isprintable() else ascii(name)[:100]


@dataclass(frozen=True, slots=True)
class Tree:
    """All entries of a folder, in the order of its files' names, and what was wrong on the way to them.

    ``complete``: every file and section could be read, so a name that is missing is missing.
    """

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()
    complete: bool = True

    def section(self, name: str) -> Iterator[Entry]:
        """The entries of one section."""
        return (entry for entry in self.entries if entry.section == name)

    def document(self) -> dict[str, Any]:
        """The governance as one JSON document without people, the same however it is split and ordered over files."""
        document: dict[str, Any] = {}
        for section in NAMED_BY:
            entries = sorted(self.section(section), key=lambda entry: entry.label)
            if section == "plans":
                document[section] = {entry.label: entry.data for entry in entries}
            elif section != "people" and (entries or section != "separation"):  # versions of before have no such key
                document[section] = [entry.data for entry in entries]
        return document


def read_tree(folder: Path) -> Tree:
    """Every ``*.yaml`` and ``*.yml`` directly in a folder. Never raises: what is wrong is in ``findings``."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    except OSError as error:
        return Tree(
            (), (Finding(str(folder), f"cannot be read: {error.strerror or type(error).__name__}"),), complete=False
        )
    if not paths:
        return Tree((), (Finding(str(folder), "holds no *.yaml or *.yml file"),), complete=False)
    return _read_all({path.name: partial(read, path) for path in paths})


def files_tree(files: Mapping[str, str]) -> Tree:
    """The same of files by name that came as text, as if they lay in a folder."""
    if misfits := list(_misfits(files)):
        return Tree((), tuple(misfits), complete=False)
    return _read_all({name: partial(parse, _bytes(files[name])) for name in sorted(files)})


def _misfits(files: Mapping[str, str]) -> Iterator[Finding]:
    if not 0 < len(files) <= MAX_FILES:
        yield Finding("files", f"must be 1 to {MAX_FILES} files by name")
    for name in sorted(files):
        if not _FILE_NAME.fullmatch(name):
            yield Finding(shown(name), "is not a file name of letters, digits, . _ - that ends in .yaml or .yml")
    if sum(len(_bytes(text)) for text in files.values()) > MAX_TEXT:
        yield Finding("files", f"are larger than {MAX_TEXT} bytes together")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # half a surrogate pair is then refused as what it is: no UTF-8


def _read_all(files: Mapping[str, Callable[[], Any]]) -> Tree:
    entries: list[Entry] = []
    findings: list[Finding] = []
    for name, content in files.items():
        try:
            _add_file(shown(name), content(), entries, findings)
        except SourceInvalid as error:
            findings.append(Finding(shown(name), str(error)))
    return _tree(entries, findings)


def document_tree(document: Mapping[str, Any], file: str) -> Tree:
    """The tree of a stored document (see `Tree.document`); ``file`` is what its findings name."""
    entries: list[Entry] = []
    findings: list[Finding] = []
    _add_file(file, dict(document), entries, findings)
    return _tree(entries, findings)


def _tree(entries: list[Entry], findings: list[Finding]) -> Tree:
    return Tree(tuple(entries), tuple(findings + list(_repeats(entries))), complete=not findings)


def _add_file(file: str, data: Any, entries: list[Entry], findings: list[Finding]) -> None:
    if not isinstance(data, dict):
        findings.append(Finding(file, "must be a mapping with keys of " + ", ".join(NAMED_BY)))
        return
    for section, content in data.items():
        if section not in NAMED_BY:
            unknown = NOT_HONOURED if section in LATER else "unknown key; known are " + ", ".join(NAMED_BY)
            findings.append(Finding(f"{file}: {shown(section)}", ELSEWHERE.get(section, unknown)))
        elif not isinstance(content, dict if section == "plans" else list):
            kind = "a mapping from name to plan" if section == "plans" else "a list"
            findings.append(Finding(f"{file}: {section}", f"must be {kind}"))
        else:
            entries += _entries(file, section, content)


def _entries(file: str, section: str, content: Any) -> Iterator[Entry]:
    if isinstance(content, dict):
        yield from (Entry(section, name, file, plan) for name, plan in content.items())
        return
    for number, data in enumerate(content):
        name = data.get(NAMED_BY[section]) if isinstance(data, dict) else None
        yield Entry(section, name if isinstance(name, str) else str(number), file, data)


def _repeats(entries: list[Entry]) -> Iterator[Finding]:
    first: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        known = first.setdefault((entry.section, entry.label), entry)
        if known is not entry:
            yield Finding(entry.where(), f"the name {shown(entry.label)} is taken in {known.file} already")
