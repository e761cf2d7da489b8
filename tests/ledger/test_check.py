"""The check of a whole database: what an owner of it does is found, by name and place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.db import sealing
from app.domain.note import Checkpoint
from app.keys import KeyRings, create_missing
from app.ledger.check import Check, Checked
from app.ledger.notes import Signer
from app.ledger.sequencer import resumed
from tests.conftest import NewDatabase
from tests.db.test_schema import connected
from tests.ledger.sealing import sealed
from tests.ledger.test_sequencer import write

SIZES = (3, 303, 703, 1003)
"""Checkpoints: of a ledger whose streams are written by turns."""


@pytest.fixture(scope="module")
def signer(rings: KeyRings) -> Signer:
    return Signer("ledger.example/check", rings.ledger)


@pytest.fixture(scope="module")
async def url(new_database: NewDatabase, signer: Signer) -> str:
    """1,003 sealed entries in streams that are no requests', and two that are not sealed."""
    url = await new_database()
    written, turn = 0, 0
    for size in SIZES:
        while written < size:
            count = min(size - written, 50)
            await write(url, f"bot:{turn % 5}", count)
            written, turn = written + count, turn + 1
        await sealed(url, signer)
    await write(url, "bot:0", 2)
    return url


@pytest.fixture
async def owner(url: str) -> AsyncIterator[AsyncConnection]:
    """The database's owner, with all triggers off, whose deeds are taken back after the test."""
    async with connected(url) as connection:
        await connection.execute(text("set session_replication_role = replica"))
        for table in ("entry", "leaf", "checkpoint", "subtree"):
            await connection.execute(text(f"alter table {table} disable trigger all"))
        yield connection
        await connection.rollback()


async def notes(connection: AsyncConnection, *sizes: int) -> list[str]:
    rows = await connection.execute(text("select size, note from checkpoint order by size"))
    return [row.note for row in rows if row.size in sizes]


async def found(
    connection: AsyncConnection, signer: Signer, anchor: Sequence[str] = ()
) -> tuple[list[tuple[str, str]], Checked]:
    check = Check(signer.verifiers(), {"vault": list(anchor)})
    return [(finding.where, finding.what) async for finding in check.run(connection)], check.done


async def test_what_nobody_touched_is_in_order(owner: AsyncConnection, signer: Signer) -> None:
    """And the window that is open is said."""
    findings, done = await found(owner, signer, await notes(owner, 3, 703))
    assert findings == []
    assert done == Checked(entries=1005, leaves=1003, checkpoints=4, notes=2, anchored=703, open=302)


DEEDS: dict[str, tuple[str, dict[str, str]]] = {
    "another body": (
        (
            "update entry set body = convert_to(replace(convert_from(body, 'utf8'), 'noted', 'never'), 'utf8')"
            " where id = (select entry_id from leaf where index = 500)"
        ),
        {"leaf 500": "its hash is not that of bot:", "bot:": "not chained", "checkpoint 703": "leaves 303 to 702"},
    ),
    "another leaf": (
        "update leaf set hash = sha256('x') where index = 2",
        {"leaf 2": "one of the two was changed after it was sealed"},
    ),
    "a sealed entry less": (
        "delete from entry where id = (select entry_id from leaf where index = 700)",
        {"leaf 700": "its entry is gone", "bot:": "is missing"},
    ),
    "an entry and its leaf less": (
        (
            "with gone as (delete from leaf where index = 700 returning entry_id)"
            " delete from entry where id in (select entry_id from gone)"
        ),
        {
            "leaf 701": "stands where leaf 700 belongs",
            "checkpoint 703": "not those that were signed",
            "bot:": "is missing",
        },
    ),
    "the tail": (
        (
            "with gone as (delete from leaf where index >= 703 returning entry_id)"
            " delete from entry where id in (select entry_id from gone) or id > (select max(entry_id) from gone)"
        ),
        {"checkpoint 1003": "it was signed over 1003 leaves, and there are 703"},
    ),
    "the tail and its checkpoint": (
        (
            "with gone as (delete from leaf where index >= 303 returning entry_id), heads as (delete from checkpoint"
            " where size > 303) delete from entry"
            " where id in (select entry_id from gone) or id > (select max(entry_id) from gone)"
        ),
        {"anchor vault, checkpoint 703": "it was signed over 703 leaves, and there are 303"},
    ),
    "an entry put in": (
        (
            "insert into entry (stream, n, body) select stream, n + 1, body from entry where stream = 'bot:1'"
            " order by n desc limit 1"
        ),
        {"bot:1#": "names another place"},
    ),
    "two leaves swapped": (
        (
            "update leaf set entry_id = -entry_id where index in (10, 11);"
            " update leaf l set entry_id = -o.entry_id from leaf o"
            " where l.index + o.index = 21 and l.index in (10, 11);"
        ),
        {"leaf 10": "not that of", "leaf 11": "not that of"},
    ),
    "two streams swapped": (
        (
            "update entry set stream = 'aside' where stream = 'bot:1' and n = 5;"
            " update entry set stream = 'bot:1' where stream = 'bot:2' and n = 5;"
            " update entry set stream = 'bot:2' where stream = 'aside'"
        ),
        {"bot:1#5": "names another place", "bot:2#5": "names another place"},
    ),
    "a checkpoint's root": (
        "update checkpoint set root = sha256('x') where size = 303",
        {"checkpoint 303": "its row says otherwise than its note"},
    ),
    "a checkpoint's note": (
        "update checkpoint set note = replace(note, E'\\n303\\n', E'\\n302\\n') where size = 303",
        {"checkpoint 303": "the signature does not belong to this text"},
    ),
    "a kept hash": (
        "update subtree set hash = sha256('x') where index = 1",
        {"subtree 8/1": "not that of its 256 leaves"},
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
async def test_what_the_owner_does_is_found(owner: AsyncConnection, signer: Signer, deed: str) -> None:
    anchored = await notes(owner, 703)
    statements, expected = DEEDS[deed]
    for statement in filter(None, (one.strip() for one in statements.split(";"))):
        await owner.execute(text(statement))
    findings, _ = await found(owner, signer, anchored)
    for where, what in expected.items():
        assert any(place.startswith(where) and what in said for place, said in findings), (where, findings)


async def test_what_an_anchor_lost_and_one_that_cannot_be_read(owner: AsyncConnection, signer: Signer) -> None:
    """The database says what each has taken."""
    held = await notes(owner, 3)
    for size in (3, 303):
        await owner.execute(
            text("insert into anchored (anchor, origin, size) values ('vault', :origin, :size)"),
            {"origin": signer.origin, "size": size},
        )
    check = Check(signer.verifiers(), {"vault": held, "far": "no route"})
    assert [(finding.where, finding.what) async for finding in check.run(owner)] == [
        ("anchor far", "it cannot be read: no route"),
        ("anchor vault, checkpoint 303", "it took that, and does not hold it any more"),
    ]


async def test_who_writes_everything_anew_fails_at_the_anchor(owner: AsyncConnection, signer: Signer) -> None:
    """Leaves in another order, every node made again, every head signed with the stolen key: the anchor's stand."""
    anchored = await notes(owner, 3, 703)
    for table in ("leaf", "checkpoint", "subtree", "sequencer_state"):
        await owner.execute(text(f"delete from {table}"))  # noqa: S608
    async with AsyncSession(owner, join_transaction_mode="create_savepoint") as session:
        frontier = await resumed(session, signer)
        last, *rows = reversed(await sealing.unsealed(session, "0", 5000))
        rows = [last, *reversed(rows)]
        made = [node for _, leaf in rows for node in frontier.append(bytes(leaf))]
        await sealing.add(session, 0, rows, made)
        head = Checkpoint(signer.origin, frontier.size, frontier.root())
        await sealing.add_checkpoint(session, head, signer.sign(head))
        await session.commit()
    findings, done = await found(owner, signer, anchored)
    assert ("anchor vault, checkpoint 3", "the leaves 0 to 2 are not those that were signed") in findings
    assert "anchor vault, checkpoint 703" in dict(findings)
    assert "checkpoint 1005" not in dict(findings)
    assert done.leaves == 1005


async def test_another_key_signs_nothing(owner: AsyncConnection, signer: Signer, tmp_path: Path) -> None:
    """What the auditor's key has not signed counts nothing, and speaks for nothing."""
    create_missing(tmp_path / "keys")
    stranger = Signer(signer.origin, KeyRings.load(tmp_path / "keys").ledger)
    findings, done = await found(owner, stranger, await notes(owner, 703))
    assert dict(findings).keys() == {*(f"checkpoint {size}" for size in SIZES), "anchor vault, note 1"}
    assert all("signed by another key" in what for _, what in findings)
    assert (done.anchored, done.open) == (0, 1005)
