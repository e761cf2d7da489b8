"""Redemptions of grants, and the key that a grant is bound to."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"

STATEMENTS = (
    """
    CREATE TABLE grant_redemption (
        jti TEXT NOT NULL,
        request_id UUID NOT NULL,
        attempt INTEGER NOT NULL,
        client TEXT NOT NULL,
        redemption TEXT NOT NULL,
        redeemed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (jti),
        FOREIGN KEY(request_id) REFERENCES request (id)
    )
    """,
    "CREATE INDEX ix_grant_redemption_request_id ON grant_redemption (request_id)",
    "ALTER TABLE execution_attempt ADD COLUMN grant_jkt TEXT",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
