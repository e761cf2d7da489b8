"""The table of redemptions; migrations/ builds it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class GrantRedemption(Base):
    """A target has used up a grant; its key is what lets that happen once. Never the grant itself.

    ``client``: of the target. ``redemption``: a keyed hash of their own id for it, worthless after erasure.
    """

    __tablename__ = "grant_redemption"
    jti: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), index=True)
    attempt: Mapped[int]
    client: Mapped[str]
    redemption: Mapped[str]
    redeemed_at: Mapped[datetime]
