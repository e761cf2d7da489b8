"""The Merkle tree of the ledger: RFC 6962 hashes, proofs and their checks as in RFC 9162 section 2.1. Pure.

A complete subtree of 2^level leaves that begins at leaf ``index`` * 2^level is a `Node` (level, index): it never
changes once it is whole. Every hash of the tree, of any size, is made of such nodes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

Node = tuple[int, int]
"""``(level, index)`` of a complete subtree; level 0 are the leaves."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), RFC 6962 section 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def folded(hashes: Sequence[bytes]) -> bytes:
    """The hash over complete subtrees that stand side by side, the largest first. At least one."""
    found = hashes[-1]
    for hash_ in reversed(hashes[:-1]):
        found = node_hash(hash_, found)
    return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes, in order; `EMPTY_ROOT` of none."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


class Frontier:
    """The right edge of a growing tree: its complete subtrees, the largest first. All that appending takes."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """``hashes``: those of ``nodes_of(0, size)``."""
        if len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} subtrees at its edge, not {len(hashes)}")
        self.size = size
        self._hashes = list(hashes)

    def append(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """Add a leaf's hash; the nodes above it that are whole now, lowest first."""
        made, level, index, found = list[tuple[Node, bytes]](), 0, self.size, leaf
        while index & 1:
            level, index, found = level + 1, index >> 1, node_hash(self._hashes.pop(), found)
            made.append(((level, index), found))
        self._hashes.append(found)
        self.size += 1
        return made

    def root(self) -> bytes:
        """The root of the tree as it is."""
        return folded(self._hashes) if self._hashes else EMPTY_ROOT


def nodes_of(start: int, end: int) -> list[Node]:
    """The complete subtrees that leaves ``start`` to ``end`` (not included) consist of, the largest first.

    ``start`` must be where a subtree begins that is as large as the whole span's largest: as in all spans of proofs.
    """
    nodes = list[Node]()
    while start < end:
        level = (end - start).bit_length() - 1
        if start & ((1 << level) - 1):
            raise ValueError(f"no subtree of {1 << level} leaves begins at leaf {start}")
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


Span = tuple[int, int]
"""Leaves from the first to before the second."""


def inclusion_spans(index: int, size: int) -> list[Span]:
    """What the hashes of the proof are over that leaf ``index`` is in the tree of ``size`` (RFC 9162 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    spans, start, end = list[Span](), 0, size
    while end - start > 1:
        middle = start + _left(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, size: int) -> list[Span]:
    """What the hashes of the proof are over that the tree of ``size`` goes on from that of ``old`` (2.1.4.1)."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {size} leaves does not go on from one of {old}")
    spans, start, end = list[Span](), 0, size
    while end != old:
        middle = start + _left(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:
        spans.append((start, end))
    return spans[::-1]


def _left(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def proof(spans: Sequence[Span], hash_of: Callable[[Node], bytes]) -> list[bytes]:
    """The hashes over these spans. ``hash_of``: that of a complete subtree."""
    return [folded([hash_of(node) for node in nodes_of(*span)]) for span in spans]


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162 2.1.3.2); None when it has the wrong length."""
    if not 0 <= index < size:
        return None
    at, last, found = index, size - 1, leaf
    for hash_ in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = node_hash(hash_, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        at, last = at >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(old: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a proof shows that the tree of ``size`` goes on from that of ``old`` (RFC 9162 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not path and old_root == root
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not hashes:
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    then = now = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            then, now = node_hash(hash_, then), node_hash(hash_, now)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            now = node_hash(now, hash_)
        at, last = at >> 1, last >> 1
    return last == 0 and then == old_root and now == root
