"""The first schema: requests, decisions, executions, the outbox and the append-only ledger."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE bot (
        id TEXT NOT NULL,
        stop_epoch INTEGER DEFAULT 0 NOT NULL,
        suspended_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE client_credential (
        client_id TEXT NOT NULL,
        holder_kind TEXT NOT NULL,
        holder_id TEXT NOT NULL,
        secret_hash TEXT NOT NULL,
        made_by TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        revoked_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (client_id)
    )
    """,
    """
    CREATE TABLE data_key (
        kid TEXT NOT NULL,
        wrapped JSONB NOT NULL,
        PRIMARY KEY (kid)
    )
    """,
    """
    CREATE TABLE entry (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        stream TEXT NOT NULL,
        n INTEGER NOT NULL,
        body BYTEA NOT NULL,
        leaf_hash BYTEA GENERATED ALWAYS AS (sha256('\\x00'::bytea || body)) STORED NOT NULL,
        xid TEXT DEFAULT pg_current_xact_id()::text NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        PRIMARY KEY (id),
        CONSTRAINT entry_stream_n UNIQUE (stream, n)
    )
    """,
    """
    CREATE TABLE person (
        id TEXT NOT NULL,
        pid UUID DEFAULT gen_random_uuid() NOT NULL,
        name TEXT NOT NULL,
        emails JSONB NOT NULL,
        time_zone TEXT,
        active BOOLEAN DEFAULT true NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (pid)
    )
    """,
    """
    CREATE TABLE policy_version (
        id TEXT NOT NULL,
        document JSONB NOT NULL,
        installed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        installed_by TEXT NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE stream_head (
        stream TEXT NOT NULL,
        PRIMARY KEY (stream)
    )
    """,
    """
    CREATE TABLE installation (
        id SERIAL NOT NULL,
        active_policy TEXT,
        stop_epoch INTEGER DEFAULT 0 NOT NULL,
        suspended_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id),
        FOREIGN KEY(active_policy) REFERENCES policy_version (id)
    )
    """,
    """
    CREATE TABLE person_identity (
        kind TEXT NOT NULL,
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        person_id TEXT NOT NULL,
        PRIMARY KEY (kind, issuer, subject),
        FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE INDEX ix_person_identity_person_id ON person_identity (person_id)
    """,
    """
    CREATE TABLE person_subject (
        subject TEXT NOT NULL,
        person_id TEXT NOT NULL,
        PRIMARY KEY (subject),
        FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE INDEX ix_person_subject_person_id ON person_subject (person_id)
    """,
    """
    CREATE TABLE request (
        id UUID NOT NULL,
        kind TEXT NOT NULL,
        asker_kind TEXT NOT NULL,
        asker_id TEXT NOT NULL,
        client_id TEXT,
        credential_maker TEXT,
        body_hash TEXT NOT NULL,
        action TEXT NOT NULL,
        action_version TEXT NOT NULL,
        mode TEXT NOT NULL,
        risk TEXT NOT NULL,
        reversibility TEXT NOT NULL,
        chain_length INTEGER NOT NULL,
        parameters TEXT NOT NULL,
        parameters_digest TEXT NOT NULL,
        reason TEXT,
        on_behalf_of TEXT,
        triggered_by TEXT,
        context TEXT NOT NULL,
        parent UUID,
        supersedes UUID,
        reverses UUID,
        beneficiaries JSONB NOT NULL,
        bot_owners JSONB NOT NULL,
        conflict_key TEXT,
        windows JSONB NOT NULL,
        environment TEXT NOT NULL,
        nonce TEXT NOT NULL,
        digest TEXT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        has_workflow BOOLEAN NOT NULL,
        stop_epochs JSONB NOT NULL,
        version INTEGER NOT NULL,
        status TEXT NOT NULL,
        verdict JSONB NOT NULL,
        policy_version TEXT NOT NULL,
        plan JSONB,
        members JSONB NOT NULL,
        execution JSONB,
        ended_why TEXT,
        due_at TIMESTAMP WITH TIME ZONE,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(policy_version) REFERENCES policy_version (id)
    )
    """,
    """
    CREATE INDEX request_conflict ON request (conflict_key)
        WHERE conflict_key is not null and status in ('approved', 'executing', 'unknown')
    """,
    """
    CREATE INDEX request_due ON request (due_at) WHERE due_at is not null
    """,
    """
    CREATE INDEX request_newest ON request (created_at, id)
    """,
    """
    CREATE INDEX request_of_asker ON request (asker_kind, asker_id, created_at)
    """,
    """
    CREATE INDEX request_window ON request (action, created_at)
    """,
    """
    CREATE TABLE attempt (
        id UUID NOT NULL,
        request_id UUID NOT NULL,
        op TEXT NOT NULL,
        actor_kind TEXT NOT NULL,
        actor_id TEXT,
        actor TEXT NOT NULL,
        identity TEXT NOT NULL,
        level TEXT NOT NULL,
        via TEXT NOT NULL,
        idempotency_key TEXT,
        body TEXT NOT NULL,
        ruling JSONB,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(request_id) REFERENCES request (id)
    )
    """,
    """
    CREATE INDEX ix_attempt_request_id ON attempt (request_id)
    """,
    """
    CREATE UNIQUE INDEX one_attempt_per_key ON attempt (request_id, actor, idempotency_key)
        WHERE idempotency_key is not null
    """,
    """
    CREATE TABLE decision (
        id UUID NOT NULL,
        request_id UUID NOT NULL,
        stage INTEGER NOT NULL,
        person_id TEXT NOT NULL,
        say TEXT NOT NULL,
        reason TEXT,
        via TEXT NOT NULL,
        level TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        standing BOOLEAN NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(request_id) REFERENCES request (id),
        FOREIGN KEY(person_id) REFERENCES person (id)
    )
    """,
    """
    CREATE INDEX ix_decision_request_id ON decision (request_id)
    """,
    """
    CREATE UNIQUE INDEX one_person_one_vote ON decision (request_id, stage, person_id) WHERE standing
    """,
    """
    CREATE TABLE execution_attempt (
        request_id UUID NOT NULL,
        n INTEGER NOT NULL,
        owner TEXT NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE NOT NULL,
        finished_at TIMESTAMP WITH TIME ZONE,
        outcome TEXT,
        grant_jti TEXT NOT NULL,
        grant_hash TEXT NOT NULL,
        grant_expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        conflict_key TEXT,
        holds_key BOOLEAN NOT NULL,
        PRIMARY KEY (request_id, n),
        FOREIGN KEY(request_id) REFERENCES request (id)
    )
    """,
    """
    CREATE UNIQUE INDEX one_execution_per_conflict_key ON execution_attempt (conflict_key)
        WHERE holds_key and conflict_key is not null
    """,
    """
    CREATE TABLE outbox (
        sink TEXT NOT NULL,
        request_id UUID NOT NULL,
        version BIGINT NOT NULL,
        told_version BIGINT DEFAULT 0 NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        tries INTEGER DEFAULT 0 NOT NULL,
        PRIMARY KEY (sink, request_id),
        FOREIGN KEY(request_id) REFERENCES request (id)
    )
    """,
    """
    CREATE INDEX outbox_due ON outbox (sink, due_at) WHERE version > told_version
    """,
    """
    CREATE TABLE refusal (
        request_id UUID NOT NULL,
        actor TEXT NOT NULL,
        count INTEGER NOT NULL,
        window_count INTEGER NOT NULL,
        window_started_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_invariants TEXT NOT NULL,
        PRIMARY KEY (request_id, actor),
        FOREIGN KEY(request_id) REFERENCES request (id)
    )
    """,
    """
    CREATE TABLE settlement (
        request_id UUID NOT NULL,
        person_id TEXT NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (request_id, person_id),
        FOREIGN KEY(request_id) REFERENCES request (id),
        FOREIGN KEY(person_id) REFERENCES person (id)
    )
    """,
)

APPEND_ONLY = (
    """
    CREATE FUNCTION entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only: % on entry is refused', TG_OP
            USING ERRCODE = 'insufficient_privilege', HINT = 'write a new entry that corrects the old one';
    END $$
    """,
    """
    CREATE TRIGGER entry_refuses_change BEFORE UPDATE OR DELETE ON entry
        FOR EACH ROW EXECUTE FUNCTION entry_is_append_only()
    """,
    """
    CREATE TRIGGER entry_refuses_truncate BEFORE TRUNCATE ON entry
        FOR EACH STATEMENT EXECUTE FUNCTION entry_is_append_only()
    """,
    "ALTER TABLE entry ENABLE ALWAYS TRIGGER entry_refuses_change",
    "ALTER TABLE entry ENABLE ALWAYS TRIGGER entry_refuses_truncate",
)


def upgrade() -> None:
    """Forward."""
    for statement in (*TABLES, *APPEND_ONLY):
        op.execute(statement)
    op.execute("INSERT INTO installation (id) VALUES (1)")


def downgrade() -> None:
    """There is no way back: evidence is never dropped."""
    raise NotImplementedError("restore a backup instead; a migration that drops evidence is not written")
