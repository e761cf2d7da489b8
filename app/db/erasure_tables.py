"""The tables of what was erased, and of what must not be; migrations/ builds them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class Subject(Base):
    """Whom something was said about to Interlock: by a keyed hash alone. ``pid`` stands for them on the ledger.

    ``held_since``, ``held_by``: the legal hold that keeps what concerns them, and the request that placed it.
    """

    __tablename__ = "subject"
    hash: Mapped[str] = mapped_column(primary_key=True)
    pid: Mapped[uuid.UUID] = mapped_column(unique=True)
    held_since: Mapped[datetime | None]
    held_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("request.id"))


class Erasure(Base):
    """An order to erase what concerns a subject; ``id``: the request that gave it, which names them until it is done.

    What was asked by ``ordered_at`` is meant.
    """

    __tablename__ = "erasure"
    id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    pid: Mapped[uuid.UUID]
    ordered_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (Index("one_open_erasure", "pid", unique=True, postgresql_where=text("done_at is null")),)


class ErasedRequest(Base):
    """A request whose content goes, or has gone. ``erasure``: on whose order; None: its time was over.

    ``erased_at``: None until it has; ``history_gone_at``: when Temporal had nothing of it any more.
    """

    __tablename__ = "erased_request"
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    erasure: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("erasure.id"))
    erased_at: Mapped[datetime | None]
    history_gone_at: Mapped[datetime | None]

    __table_args__ = (
        Index("erased_request_due", "request_id", postgresql_where=text("history_gone_at is null")),
        Index("erased_request_of", "erasure"),
    )
