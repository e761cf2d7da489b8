"""Incidents, and what their rollbacks undo."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"

STATEMENTS = (
    """
    CREATE TABLE incident (
        id UUID NOT NULL,
        title TEXT NOT NULL,
        bots JSONB NOT NULL,
        actions JSONB NOT NULL,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        opened_by TEXT NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        body_hash TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        rollback UUID,
        closed_by TEXT,
        closed_at TIMESTAMP WITH TIME ZONE,
        summary TEXT,
        PRIMARY KEY (id),
        FOREIGN KEY(opened_by) REFERENCES person (id),
        FOREIGN KEY(rollback) REFERENCES request (id) DEFERRABLE INITIALLY DEFERRED,
        FOREIGN KEY(closed_by) REFERENCES person (id)
    )
    """,
    "CREATE INDEX incident_newest ON incident (opened_at, id)",
    """
    CREATE TABLE incident_item (
        request_id UUID NOT NULL,
        n INTEGER NOT NULL,
        original UUID NOT NULL,
        undo UUID NOT NULL,
        after JSONB NOT NULL,
        begun_at TIMESTAMP WITH TIME ZONE,
        skipped TEXT,
        PRIMARY KEY (request_id, n),
        UNIQUE (undo),
        FOREIGN KEY(request_id) REFERENCES request (id),
        FOREIGN KEY(original) REFERENCES request (id)
    )
    """,
    "CREATE INDEX attempt_started ON execution_attempt (started_at)",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
