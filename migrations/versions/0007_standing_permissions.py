"""Standing permissions."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = (
    """
    CREATE TABLE standing_permission (
        id UUID NOT NULL,
        bot TEXT NOT NULL,
        action TEXT NOT NULL,
        action_version TEXT NOT NULL,
        condition TEXT NOT NULL,
        max_uses INTEGER NOT NULL,
        uses INTEGER NOT NULL,
        max_parameter TEXT,
        max_total BIGINT,
        total BIGINT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        policy_version TEXT NOT NULL,
        granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
        granted_by JSONB NOT NULL,
        revoked_at TIMESTAMP WITH TIME ZONE,
        revoked_by TEXT,
        revoke_reason TEXT,
        PRIMARY KEY (id),
        FOREIGN KEY(id) REFERENCES request (id)
    )
    """,
    "CREATE INDEX standing_permission_live ON standing_permission (bot, action) WHERE revoked_at is null",
    "CREATE INDEX standing_permission_of_bot ON standing_permission (bot, granted_at)",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
