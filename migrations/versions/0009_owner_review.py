"""Owner reviews."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = (
    """
    CREATE TABLE owner_review (
        id UUID NOT NULL,
        bot TEXT NOT NULL,
        workflow TEXT NOT NULL,
        policy_version TEXT NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        grace_s INTEGER NOT NULL,
        owners JSONB NOT NULL,
        scope JSONB NOT NULL,
        escalated_at TIMESTAMP WITH TIME ZONE,
        escalated_to JSONB NOT NULL,
        lapse_at TIMESTAMP WITH TIME ZONE,
        lapsed_at TIMESTAMP WITH TIME ZONE,
        done_at TIMESTAMP WITH TIME ZONE,
        done_by TEXT,
        finding TEXT,
        reason TEXT,
        PRIMARY KEY (id),
        FOREIGN KEY(done_by) REFERENCES person (id)
    )
    """,
    "CREATE UNIQUE INDEX one_open_owner_review ON owner_review (bot) WHERE done_at is null",
    "CREATE INDEX owner_review_of_bot ON owner_review (bot, opened_at)",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
