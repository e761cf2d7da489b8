"""The table of delegations; migrations/ builds it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class Delegation(Base):
    """For a while somebody decides for a person who is away. Whose periods overlap is judged under the person's stream.

    ``ended_at``, ``ended_by``: when and by whom it was ended before its time.
    """

    __tablename__ = "delegation"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    delegate_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]

    __table_args__ = (
        Index("delegation_live", "ends_at", postgresql_where=text("ended_at is null")),
        Index("delegation_of_person", "person_id", "ends_at"),
        Index("delegation_to", "delegate_id", "ends_at"),
    )
