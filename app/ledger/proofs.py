"""Proofs over the sealed ledger, made of the nodes that are kept of its tree."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import sealing
from app.domain.tree import EMPTY_ROOT, Span, consistency_spans, folded, inclusion_spans, nodes_of, proof


async def leaf_hash(session: AsyncSession, index: int) -> bytes:
    """The hash of a leaf. Raises TreeBroken when there is none."""
    return (await sealing.hashes(session, [(0, index)]))[0, index]


async def inclusion(session: AsyncSession, index: int, size: int) -> list[bytes]:
    """That leaf ``index`` is in the tree of ``size``. Raises ValueError when it cannot be, TreeBroken."""
    return await _proof(session, inclusion_spans(index, size))


async def consistency(session: AsyncSession, old: int, size: int) -> list[bytes]:
    """That the tree of ``size`` goes on from that of ``old``. Raises ValueError when it cannot, TreeBroken."""
    return await _proof(session, consistency_spans(old, size))


async def root(session: AsyncSession, size: int) -> bytes:
    """The root of the first ``size`` leaves. Raises TreeBroken."""
    nodes = nodes_of(0, size)
    hashes = await sealing.hashes(session, nodes)
    return folded([hashes[node] for node in nodes]) if nodes else EMPTY_ROOT


async def _proof(session: AsyncSession, spans: Sequence[Span]) -> list[bytes]:
    hashes = await sealing.hashes(session, [node for span in spans for node in nodes_of(*span)])
    return proof(spans, hashes.__getitem__)
