"""The tables of what stands in Slack, and of who leads the sending; migrations/ builds them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class LinkCode(Base):
    """A one-time code that a Slack account asked for, by its hash; who sends it with their own token is linked.

    Without team and user: that ``used_by`` sent a code that was none; it counts against them until ``expires_at``.
    """

    __tablename__ = "link_code"
    code_hash: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str]
    user: Mapped[str] = mapped_column("slack_user")
    expires_at: Mapped[datetime]
    used_by: Mapped[str | None]


class Lease(Base):
    """Who leads what, until when. ``epoch`` grows with every change of leader."""

    __tablename__ = "lease"
    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[uuid.UUID]
    epoch: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[datetime]


class SlackMessage(Base):
    """One message in Slack that shows requests; due while ``shown`` is behind ``wanted``.

    ``place``: a channel, or a user who gets direct messages; ``channel`` and ``ts``: where it stands; ``thread``: the
    message under which it stands since that one can no longer be edited. ``sending``: what was on its way to Slack when
    nothing more was heard: ``message``, or the key of a reply. ``replies``: the keys of those that stand. ``live``: one
    can decide on what it shows.
    """

    __tablename__ = "slack_message"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    place: Mapped[str]
    kind: Mapped[str]
    channel: Mapped[str | None]
    ts: Mapped[str | None]
    thread: Mapped[str | None]
    wanted: Mapped[int] = mapped_column(BigInteger)
    shown: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    shown_hash: Mapped[str | None]
    live: Mapped[bool] = mapped_column(server_default=text("false"))
    sending: Mapped[str | None]
    sending_since: Mapped[datetime | None]
    replies: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    due_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))

    __table_args__ = (
        Index("slack_message_due", "due_at", postgresql_where=text("wanted > shown")),
        Index("slack_message_of_place", "place", "created_at"),
    )


class SlackItem(Base):
    """That a request is shown in a place, and by which message."""

    __tablename__ = "slack_item"
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("slack_message.id"), index=True)


class SlackPlace(Base):
    """A place that Slack would not let us post to: archived, gone, or without our bot in it."""

    __tablename__ = "slack_place"
    place: Mapped[str] = mapped_column(primary_key=True)
    closed_until: Mapped[datetime]
    why: Mapped[str]


class CardShown(Base):
    """What was put before people, so that a decision can say what it was made on.

    ``blocks``: sealed; ``not_shown``: JSON pointers of the parameters that were masked there.
    """

    __tablename__ = "card_shown"
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(primary_key=True)
    blocks: Mapped[dict[str, Any]]
    not_shown: Mapped[list[Any]]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
