"""What the owner's worker fetches its grant with, and whether it has."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"

STATEMENTS = (
    "ALTER TABLE execution_attempt ADD COLUMN handle_hash TEXT",
    "ALTER TABLE execution_attempt ADD COLUMN fetched_at TIMESTAMP WITH TIME ZONE",
    """
    CREATE UNIQUE INDEX attempt_by_handle ON execution_attempt (handle_hash) WHERE handle_hash is not null
    """,
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
