"""The tree, against the definitions of RFC 6962 section 2.1 as they are written there."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.tree import (
    EMPTY_ROOT,
    Frontier,
    Node,
    consistency_spans,
    inclusion_spans,
    is_consistent,
    node_hash,
    nodes_of,
    proof,
    root_by_inclusion,
    root_of,
)

LEAVES = [hashlib.sha256(b"\x00" + bytes([n])).digest() for n in range(130)]
SIZES = st.integers(1, len(LEAVES))


def mth(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


def node(place: Node) -> bytes:
    level, index = place
    return mth(LEAVES[index << level : (index + 1) << level])


@given(SIZES)
def test_root_and_the_nodes_that_appending_makes(size: int) -> None:
    """They are those of the definition; and a frontier goes on from any size."""
    frontier = Frontier()
    for n, leaf in enumerate(LEAVES[:size]):
        for place, hash_ in frontier.append(leaf):
            assert hash_ == node(place)
            assert (place[1] + 1) << place[0] == n + 1
    assert frontier.root() == root_of(LEAVES[:size]) == mth(LEAVES[:size])
    again = Frontier(size, [node(place) for place in nodes_of(0, size)])
    assert again.root() == frontier.root()


@given(st.data())
def test_a_proof_of_inclusion_leads_to_the_root_and_to_no_other(data: st.DataObject) -> None:
    """And not with another leaf, place, size, a hash more or less."""
    size = data.draw(SIZES)
    index = data.draw(st.integers(0, size - 1))
    path, root = proof(inclusion_spans(index, size), node), mth(LEAVES[:size])
    assert root_by_inclusion(LEAVES[index], index, size, path) == root
    assert root_by_inclusion(LEAVES[index - 1], index, size, path) != root or size == 1
    assert root_by_inclusion(LEAVES[index], index, size, [*path, root]) is None
    if path:
        assert root_by_inclusion(LEAVES[index], index, size, path[1:]) != root
        other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
        assert root_by_inclusion(LEAVES[index], other, size, path) != root


@given(st.data())
def test_a_proof_of_consistency_binds_both_roots(data: st.DataObject) -> None:
    """Neither may be another, and no hash may be missing or too much."""
    size = data.draw(SIZES)
    old = data.draw(st.integers(1, size))
    path, then, now = proof(consistency_spans(old, size), node), mth(LEAVES[:old]), mth(LEAVES[:size])
    assert is_consistent(old, size, then, now, path)
    assert not is_consistent(old, size, now if old < size else EMPTY_ROOT, now, path)
    assert not is_consistent(old, size, then, EMPTY_ROOT, path)
    assert not is_consistent(old, size, then, now, [*path, now])
    if path:
        assert not is_consistent(old, size, then, now, path[:-1])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3)])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_spans(index, size)
    assert root_by_inclusion(LEAVES[0], index, size, []) is None


@pytest.mark.parametrize(("old", "size"), [(0, 4), (5, 4)])
def test_there_is_no_proof_of_going_on_from_what_is_no_prefix(old: int, size: int) -> None:
    with pytest.raises(ValueError, match="does not go on"):
        consistency_spans(old, size)
    assert not is_consistent(old, size, EMPTY_ROOT, EMPTY_ROOT, [])


def test_spans_begin_where_subtrees_do() -> None:
    with pytest.raises(ValueError, match="no subtree of 4"):
        nodes_of(2, 6)
    with pytest.raises(ValueError, match="subtrees at its edge"):
        Frontier(3, [EMPTY_ROOT])
