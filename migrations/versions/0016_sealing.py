"""Entries become leaves of a tree whose heads are signed."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"

STATEMENTS = (
    """
    CREATE TABLE leaf (
        index BIGINT NOT NULL,
        entry_id BIGINT NOT NULL,
        hash BYTEA NOT NULL,
        PRIMARY KEY (index),
        UNIQUE (entry_id),
        FOREIGN KEY(entry_id) REFERENCES entry (id)
    )
    """,
    """
    CREATE TABLE subtree (
        height INTEGER NOT NULL,
        index BIGINT NOT NULL,
        hash BYTEA NOT NULL,
        PRIMARY KEY (height, index)
    )
    """,
    """
    CREATE TABLE checkpoint (
        origin TEXT NOT NULL,
        size BIGINT NOT NULL,
        root BYTEA NOT NULL,
        note TEXT NOT NULL,
        signed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        PRIMARY KEY (origin, size)
    )
    """,
    "CREATE INDEX checkpoint_newest ON checkpoint (size)",
    """
    CREATE TABLE sequencer_state (
        id INTEGER NOT NULL,
        origin TEXT NOT NULL,
        size BIGINT NOT NULL,
        horizon TEXT NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE anchored (
        anchor TEXT NOT NULL,
        origin TEXT NOT NULL,
        size BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        PRIMARY KEY (anchor, origin, size)
    )
    """,
    """
    CREATE TABLE anchor_state (
        anchor TEXT NOT NULL,
        tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
        failing_since TIMESTAMP WITH TIME ZONE,
        error TEXT,
        PRIMARY KEY (anchor)
    )
    """,
    # of the sequencer, which takes what transactions at or after its horizon wrote
    "CREATE INDEX entry_transaction ON entry ((xid::xid8))",
    *(
        statement
        for table in ("leaf", "subtree", "checkpoint", "anchored")
        for statement in (
            f"""
            CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table}
                FOR EACH ROW EXECUTE FUNCTION entry_is_append_only()
            """,
            f"""
            CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION entry_is_append_only()
            """,
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_refuses_change",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_refuses_truncate",
        )
    ),
    # its message named one table only
    """
    CREATE OR REPLACE FUNCTION entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege', HINT = 'write a new entry that corrects the old one';
    END $$
    """,
)


def upgrade() -> None:
    """Only adds: the release before goes on working beside it, and what it wrote is sealed as well."""
    for statement in STATEMENTS:
        op.execute(statement)
