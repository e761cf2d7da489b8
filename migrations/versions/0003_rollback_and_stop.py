"""Rollbacks, governance requests, and why a bot was stopped."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "ALTER TABLE installation ADD COLUMN stop_reason TEXT",
    "ALTER TABLE bot ADD COLUMN stop_reason TEXT",
    "ALTER TABLE request ADD COLUMN about_bot TEXT",
    """
    ALTER TABLE request ADD COLUMN bot TEXT
        GENERATED ALWAYS AS (case when asker_kind = 'bot' then asker_id else about_bot end) STORED
    """,
    "ALTER TABLE request ADD COLUMN undoes JSONB",
    "ALTER TABLE request ADD COLUMN ended_reason TEXT",
    "CREATE INDEX request_of_bot ON request (bot, created_at)",
    "CREATE INDEX request_stoppable ON request (bot) WHERE kind = 'action' and status in ('held', 'approved')",
    """
    CREATE UNIQUE INDEX one_live_rollback ON request (reverses)
        WHERE status in ('held', 'approved', 'executing', 'unknown', 'succeeded')
    """,
    "CREATE INDEX attempt_in_flight ON execution_attempt (started_at) WHERE outcome is null",
    "ALTER TABLE execution_attempt ALTER COLUMN grant_jti DROP NOT NULL",
    "ALTER TABLE execution_attempt ALTER COLUMN grant_hash DROP NOT NULL",
    "ALTER TABLE execution_attempt ALTER COLUMN grant_expires_at DROP NOT NULL",
)


def upgrade() -> None:
    """Only adds and allows more: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
