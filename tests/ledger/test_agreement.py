"""Roots, proofs and notes agree with an independent implementation: Go's `sumdb/tlog` and `sumdb/note`."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.note import Checkpoint, NoteInvalid
from app.domain.tree import (
    Frontier,
    Node,
    Span,
    consistency_spans,
    inclusion_spans,
    is_consistent,
    proof,
    root_by_inclusion,
)
from app.keys import KeyRings, note_verifier_key
from app.ledger import proofs
from app.ledger.notes import Signer, opened
from tests.conftest import NewDatabase
from tests.db.test_schema import connected
from tests.ledger.other import Said, asked, built, told
from tests.ledger.sealing import ORIGIN, seal_all
from tests.ledger.test_sequencer import write

Figure = Callable[[str, str], None]
SMALL = 300


@pytest.fixture(scope="session")
async def program() -> Path:
    """The other implementation."""
    return await built()


def leaf_of(body: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + body).digest()


class Tree:
    """All nodes of the tree over some bodies, and its root at every size."""

    def __init__(self, bodies: list[bytes]) -> None:
        self.bodies = bodies
        self.nodes: dict[Node, bytes] = {}
        frontier = Frontier()
        self.roots = [frontier.root()]
        for index, body in enumerate(bodies):
            leaf = leaf_of(body)
            self.nodes[0, index] = leaf
            self.nodes.update(frontier.append(leaf))
            self.roots.append(frontier.root())

    def path(self, spans: list[Span]) -> list[bytes]:
        return proof(spans, self.nodes.__getitem__)

    def inclusion(self, leaf: int, size: int) -> dict[str, Any]:
        return asked("inclusion", leaf=leaf, size=size, path=self.path(inclusion_spans(leaf, size)))

    def consistency(self, old: int, size: int) -> dict[str, Any]:
        return asked("consistency", old=old, size=size, path=self.path(consistency_spans(old, size)))


def agree(tree: Tree, asks: list[dict[str, Any]], answers: list[Said]) -> None:
    """It takes each of our proofs, its own is the same one, and so is the root."""
    for ask, answer in zip(asks, answers, strict=True):
        assert answer.fine, (ask, answer.error)
        assert answer.root == tree.roots[ask["size"]]
        assert asked("", path=answer.path)["path"] == ask["path"]


def luck(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  not for secrets


def drawn(chance: random.Random, count: int) -> list[bytes]:
    return [chance.randbytes(chance.randrange(1, 40)) for _ in range(count)]


def test_every_leaf_and_every_two_sizes_below_300(program: Path, record_property: Figure) -> None:
    tree = Tree(drawn(luck(300), SMALL - 1))
    sizes = range(1, SMALL)
    asks = [asked("root", size=size) for size in sizes]
    asks += [tree.inclusion(leaf, size) for size in sizes for leaf in range(size)]
    asks += [tree.consistency(old, size) for size in sizes for old in range(1, size + 1)]
    agree(tree, asks, told(program, tree.bodies, asks))
    record_property("figure", f"sizes below {SMALL}: {len(asks)} roots and proofs agree with Go's sumdb/tlog")


@pytest.mark.parametrize("seed", range(8))
def test_random_trees_of_up_to_10_000_leaves(program: Path, seed: int) -> None:
    chance = luck(seed)
    tree = Tree(drawn(chance, 10_000 if seed == 0 else chance.randrange(SMALL, 10_000)))
    most, asks = len(tree.bodies), list[dict[str, Any]]()
    for _ in range(500):
        size = chance.randint(1, most)
        asks += [asked("root", size=size), tree.inclusion(chance.randrange(size), size)]
        asks += [tree.consistency(chance.randint(1, size), size)]
    agree(tree, asks, told(program, tree.bodies, asks))


def test_what_is_altered_is_refused_by_both(program: Path) -> None:
    """A hash that is another, one too many, one too few, two that changed places."""
    chance, asks, ours = luck(1), list[dict[str, Any]](), list[bool]()
    tree = Tree(drawn(chance, 500))
    for _ in range(300):
        size = chance.randint(4, 500)
        leaf, old = chance.randrange(size), chance.randint(1, size - 1)
        for path in altered(chance, tree.path(inclusion_spans(leaf, size))):
            asks.append(asked("inclusion", leaf=leaf, size=size, path=path))
            ours.append(root_by_inclusion(tree.nodes[0, leaf], leaf, size, path) == tree.roots[size])
        for path in altered(chance, tree.path(consistency_spans(old, size))):
            asks.append(asked("consistency", old=old, size=size, path=path))
            ours.append(is_consistent(old, size, tree.roots[old], tree.roots[size], path))
    assert len(asks) > 2000
    assert not any(ours)
    assert not any(answer.fine for answer in told(program, tree.bodies, asks))


def altered(chance: random.Random, path: list[bytes]) -> list[list[bytes]]:
    at = chance.randrange(len(path))
    other = bytes([path[at][0] ^ 1]) + path[at][1:]
    found = [[*path[:at], other, *path[at + 1 :]], [*path, other], path[:-1], path[1:]]
    return [*found, path[::-1]] if len(path) > 1 else found


async def test_what_the_database_keeps_proves_the_same(
    program: Path, new_database: NewDatabase, rings: KeyRings
) -> None:
    """Of 10,000 entries that were written and sealed, by the nodes that are kept."""
    url, chance = await new_database(), luck(2)
    for n in range(10):
        await write(url, f"request:{n}", 1000)
    await seal_all(url, rings, most=777)
    asks = list[dict[str, Any]]()
    async with connected(url) as connection, AsyncSession(connection) as session:
        rows = await session.execute(
            text("select e.body from leaf l join entry e on e.id = l.entry_id order by l.index")
        )
        tree = Tree([bytes(row.body) for row in rows])
        for _ in range(150):
            size = chance.randint(1, 10_000)
            leaf, old = chance.randrange(size), chance.randint(1, size)
            path = await proofs.inclusion(session, leaf, size)
            asks.append(asked("inclusion", leaf=leaf, size=size, path=path))
            asks.append(asked("consistency", old=old, size=size, path=await proofs.consistency(session, old, size)))
            assert await proofs.root(session, size) == tree.roots[size]
    assert len(tree.bodies) == 10_000
    agree(tree, asks, told(program, tree.bodies, asks))


def test_signed_notes_open_and_altered_ones_do_not(program: Path, rings: KeyRings) -> None:
    """Each sign of one exchanged. The last of the signature's base64 has bits that count for nothing: only we mind."""
    signer, key = Signer(ORIGIN, rings.ledger), note_verifier_key(ORIGIN, rings.ledger.current_key)
    head = Checkpoint(ORIGIN, 12_345, leaf_of(b"x"))
    note = signer.sign(head)
    [fine] = told(program, [], [asked("note", note=note, key=key)])
    assert (fine.fine, fine.text) == (True, head.text())
    assert opened(note, signer.verifiers()) == head
    forged = [note[:at] + ("B" if sign == "A" else "A") + note[at + 1 :] for at, sign in enumerate(note)]
    unused = len(note) - 3
    assert note[unused + 1 :] == "=\n"
    for one in forged:
        with pytest.raises(NoteInvalid):
            opened(one, signer.verifiers())
    answers = told(program, [], [asked("note", note=one, key=key) for one in forged])
    assert [at for at, answer in enumerate(answers) if answer.fine and at != unused] == []
