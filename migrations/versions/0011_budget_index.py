"""What a bot has asked for in the span of a budget, without looking at each request."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0009"

STATEMENTS = (
    """
    CREATE INDEX request_budget ON request (asker_id, created_at) INCLUDE (action, id)
    WHERE asker_kind = 'bot' and verdict ->> 'outcome' <> 'deny'
    """,
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
