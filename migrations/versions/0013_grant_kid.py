"""Which key signed the grant of an attempt: keys rotate, and the same grant is handed out again meanwhile."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"

STATEMENTS = ("ALTER TABLE execution_attempt ADD COLUMN grant_kid text",)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
