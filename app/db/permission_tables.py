"""The table of standing permissions; migrations/ builds it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class StandingPermission(Base):
    """What a bot may do without being held; ``id``: the request that granted it.

    ``max_parameter``, ``max_total``: what all uses may add up to, ``total``: what they do. Uses are counted under the
    row's lock and never given back. ``revoked_by``: a person. ``granted_by``: who asked
    for it, who signed it, and in whose right.
    """

    __tablename__ = "standing_permission"
    id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    bot: Mapped[str]
    action: Mapped[str]
    action_version: Mapped[str]
    condition: Mapped[str]
    max_uses: Mapped[int]
    uses: Mapped[int]
    max_parameter: Mapped[str | None]
    max_total: Mapped[int | None] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]
    policy_version: Mapped[str]
    granted_at: Mapped[datetime]
    granted_by: Mapped[list[Any]]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    revoke_reason: Mapped[str | None]

    __table_args__ = (
        Index("standing_permission_live", "bot", "action", postgresql_where=text("revoked_at is null")),
        Index("standing_permission_of_bot", "bot", "granted_at"),
    )
