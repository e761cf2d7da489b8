"""Subjects by keyed hash, orders to erase what concerns them, and which requests have been erased."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"

STATEMENTS = (
    """
    CREATE TABLE subject (
        hash TEXT NOT NULL,
        pid UUID NOT NULL,
        held_since TIMESTAMP WITH TIME ZONE,
        held_by UUID,
        PRIMARY KEY (hash),
        UNIQUE (pid),
        FOREIGN KEY(held_by) REFERENCES request (id)
    )
    """,
    """
    CREATE TABLE erasure (
        id UUID NOT NULL,
        pid UUID NOT NULL,
        ordered_at TIMESTAMP WITH TIME ZONE NOT NULL,
        done_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id),
        FOREIGN KEY(id) REFERENCES request (id)
    )
    """,
    "CREATE UNIQUE INDEX one_open_erasure ON erasure (pid) WHERE done_at is null",
    """
    CREATE TABLE erased_request (
        request_id UUID NOT NULL,
        erasure UUID,
        erased_at TIMESTAMP WITH TIME ZONE,
        history_gone_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (request_id),
        FOREIGN KEY(request_id) REFERENCES request (id),
        FOREIGN KEY(erasure) REFERENCES erasure (id)
    )
    """,
    "CREATE INDEX erased_request_due ON erased_request (request_id) WHERE history_gone_at is null",
    "CREATE INDEX erased_request_of ON erased_request (erasure)",
    "ALTER TABLE request ADD COLUMN erased_at TIMESTAMP WITH TIME ZONE",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
