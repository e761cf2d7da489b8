"""The tables of the sealed ledger: which entry is which leaf, the tree over them, and its signed heads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class Leaf(Base):
    """An entry has its place in the tree. Only ever inserted.

    ``hash``: the entry's leaf hash when it was sealed; one of the two that is changed later differs from the other.
    """

    __tablename__ = "leaf"
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("entry.id"), unique=True)
    hash: Mapped[bytes]


class Subtree(Base):
    """The hash over 256 to the power of ``height`` leaves, kept so that no proof costs more than a few hundred rows."""

    __tablename__ = "subtree"
    height: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes]


class SignedHead(Base):
    """A checkpoint: the tree's size and root at one time, and the signed note that says so. Only ever inserted."""

    __tablename__ = "checkpoint"
    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes]
    note: Mapped[str]
    signed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))

    __table_args__ = (Index("checkpoint_newest", "size"),)


class SequencerState(Base):
    """The one row of the sequencer: what the log is called, how far it is sealed.

    ``horizon``: every transaction before this one was over when the last round looked, and all it wrote is sealed.
    """

    __tablename__ = "sequencer_state"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    origin: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    horizon: Mapped[str] = mapped_column(Text)


class Anchored(Base):
    """A checkpoint that a place outside this database has taken."""

    __tablename__ = "anchored"
    anchor: Mapped[str] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class AnchorState(Base):
    """How the last tries of an anchor went. ``failing_since``: None while it works."""

    __tablename__ = "anchor_state"
    anchor: Mapped[str] = mapped_column(primary_key=True)
    tried_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    error: Mapped[str | None]
