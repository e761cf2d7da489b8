"""What the commands of `app.cli.policy_work` print."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML

from app.domain.verdict import Outcome

LISTED = 20
"""Changed asks that a terminal shows; ``--json`` has more."""

Row = Mapping[str, Any]


def simulation_tables(found: Row) -> Iterator[Table | Text]:
    """What came of a simulation."""
    yield _in_short(found)
    if found["outcomes"]:
        yield _pairs("in force", "draft", found["outcomes"])
    if found["plans"]:
        yield _pairs("plan in force", "plan of the draft", found["plans"])
    if found["actions"]:
        yield _actions(found["actions"])
    if found["rules"]:
        yield _rules(found["rules"])
    if found["asks"]:
        yield _asks(found)


def _in_short(found: Row) -> Text:
    what = {"calls": "calls", "requests": f"requests since {str(found['since'])[:19]}Z"}[found["over"]]
    ended = "" if found["complete"] else "; there was no time for all of them"
    return Text(f"{found['total']} {what}: {found['changed']} changed, {found['unchanged']} unchanged{ended}")


def _pairs(old: str, new: str, pairs: Sequence[Row]) -> Table:
    table = _table(old, new, count=("count",))
    for pair in pairs:
        _add(table, pair["before"], pair["after"], pair["count"])
    return table


def _actions(actions: Sequence[Row]) -> Table:
    table = _table("action", count=("asked", "changed", *(f"{one}: in force -> draft" for one in Outcome)))
    for one in actions:
        sides = [f"{one['before'][outcome]} -> {one['after'][outcome]}" for outcome in Outcome]
        _add(table, one["action"], one["total"], one["changed"], *sides)
    return table


def _rules(rules: Sequence[Row]) -> Table:
    table = _table("rule", count=("matched: in force -> draft", "erred, and so denied: in force -> draft"))
    for one in rules:
        _add(table, one["rule"], *(f"{one['before'][what]} -> {one['after'][what]}" for what in ("matched", "erred")))
    return table


def _asks(found: Row) -> Table:
    table = _table("changed", "action", "in force", "draft")
    for one in found["asks"][:LISTED]:
        _add(table, one["ref"], one["action"], _ruling(one["before"]), _ruling(one["after"]))
    if found["changed"] > LISTED:
        table.caption = f"and {found['changed'] - LISTED} more"
    return table


def _ruling(ruling: Row) -> str:
    return f"{ruling['outcome']} ({ruling['plan'] or ruling['code']})"


def history_table(rows: Sequence[Row]) -> Table:
    """Each activation."""
    table = _table("version", "in force from", "by", "request")
    for row in rows:
        now = " (now)" if row["in_force"] else ""
        _add(table, row["version"], f"{row['at'][:19]}Z{now}", row["by"], row["request"] or "")
    return table


def _table(*names: str, count: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, caption_justify="left")
    for name in names:
        table.add_column(name, overflow="fold")
    for name in count:
        table.add_column(name, justify="right")
    return table


def _add(table: Table, *cells: Any) -> None:
    """A row of plain text: names of a file's making must not be markup."""
    table.add_row(*(Text("".join(char if char.isprintable() else "\ufffd" for char in str(cell))) for cell in cells))


def yaml_of(document: Row) -> str:
    """A document as YAML, its keys in their order."""
    yaml, text = YAML(), io.StringIO()
    yaml.width = 4096
    yaml.dump(dict(document), text)
    return text.getvalue()
