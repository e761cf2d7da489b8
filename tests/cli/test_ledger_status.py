"""``interlock ledger status``: what is recorded, sealed, anchored, and what lags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.db import anchoring, sealing
from app.db.session import Database
from app.keys import KeyRings
from tests.cli.command import RULES, done, interlock
from tests.db.test_schema import connected
from tests.ledger.sealing import seal_all


def told(env: dict[str, str], code: int = 0) -> dict[str, Any]:
    ended = interlock(env, "ledger", "status", "--json")
    assert ended.returncode == code, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


async def test_it_tells_what_lags(empty: dict[str, str]) -> None:
    """Exit code 1 where an entry has waited for more than a minute, or an anchor is failing."""
    anchors = [{"name": "disk", "kind": "file", "dir": "/nowhere"}]
    env, url = empty | {"INTERLOCK_LEDGER__ANCHORS": json.dumps(anchors)}, empty["INTERLOCK_DATABASE__URL"]
    assert told(env)["sealed"] == {"size": 0, "at": None, "unsealed": 0, "oldest_unsealed_seconds": None, "late": False}
    done(env, "init", str(RULES))
    recorded = told(env)
    assert recorded["recorded"] == recorded["sealed"]["unsealed"] > 0
    assert 0 <= recorded["sealed"]["oldest_unsealed_seconds"] < 60
    await _age(url)
    assert told(env, 1)["sealed"]["late"] is True
    await seal_all(url, KeyRings.load(Path(empty["INTERLOCK_KEYS__DIR"])))
    sealed = told(env)
    assert (sealed["sealed"]["size"], sealed["sealed"]["unsealed"]) == (recorded["recorded"], 0)
    assert sealed["checkpoint"].splitlines()[1] == str(recorded["recorded"])
    [anchor] = sealed["anchors"]
    assert (anchor["size"], anchor["unanchored"], anchor["failing_since"]) == (0, recorded["recorded"], None)
    await _try(url, "the disk is full")
    [failing] = told(env, 1)["anchors"]
    assert (failing["error"], failing["failing_since"] is not None) == ("the disk is full", True)
    assert "FAILING since" in interlock(env, "ledger", "status").stdout
    await _try(url, None)
    assert told(env)["anchors"][0]["unanchored"] == 0
    shown = done(env, "ledger", "status")
    assert shown.startswith(
        f"recorded  {recorded['recorded']} entries\nsealed    {recorded['recorded']} entries, last 2"
    )
    assert "entries in disk" in shown


async def _age(url: str) -> None:
    async with connected(url) as connection:
        await connection.execute(text("alter table entry disable trigger all"))
        await connection.execute(text("update entry set created_at = created_at - interval '2 minutes'"))
        await connection.execute(text("alter table entry enable always trigger entry_refuses_change"))
        await connection.commit()


async def _try(url: str, error: str | None) -> None:
    database = Database(url)
    async with database.transaction() as session:
        newest = await sealing.newest(session)
        assert newest is not None
        if error is None:
            await anchoring.taken(session, "disk", newest.origin, newest.size)
        await anchoring.tried(session, "disk", error)
    await database.close()


async def test_nowhere_anchored_is_said(empty: dict[str, str]) -> None:
    assert "INTERLOCK_LEDGER__ANCHORS" in done(empty, "ledger", "status")
