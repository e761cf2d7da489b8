"""What a change was asked on, and who lowered what a request needs."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    "ALTER TABLE request ADD COLUMN ground JSONB",
    "ALTER TABLE request ADD COLUMN lowered_by JSONB NOT NULL DEFAULT '[]'::jsonb",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
