"""How far each endpoint has been sent the sealed ledger."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class ExportCursor(Base):
    """All leaves below ``next_leaf`` were taken. ``failing_since``: None while it works; ``due_at``: no try before."""

    __tablename__ = "export_cursor"
    endpoint: Mapped[str] = mapped_column(primary_key=True)
    next_leaf: Mapped[int] = mapped_column(BigInteger)
    tries: Mapped[int]
    due_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    alerted_at: Mapped[datetime | None]
    error: Mapped[str | None]
