"""Incidents on a terminal: texts of people and bots as one line of what can be seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from app.use_cases.incident_markdown import on_one_line

WIDE = 500
LONGEST = 60
Facts = Mapping[str, Any]


def console() -> Console:
    """What is piped is searched: one line a row. Nothing in a text is markup."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, markup=False, emoji=False)


def list_table(items: Sequence[Facts]) -> Table:
    """Incidents, one a row."""
    table = _table("id", "opened", "by", "status", "bots", "title")
    for one in items:
        bots = ", ".join(one["bots"]) or "all"
        title = on_one_line(one["title"])
        table.add_row(one["id"], _short(one["opened_at"]), one["opened_by"], one["status"], bots, title[:LONGEST])
    return table


def head(found: Facts) -> Iterator[str]:
    """What an incident is, in lines."""
    yield f"{on_one_line(found['title'])} ({found['status']})"
    yield f"opened by {found['opened_by']} at {_short(found['opened_at'])}"
    bots, actions = (", ".join(found[name]) or "all" for name in ("bots", "actions"))
    yield f"bots {bots}; actions {actions}; from {_short(found['from'])} to {_short(found['to'])}"
    if found["rollback"] is not None:
        counts = ", ".join(f"{count} {name}" for name, count in found["progress"].items())
        yield f"rollback {found['rollback']}: {counts}"
    if found["more_candidates"]:
        yield f"only the newest {len(found['candidates'])} are listed"
    yield ""


def candidates_table(found: Facts) -> Table:
    """What an incident is about, one a row."""
    table = _table("request", "started", "action", "status", "value", "undo until", "why not")
    for one in found["candidates"]:
        until = _short(one["until"]) if one["reversible"] and one["until"] else ""
        value = "" if one["value"] is None else f"{one['value']:g}" if isinstance(one["value"], float) else one["value"]
        why = on_one_line(one["why"] or "")
        table.add_row(
            one["request_id"], _short(one["started_at"]), one["action"], one["status"], str(value), until, why
        )
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=name in ("request", "id"))
    return table


def _short(time: str) -> str:
    return time[:19] + "Z"
