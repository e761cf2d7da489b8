"""Slack: what stands there, who leads the sending, one-time codes that link accounts."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE person_identity ADD COLUMN source TEXT DEFAULT 'files' NOT NULL",
    """
    CREATE TABLE card_shown (
        request_id UUID NOT NULL,
        hash TEXT NOT NULL,
        blocks JSONB NOT NULL,
        not_shown JSONB NOT NULL,
        at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        PRIMARY KEY (request_id, hash),
        FOREIGN KEY(request_id) REFERENCES request (id)
    )
    """,
    """
    CREATE TABLE lease (
        name TEXT NOT NULL,
        owner UUID NOT NULL,
        epoch BIGINT NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (name)
    )
    """,
    """
    CREATE TABLE link_code (
        code_hash TEXT NOT NULL,
        team TEXT NOT NULL,
        slack_user TEXT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        used_by TEXT,
        PRIMARY KEY (code_hash)
    )
    """,
    """
    CREATE TABLE slack_message (
        id UUID NOT NULL,
        place TEXT NOT NULL,
        kind TEXT NOT NULL,
        channel TEXT,
        ts TEXT,
        thread TEXT,
        wanted BIGINT NOT NULL,
        shown BIGINT DEFAULT 0 NOT NULL,
        shown_hash TEXT,
        live BOOLEAN DEFAULT false NOT NULL,
        sending TEXT,
        sending_since TIMESTAMP WITH TIME ZONE,
        replies JSONB DEFAULT '[]' NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        tries INTEGER DEFAULT 0 NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX slack_message_due ON slack_message (due_at) WHERE wanted > shown",
    "CREATE INDEX slack_message_of_place ON slack_message (place, created_at)",
    """
    CREATE TABLE slack_place (
        place TEXT NOT NULL,
        closed_until TIMESTAMP WITH TIME ZONE NOT NULL,
        why TEXT NOT NULL,
        PRIMARY KEY (place)
    )
    """,
    """
    CREATE TABLE slack_item (
        request_id UUID NOT NULL,
        place TEXT NOT NULL,
        message_id UUID NOT NULL,
        PRIMARY KEY (request_id, place),
        FOREIGN KEY(request_id) REFERENCES request (id),
        FOREIGN KEY(message_id) REFERENCES slack_message (id)
    )
    """,
    "CREATE INDEX ix_slack_item_message_id ON slack_item (message_id)",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
