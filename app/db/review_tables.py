"""The table of reviews; migrations/ builds it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class Review(Base):
    """Somebody must look at what was done, in a set time. Written once but for the last five columns.

    ``kind``: break-glass. ``reviewers``: the persons of whom any one may, as of then. ``finding``: justified or
    unjustified. ``overdue_at``: when it was found that nobody had, in time.
    """

    __tablename__ = "review"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), index=True)
    bot: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    reviewers: Mapped[list[Any]]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    finding: Mapped[str | None]
    reason: Mapped[str | None]
    overdue_at: Mapped[datetime | None]

    __table_args__ = (
        Index("review_newest", "opened_at", "id"),
        Index("review_due", "due_at", postgresql_where=text("done_at is null and overdue_at is null")),
    )
