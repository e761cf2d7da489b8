"""``interlock ledger status``: how much is recorded, sealed and anchored."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from app.cli.failing import FINDINGS
from app.cli.options import Data, Json
from app.cli.place import Place, opened
from app.db import anchoring, sealing
from app.domain.clocks import rfc3339

LATE = 60.0
"""Seconds that an entry may wait for its leaf."""


def register(group: typer.Typer) -> None:
    """Add the command to those of the ledger."""
    group.command("status")(status)


def status(data: Data = None, as_json: Json = False) -> None:
    """Print what is recorded, sealed and anchored, and what lags.

    Exit code 1 when an entry has waited for its leaf for more than 60 s, or an anchor is failing.
    """
    found = asyncio.run(_found(data))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for line in _lines(found):
            typer.echo(line)
    if found["sealed"]["late"] or any(anchor["failing_since"] for anchor in found["anchors"]):
        raise typer.Exit(FINDINGS)


async def _found(data: Path | None) -> dict[str, Any]:
    async with opened(data) as place, place.ctx.database.transaction() as session:
        behind, newest = await sealing.backlog(session), await sealing.newest(session)
        size = 0 if newest is None else newest.size
        oldest = None if behind.oldest is None else round(behind.oldest, 1)
        return {
            "recorded": behind.recorded,
            "sealed": {
                "size": size,
                "at": None if newest is None else rfc3339(newest.signed_at),
                "unsealed": behind.unsealed,
                "oldest_unsealed_seconds": oldest,
                "late": behind.oldest is not None and behind.oldest > LATE,
            },
            "checkpoint": None if newest is None else newest.note,
            "anchors": [
                await _anchor(session, name, None if newest is None else newest.origin, size) for name in _names(place)
            ],
        }


def _names(place: Place) -> list[str]:
    return [anchor.name for anchor in place.settings.ledger.anchors]


async def _anchor(session: AsyncSession, name: str, origin: str | None, size: int) -> dict[str, Any]:
    last = None if origin is None else await anchoring.last(session, name, origin)
    state = await anchoring.state(session, name)
    return {
        "name": name,
        "size": 0 if last is None else last.size,
        "at": None if last is None else rfc3339(last.at),
        "unanchored": size - (0 if last is None else last.size),
        "tried_at": _at(None if state is None else state.tried_at),
        "failing_since": _at(None if state is None else state.failing_since),
        "error": None if state is None else state.error,
    }


def _at(time: datetime | None) -> str | None:
    return None if time is None else rfc3339(time)


def _lines(found: dict[str, Any]) -> list[str]:
    sealed = found["sealed"]
    lag = "nothing waits"
    if sealed["unsealed"]:
        lag = f"{sealed['unsealed']} wait, the oldest for {sealed['oldest_unsealed_seconds']} s"
    lines = [
        f"recorded  {found['recorded']} entries",
        f"sealed    {sealed['size']} entries, {_when(sealed['at'])}; {lag}{': LATE' if sealed['late'] else ''}",
    ]
    for anchor in found["anchors"]:
        line = f"anchored  {anchor['size']} entries in {anchor['name']}, {_when(anchor['at'])}"
        line += f"; {anchor['unanchored']} are not" if anchor["unanchored"] else "; nothing waits"
        if anchor["failing_since"]:
            line += f": FAILING since {anchor['failing_since']}: {anchor['error']}"
        lines.append(line)
    if not found["anchors"]:
        lines.append("anchored  nowhere: name places in INTERLOCK_LEDGER__ANCHORS")
    if found["checkpoint"]:
        lines += ["", *found["checkpoint"].splitlines()]
    return lines


def _when(at: str | None) -> str:
    return "never" if at is None else f"last {at}"
