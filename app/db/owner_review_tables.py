"""The table of owner reviews; migrations/ builds it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class OwnerReview(Base):
    """The owners of a bot must look at what it is and has done. Its moments are kept: newer rules move none of them.

    ``workflow``: the id of the one that keeps its time. ``owners``, ``escalated_to``: persons, as of then; who may
    attest is looked up when they do. ``grace_s``: seconds from escalation to lapse; ``lapse_at``: known once it is
    escalated. ``lapsed_at``: since then, until it is done, what is of high risk is not to be had. ``scope``: what is
    under review, without persons. ``finding``: attested or changed.
    """

    __tablename__ = "owner_review"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    bot: Mapped[str]
    workflow: Mapped[str]
    policy_version: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    grace_s: Mapped[int]
    owners: Mapped[list[Any]]
    scope: Mapped[dict[str, Any]]
    escalated_at: Mapped[datetime | None]
    escalated_to: Mapped[list[Any]]
    lapse_at: Mapped[datetime | None]
    lapsed_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    finding: Mapped[str | None]
    reason: Mapped[str | None]

    __table_args__ = (
        Index("one_open_owner_review", "bot", unique=True, postgresql_where=text("done_at is null")),
        Index("owner_review_of_bot", "bot", "opened_at"),
    )
