"""How far each endpoint has been sent the sealed ledger."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"

STATEMENTS = (
    """
    CREATE TABLE export_cursor (
        endpoint TEXT NOT NULL,
        next_leaf BIGINT NOT NULL,
        tries INTEGER NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        failing_since TIMESTAMP WITH TIME ZONE,
        alerted_at TIMESTAMP WITH TIME ZONE,
        error TEXT,
        PRIMARY KEY (endpoint)
    )
    """,
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it, and exports nothing."""
    for statement in STATEMENTS:
        op.execute(statement)
