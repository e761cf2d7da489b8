"""Who broke the glass of a request, and who must review it by when."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    "ALTER TABLE request ADD COLUMN break_glass JSONB",
    """
    CREATE TABLE review (
        id UUID NOT NULL,
        kind TEXT NOT NULL,
        request_id UUID NOT NULL,
        bot TEXT NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        reviewers JSONB NOT NULL,
        done_at TIMESTAMP WITH TIME ZONE,
        done_by TEXT,
        finding TEXT,
        reason TEXT,
        overdue_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id),
        FOREIGN KEY(request_id) REFERENCES request (id),
        FOREIGN KEY(done_by) REFERENCES person (id)
    )
    """,
    "CREATE INDEX ix_review_request_id ON review (request_id)",
    "CREATE INDEX review_newest ON review (opened_at, id)",
    "CREATE INDEX review_due ON review (due_at) WHERE done_at is null and overdue_at is null",
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
