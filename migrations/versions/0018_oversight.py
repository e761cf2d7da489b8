"""Oversight reports, and an index for what is counted of the ledger by time."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"

STATEMENTS = (
    """
    CREATE TABLE oversight_report (
        id UUID NOT NULL,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        document TEXT NOT NULL,
        report TEXT NOT NULL,
        figures TEXT NOT NULL,
        status TEXT NOT NULL,
        prepared_at TIMESTAMP WITH TIME ZONE NOT NULL,
        signed_at TIMESTAMP WITH TIME ZONE,
        request UUID,
        PRIMARY KEY (id),
        FOREIGN KEY(request) REFERENCES request (id)
    )
    """,
    "CREATE UNIQUE INDEX one_prepared_report ON oversight_report (since, until) WHERE status = 'prepared'",
    "CREATE INDEX oversight_report_of_period ON oversight_report (until, since)",
    "CREATE INDEX entry_written ON entry USING brin (created_at)",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
