"""Delegations, and for whom a decision was made."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    """
    CREATE TABLE delegation (
        id UUID NOT NULL,
        person_id TEXT NOT NULL,
        delegate_id TEXT NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        reason TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        ended_by TEXT,
        PRIMARY KEY (id),
        FOREIGN KEY(person_id) REFERENCES person (id),
        FOREIGN KEY(delegate_id) REFERENCES person (id)
    )
    """,
    "CREATE INDEX delegation_live ON delegation (ends_at) WHERE ended_at is null",
    "CREATE INDEX delegation_of_person ON delegation (person_id, ends_at)",
    "CREATE INDEX delegation_to ON delegation (delegate_id, ends_at)",
    "ALTER TABLE decision ADD COLUMN stands_for JSONB DEFAULT '[]' NOT NULL",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
