"""Whether a sealed ledger is what was signed: entries, leaves, tree and heads, judged against each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.ledger import Chains, LedgerFinding, Stored, leaf_hash
from app.domain.note import Checkpoint
from app.domain.tree import Frontier, Node


@dataclass(frozen=True, slots=True)
class Sealed:
    """A row of the tree: at ``index``, with the ``hash`` it was sealed with, and its entry, if that is there."""

    index: int
    hash: bytes
    entry: Stored | None


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint, and ``where`` it was kept: in the database, or at which anchor."""

    where: str
    checkpoint: Checkpoint


@dataclass(slots=True)
class Walk:
    """One walk over all leaves in their order, checking on the way all that must hold. ``heads``: signed, in any order.

    ``kept``: hashes of complete subtrees that the database keeps, which must be those of the tree.
    """

    heads: Sequence[Head]
    kept: Mapping[Node, bytes] = field(default_factory=dict)
    chains: Chains = field(default_factory=Chains)
    entries: int = 0
    _tree: Frontier = field(default_factory=Frontier)
    _next: int = 0
    _good: int = 0
    _by_size: dict[int, list[Head]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for head in self.heads:
            self._by_size.setdefault(head.checkpoint.size, []).append(head)

    @property
    def size(self) -> int:
        """How many leaves were walked over."""
        return self._tree.size

    def leaf(self, row: Sealed) -> Iterator[LedgerFinding]:
        """The next leaf, and what is wrong up to it."""
        where = f"leaf {row.index}"
        if row.index != self._next:
            yield LedgerFinding(where, f"it stands where leaf {self._next} belongs")
        self._next = row.index + 1
        if row.entry is None:
            yield LedgerFinding(where, "its entry is gone")
            yield from self._append(row.hash)
            return
        yield from self.chains.follow(row.entry)
        self.entries += 1
        made = bytes.fromhex(leaf_hash(row.entry.body))
        if made != row.hash:
            name = f"{row.entry.stream}#{row.entry.n}"
            yield LedgerFinding(
                where, f"its hash is not that of {name}: one of the two was changed after it was sealed"
            )
        yield from self._append(made)

    def open_entry(self, entry: Stored) -> Iterator[LedgerFinding]:
        """An entry that has no leaf yet, after all leaves; of each stream in order."""
        self.entries += 1
        yield from self.chains.follow(entry)

    def end(self) -> Iterator[LedgerFinding]:
        """What is wrong when there are no more leaves: heads and nodes of more leaves than there are."""
        for size in sorted(size for size in self._by_size if size > self.size):
            for head in self._by_size[size]:
                yield LedgerFinding(head.where, f"it was signed over {size} leaves, and there are {self.size}")
        for (level, index), _ in sorted(self.kept.items()):
            if (index + 1) << level > self.size:
                yield LedgerFinding(f"subtree {level}/{index}", f"it is of leaves that are not among the {self.size}")

    def _append(self, leaf: bytes) -> Iterator[LedgerFinding]:
        for (level, index), hash_ in self._tree.append(leaf):
            if self.kept.get((level, index), hash_) != hash_:
                yield LedgerFinding(f"subtree {level}/{index}", f"its hash is not that of its {1 << level} leaves")
        for head in self._by_size.get(self.size, ()):
            yield from self._compare(head)

    def _compare(self, head: Head) -> Iterator[LedgerFinding]:
        if head.checkpoint.root == self._tree.root():
            self._good = max(self._good, self.size)
            return
        span = f"the leaves {self._good} to {self.size - 1}" if self._good < self.size else "the leaves"
        yield LedgerFinding(head.where, f"{span} are not those that were signed")


def window(size: int, entries: int, anchored: Iterable[Head]) -> tuple[int, int]:
    """The newest anchored size, and how many entries no anchor speaks for: what the database's owner could change."""
    last = max((head.checkpoint.size for head in anchored if head.checkpoint.size <= size), default=0)
    return last, entries - last
