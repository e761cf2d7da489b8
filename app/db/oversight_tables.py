"""The table of oversight reports; migrations/ builds it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base
from app.db.types import CanonicalJson


class OversightReport(Base):
    """What was counted of a period, persons in it only as pids. One that waits is worked out anew; a signed one stays.

    ``status``: prepared or signed. ``report``, ``figures``: digests of all of it and of its figures alone. ``request``:
    by which it was signed off.
    """

    __tablename__ = "oversight_report"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime]
    document: Mapped[Any] = mapped_column(CanonicalJson)
    report: Mapped[str]
    figures: Mapped[str]
    status: Mapped[str]
    prepared_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    request: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("request.id"))

    __table_args__ = (
        Index("one_prepared_report", "since", "until", unique=True, postgresql_where=text("status = 'prepared'")),
        Index("oversight_report_of_period", "until", "since"),
    )
