"""Approved use cases; those of the bots that are in force already."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = (
    """
    CREATE TABLE use_case (
        id UUID NOT NULL,
        bot TEXT NOT NULL,
        statement JSONB,
        approved_at TIMESTAMP WITH TIME ZONE NOT NULL,
        review_by DATE NOT NULL,
        policy_version TEXT NOT NULL,
        via TEXT NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX use_case_newest ON use_case (bot, approved_at, id)",
    "CREATE INDEX use_case_unwritten ON use_case (bot) WHERE statement is null",
    """
    INSERT INTO use_case (id, bot, statement, approved_at, review_by, policy_version, via)
    SELECT gen_random_uuid(), one.bot ->> 'id', NULL, clock_timestamp(), current_date + 366, installation.active_policy,
        'upgrade'
    FROM installation
    JOIN policy_version ON policy_version.id = installation.active_policy
    CROSS JOIN jsonb_array_elements(coalesce(policy_version.document -> 'bots', '[]'::jsonb)) AS one(bot)
    """,
)
"""A bot at work goes on: what the version in force says of it stands. The worker writes that down, with its entry."""


def upgrade() -> None:
    """Only adds: the release before goes on working beside it."""
    for statement in STATEMENTS:
        op.execute(statement)
