"""The tables. What each column may hold is said here once; migrations/ builds them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db.types import CanonicalJson


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads a plain dict here
        str: Text,
        int: Integer,
        bool: Boolean,
        uuid.UUID: Uuid,
        datetime: DateTime(timezone=True),
        bytes: LargeBinary,
        dict[str, Any]: JSONB(none_as_null=True),
        list[Any]: JSONB,
    }


class Installation(Base):
    """The one row of this installation: its rules in force and whether it is stopped."""

    __tablename__ = "installation"
    id: Mapped[int] = mapped_column(primary_key=True)
    active_policy: Mapped[str | None] = mapped_column(ForeignKey("policy_version.id"))
    stop_epoch: Mapped[int] = mapped_column(server_default=text("0"))
    suspended_at: Mapped[datetime | None]
    stop_reason: Mapped[str | None]


class PolicyVersion(Base):
    """Rules as they were at one time, persons in them only as pids; never changed, id = hash."""

    __tablename__ = "policy_version"
    id: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]]
    installed_at: Mapped[datetime]
    installed_by: Mapped[str]


class Person(Base):
    """A human. ``pid`` stands for them wherever nothing may ever be erased."""

    __tablename__ = "person"
    id: Mapped[str] = mapped_column(primary_key=True)
    pid: Mapped[uuid.UUID] = mapped_column(unique=True, server_default=text("gen_random_uuid()"))
    name: Mapped[str]
    emails: Mapped[list[Any]]
    time_zone: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class PersonIdentity(Base):
    """One account of a person: OIDC issuer and subject, or Slack team and user.

    ``source``: files, or link when the person proved it with a code.
    """

    __tablename__ = "person_identity"
    kind: Mapped[str] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(server_default=text("'files'"))


class PersonSubject(Base):
    """Who a person is as a customer, payee or grantee."""

    __tablename__ = "person_subject"
    subject: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)


class Bot(Base):
    """The mutable side of a bot: whether it is stopped. What it may do stands in the policy version."""

    __tablename__ = "bot"
    id: Mapped[str] = mapped_column(primary_key=True)
    stop_epoch: Mapped[int] = mapped_column(server_default=text("0"))
    suspended_at: Mapped[datetime | None]
    stop_reason: Mapped[str | None]


class ClientCredential(Base):
    """A client id and the hash of its secret, of a bot or a target."""

    __tablename__ = "client_credential"
    client_id: Mapped[str] = mapped_column(primary_key=True)
    holder_kind: Mapped[str]
    holder_id: Mapped[str]
    secret_hash: Mapped[str]
    made_by: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class DataKey(Base):
    """A secret of one request, wrapped; deleting the row erases what was sealed or committed to with it."""

    __tablename__ = "data_key"
    kid: Mapped[str] = mapped_column(primary_key=True)
    wrapped: Mapped[dict[str, Any]]


class Request(Base):
    """One ask and where it stands. Everything above ``version`` is written once, at admission.

    ``bot``: who asked; of a person's request (``about_bot``) whose action it undoes, or whom it changes; None: all.
    ``undoes``: of a rollback, what it knows of the request that it reverses: its ``action``, ``status`` then, and who
    it was ``approved_by``; of one of many, which it is ``part_of``; of the rollback of many, its ``incident``, the
    bots and actions ``of`` which, and their ``statuses``. ``ground``: of a change, what it was asked on.
    ``lowered_by``: who made the rules that ask less for it (`policy-author`). ``break_glass``: who released it alone,
    why, and its review; ``void_at`` when newer rules have taken that back.
    ``erased_at``: since then its content is gone.
    """

    __tablename__ = "request"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    asker_kind: Mapped[str]
    asker_id: Mapped[str]
    about_bot: Mapped[str | None]
    bot: Mapped[str | None] = mapped_column(
        Computed("case when asker_kind = 'bot' then asker_id else about_bot end", persisted=True)
    )
    client_id: Mapped[str | None]
    credential_maker: Mapped[str | None]
    body_hash: Mapped[str]
    action: Mapped[str]
    action_version: Mapped[str]
    mode: Mapped[str]
    risk: Mapped[str]
    reversibility: Mapped[str]
    chain_length: Mapped[int]
    parameters: Mapped[Any] = mapped_column(CanonicalJson)
    parameters_digest: Mapped[str]
    reason: Mapped[str | None]
    on_behalf_of: Mapped[str | None]
    triggered_by: Mapped[str | None]
    context: Mapped[Any] = mapped_column(CanonicalJson)
    parent: Mapped[uuid.UUID | None]
    supersedes: Mapped[uuid.UUID | None]
    reverses: Mapped[uuid.UUID | None]
    undoes: Mapped[dict[str, Any] | None]
    ground: Mapped[dict[str, Any] | None]
    lowered_by: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    beneficiaries: Mapped[list[Any]]
    bot_owners: Mapped[list[Any]]
    conflict_key: Mapped[str | None]
    windows: Mapped[dict[str, Any]]
    environment: Mapped[str]
    nonce: Mapped[str]
    digest: Mapped[str]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    has_workflow: Mapped[bool]
    stop_epochs: Mapped[list[Any]]
    version: Mapped[int]
    status: Mapped[str]
    verdict: Mapped[dict[str, Any]]
    policy_version: Mapped[str] = mapped_column(ForeignKey("policy_version.id"))
    plan: Mapped[dict[str, Any] | None]
    break_glass: Mapped[dict[str, Any] | None]
    members: Mapped[dict[str, Any]]
    execution: Mapped[dict[str, Any] | None]
    ended_why: Mapped[str | None]
    ended_reason: Mapped[str | None]
    due_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]

    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012  a change brings ``bot`` back, which the database computes
    __table_args__ = (
        Index("request_newest", "created_at", "id"),
        Index("request_of_asker", "asker_kind", "asker_id", "created_at"),
        Index("request_window", "action", "created_at"),
        Index("request_of_bot", "bot", "created_at"),
        Index(
            "request_budget",
            "asker_id",
            "created_at",
            postgresql_include=["action", "id"],
            postgresql_where=text("asker_kind = 'bot' and verdict ->> 'outcome' <> 'deny'"),
        ),
        Index(
            "request_stoppable",
            "bot",
            postgresql_where=text("kind = 'action' and status in ('held', 'approved')"),
        ),
        Index(
            "one_live_rollback",
            "reverses",
            unique=True,
            postgresql_where=text("status in ('held', 'approved', 'executing', 'unknown', 'succeeded')"),
        ),
        Index("request_due", "due_at", postgresql_where=text("due_at is not null")),
        Index(
            "request_conflict",
            "conflict_key",
            postgresql_where=text("conflict_key is not null and status in ('approved', 'executing', 'unknown')"),
        ),
    )


class Attempt(Base):
    """What somebody wants to do to a request, stored before it is judged: a decision, a cancel, an outcome.

    ``actor``: the person or bot, or the account when it is nobody's in particular.
    """

    __tablename__ = "attempt"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), index=True)
    op: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[str | None]
    actor: Mapped[str]
    identity: Mapped[str]
    level: Mapped[str]
    via: Mapped[str]
    idempotency_key: Mapped[str | None]
    body: Mapped[Any] = mapped_column(CanonicalJson)
    ruling: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "one_attempt_per_key",
            "request_id",
            "actor",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key is not null"),
        ),
    )


class Decision(Base):
    """What a person said of one stage; one standing decision each.

    ``stands_for``: the persons in whose right as well, by delegation.
    """

    __tablename__ = "decision"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), index=True)
    stage: Mapped[int]
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    say: Mapped[str]
    reason: Mapped[str | None]
    via: Mapped[str]
    level: Mapped[str]
    at: Mapped[datetime]
    standing: Mapped[bool]
    stands_for: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))

    __table_args__ = (
        Index(
            "one_person_one_vote",
            "request_id",
            "stage",
            "person_id",
            unique=True,
            postgresql_where=text("standing"),
        ),
    )


class Refusal(Base):
    """How often one actor was refused on one request, for one set of reasons."""

    __tablename__ = "refusal"
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    actor: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    window_count: Mapped[int]
    window_started_at: Mapped[datetime]
    last_invariants: Mapped[str]


class ExecutionAttempt(Base):
    """One try at the action. Its commit is the start; ``holds_key`` while nobody else may touch the same thing.

    A built-in action needs no grant. ``grant_jkt``: the thumbprint of the key that its grant is bound to, if it is.
    ``grant_kid``: which key signed it; None as long as that was the only one. ``handle_hash``: of what an owner's
    worker fetches the grant by; ``fetched_at``: when it first has.
    """

    __tablename__ = "execution_attempt"
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    grant_jti: Mapped[str | None]
    grant_hash: Mapped[str | None]
    grant_expires_at: Mapped[datetime | None]
    grant_jkt: Mapped[str | None]
    grant_kid: Mapped[str | None] = mapped_column(default=None)
    conflict_key: Mapped[str | None]
    holds_key: Mapped[bool]
    handle_hash: Mapped[str | None]
    fetched_at: Mapped[datetime | None]

    __table_args__ = (
        Index("attempt_in_flight", "started_at", postgresql_where=text("outcome is null")),
        Index("attempt_started", "started_at"),
        Index("attempt_by_handle", "handle_hash", unique=True, postgresql_where=text("handle_hash is not null")),
        Index(
            "one_execution_per_conflict_key",
            "conflict_key",
            unique=True,
            postgresql_where=text("holds_key and conflict_key is not null"),
        ),
    )


class Settlement(Base):
    """What a person said an unknown outcome was."""

    __tablename__ = "settlement"
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    status: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


class Outbox(Base):
    """What must be told to whom; due until the version told is the version that stands."""

    __tablename__ = "outbox"
    sink: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    told_version: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    due_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    tries: Mapped[int] = mapped_column(server_default=text("0"))

    __table_args__ = (Index("outbox_due", "sink", "due_at", postgresql_where=text("version > told_version")),)


class StreamHead(Base):
    """The row to lock before writing to a stream that is not a request's own."""

    __tablename__ = "stream_head"
    stream: Mapped[str] = mapped_column(primary_key=True)


class Entry(Base):
    """One line of the ledger: RFC 8785 bytes, chained in its stream. Only ever inserted and selected."""

    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    stream: Mapped[str]
    n: Mapped[int]
    body: Mapped[bytes]
    leaf_hash: Mapped[bytes] = mapped_column(Computed("sha256('\\x00'::bytea || body)", persisted=True))
    xid: Mapped[str] = mapped_column(Text, server_default=text("pg_current_xact_id()::text"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))

    __table_args__ = (
        UniqueConstraint("stream", "n", name="entry_stream_n"),
        Index("entry_transaction", text("(xid::xid8)")),
        Index("entry_written", "created_at", postgresql_using="brin"),
    )
