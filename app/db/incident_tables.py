"""The tables of incidents; migrations/ builds them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class Incident(Base):
    """What some bots did in a span of time, and what is done about it.

    ``bots``, ``actions``: whose, and by which patterns; empty: all. ``since``, ``until``: when it was started.
    ``rollback``: the request that undoes it, of several the last. ``body_hash``: commits to what opened it.
    """

    __tablename__ = "incident"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    bots: Mapped[list[Any]]
    actions: Mapped[list[Any]]
    since: Mapped[datetime]
    until: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime]
    body_hash: Mapped[str]
    status: Mapped[str]
    version: Mapped[int]
    rollback: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("request.id", deferrable=True, initially="DEFERRED"))
    closed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[datetime | None]
    summary: Mapped[str | None]

    __table_args__ = (Index("incident_newest", "opened_at", "id"),)


class IncidentItem(Base):
    """One request that the rollback of an incident undoes, as the ``n``-th of those that were signed.

    ``undo``: the id that its own rollback has, or will have. ``after``: the items that must have been undone first.
    ``begun_at``: when it was its turn; ``skipped``: why it was left alone.
    """

    __tablename__ = "incident_item"
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    original: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"))
    undo: Mapped[uuid.UUID] = mapped_column(unique=True)
    after: Mapped[list[Any]]
    begun_at: Mapped[datetime | None]
    skipped: Mapped[str | None]
