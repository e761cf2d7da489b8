"""Whether something that must stay sealed stands in clear anywhere: in Temporal's histories, logs, the ledger.

`needles` are values (parameters, subjects, reasons, tokens), `haystacks` what was exported, by name. A value is looked
for as it is and as JSON, URL, hexadecimal and base64 write it. What is left out, so that a hit is never chance:

- values of less than four characters, and values that the rules or the program itself say (the caller gives those
  texts as ``vocabulary``): an enumerated reason, a first name that is an employee's too;
- short or all-digit values (a name, a postcode, an item) count only where they stand alone, between characters that
  are in no word, number or ciphertext, and all-digit values of less than eight only between quotes: ports, times and
  process ids are digits too. These have no hexadecimal or base64 form here, for ciphertext has such by chance: what
  encodes them so encodes the values around them too, which are longer;
- base64 of less than nine characters that do not depend on the neighbours, for the same reason.

Long texts are looked for in pieces as well: a log may cut them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import select
from temporalio.client import Client, WorkflowHistory

from app.db.session import Database
from app.db.tables import Entry, Outbox, Request

SHORTEST, SHORT, SHORTEST_BASE64 = 4, 8, 9
LONG, PIECE = 48, 24
PREFIX = 4
AT_ONCE = 8

_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
_ALONE = frozenset(b" \t\r\n!\"#$%&'()*,.:;<>?@[\\]^`{|}~")
_QUOTES = frozenset(b"'\"\\`")


@dataclass(frozen=True, slots=True)
class Hit:
    """A value in clear: which, in which form, where, and what stands around it."""

    value: str
    form: str
    where: str
    around: bytes


@dataclass(frozen=True, slots=True)
class Needle:
    """One spelling of a value; ``alone``: the bytes that must stand on both sides, if any must."""

    value: str
    form: str
    spelling: bytes
    alone: frozenset[int] | None


def leaves(value: Any) -> Iterator[str]:
    """Every string and number in a JSON value, as text; names of fields are the schema's, no values."""
    match value:
        case dict():
            for item in value.values():
                yield from leaves(item)
        case list():
            for item in value:
                yield from leaves(item)
        case bool() | None:
            return
        case _:
            yield str(value)


def needles(values: Iterable[Any], *, vocabulary: Iterable[str]) -> list[Needle]:
    """All spellings of all leaves of these JSON values, but for what the vocabulary says itself."""
    said = "\n".join(vocabulary)
    texts = {text for value in values for text in leaves(value)}
    whole = {text for text in texts if len(text) >= SHORTEST and text not in said}
    return [
        needle
        for text in sorted(whole | {piece for text in whole for piece in _pieces(text)})
        for needle in _spelt(text)
    ]


def _pieces(text: str) -> Iterator[str]:
    if len(text) > LONG:
        for start in range(0, len(text) - PIECE + 1, PIECE):
            yield text[start : start + PIECE]


def _spelt(text: str) -> Iterator[Needle]:
    alone = _neighbours(text)
    written = dict(_written(text))
    encoded = (
        {} if alone else {f"{how} of {what}": code for what, raw in written.items() for how, code in _encoded(raw)}
    )
    seen: set[bytes] = set()
    for form, spelling in {**written, **encoded}.items():
        if spelling not in seen:
            seen.add(spelling)
            yield Needle(text, form, spelling, alone)


def _neighbours(text: str) -> frozenset[int] | None:
    if text.isdigit() and len(text) < SHORT:
        return _QUOTES
    return _ALONE if len(text.encode()) < SHORT or text.isdigit() else None


def _written(text: str) -> Iterator[tuple[str, bytes]]:
    escaped, url = json.dumps(text)[1:-1], quote(text, safe="")
    yield "text", text.encode()
    yield "JSON", escaped.encode()
    yield "JSON, not ASCII", json.dumps(text, ensure_ascii=False)[1:-1].encode()
    yield "JSON in JSON", json.dumps(escaped)[1:-1].encode()
    yield "URL", url.encode()
    yield "URL, lower case", re.sub(r"%..", lambda found: found[0].lower(), url).encode()
    yield "form", quote_plus(text).encode()


def _encoded(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield "hexadecimal", raw.hex().encode()
    yield "HEXADECIMAL", raw.hex().upper().encode()
    for offset in range(3):
        middle = _base64_middle(raw, offset)
        if len(middle) >= SHORTEST_BASE64:
            yield f"base64 after {offset}", middle
            yield f"base64url after {offset}", middle.translate(bytes.maketrans(b"+/", b"-_"))


def _base64_middle(raw: bytes, offset: int) -> bytes:
    """What base64 makes of these bytes after ``offset`` others, without the characters that depend on neighbours."""
    coded = base64.b64encode(bytes(offset) + raw).rstrip(b"=")
    first = (0, 2, 3)[offset]
    return coded[first : (offset + len(raw)) * 8 // 6]


def in_clear(wanted: Iterable[Needle], haystacks: Mapping[str, bytes]) -> list[Hit]:
    """Every needle found, and every signed token (``eyJ...``) whosesoever it is; each once per haystack."""
    by_prefix: dict[bytes, list[Needle]] = defaultdict(list)
    for needle in wanted:
        by_prefix[needle.spelling[:PREFIX]].append(needle)
    hits: dict[tuple[str, str, str], Hit] = {}
    for where, hay in haystacks.items():
        for hit in [*_tokens(where, hay), *_found(by_prefix, where, hay)]:
            hits.setdefault((hit.value, hit.form, where), hit)
    return list(hits.values())


def _tokens(where: str, hay: bytes) -> Iterator[Hit]:
    for found in _TOKEN.finditer(hay):
        yield Hit(found[0][:12].decode() + "...", "signed token", where, _around(hay, found.start(), found.end()))


def _found(by_prefix: Mapping[bytes, list[Needle]], where: str, hay: bytes) -> Iterator[Hit]:
    # one look-up for each position: thousands of needles, each searched for by itself, take minutes
    for start in [start for start in range(len(hay)) if hay[start : start + PREFIX] in by_prefix]:
        for needle in by_prefix[hay[start : start + PREFIX]]:
            if hay.startswith(needle.spelling, start) and _counts(needle, hay, start):
                end = start + len(needle.spelling)
                yield Hit(needle.value, needle.form, where, _around(hay, start, end))


def _counts(needle: Needle, hay: bytes, start: int) -> bool:
    end = start + len(needle.spelling)
    before, after = hay[start - 1 : start] if start else b"", hay[end : end + 1]
    return needle.alone is None or all(edge[0] in needle.alone for edge in (before, after) if edge)


def _around(hay: bytes, start: int, end: int) -> bytes:
    return hay[max(0, start - 30) : end + 30]


async def histories(client: Client, query: str | None = None) -> dict[str, bytes]:
    """Every workflow's history: as JSON, and as the bytes that Temporal keeps, payloads as they lie in it.

    ``query``: of which workflows, where one server has those of several tests (``TaskQueue = "..."``); else of all.
    """
    found: dict[str, bytes] = {}
    turn = asyncio.Semaphore(AT_ONCE)

    async def export(workflow_id: str, run_id: str) -> None:
        async with turn:
            history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        found[f"history {workflow_id} {run_id}, JSON"] = history.to_json().encode()
        found[f"history {workflow_id} {run_id}, bytes"] = stored(history)

    async with asyncio.TaskGroup() as exports:
        async for execution in client.list_workflows(query):
            exports.create_task(export(execution.id, execution.run_id))
    return found


def stored(history: WorkflowHistory) -> bytes:
    """The events' protobuf bytes: payloads stand in them unencoded."""
    return b"\n".join(event.SerializeToString() for event in history.events)


async def ledger_and_outbox(database: Database) -> dict[str, bytes]:
    """Every entry's bytes under its stream and number, the streams' names, and what the outbox holds."""
    async with database.transaction() as session:
        entries = (await session.execute(select(Entry.stream, Entry.n, Entry.body))).all()
        marks = (await session.execute(select(Outbox.__table__))).mappings().all()
    names = "\n".join(sorted({entry.stream for entry in entries}))
    found = {f"ledger {entry.stream}#{entry.n}": bytes(entry.body) for entry in entries}
    told = json.dumps([dict(mark) for mark in marks], default=str)
    return {**found, "names of streams": names.encode(), "outbox": told.encode()}


async def of_requests(database: Database, rules: Iterable[Path]) -> list[Needle]:
    """What the requests of a database are about: parameters, subjects, reasons; but for what these folders say."""
    said = [text for folder in rules for text in _texts(folder)]
    columns = (Request.parameters, Request.on_behalf_of, Request.triggered_by, Request.reason, Request.context)
    async with database.transaction() as session:
        rows = (await session.execute(select(*columns))).all()
    return needles([list(row) for row in rows], vocabulary=said)


def _texts(folder: Path) -> list[str]:
    return [path.read_text() for path in sorted(folder.glob("*.yaml"))]


def files(folder: Path, pattern: str) -> dict[str, bytes]:
    """Every file below a folder whose name matches: a server's own store, for instance."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob(pattern))}
