"""The table of approved use cases; migrations/ builds it."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class UseCase(Base):
    """What was approved of a bot; of several the newest stands. Only added to.

    ``id``: the request's, where people have signed it. ``via``: ``request``; ``init``, with the rules that were
    installed; ``upgrade``: it was in force before use cases were approved. ``statement``: None only for the last, until
    the worker has written down what ``policy_version`` says. ``review_by``: the last day on which it holds.
    """

    __tablename__ = "use_case"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    bot: Mapped[str]
    statement: Mapped[dict[str, Any] | None]
    approved_at: Mapped[datetime]
    review_by: Mapped[date] = mapped_column(Date)
    policy_version: Mapped[str]
    via: Mapped[str]

    __table_args__ = (
        Index("use_case_newest", "bot", "approved_at", "id"),
        Index("use_case_unwritten", "bot", postgresql_where=text("statement is null")),
    )
