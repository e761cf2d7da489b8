"""What every column may hold of a subject (a customer, payee or grantee), and how it goes when they are erased.

A new column needs its place here: tests/db/test_personal.py compares this with the tables, and erases what it says.
Not here: the shop's own database, which is not ours; logs, which hold none of it; copies of the database and
PostgreSQL's own files (dead rows until a vacuum, the write-ahead log), which go as their keepers let them go.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class How(Enum):
    """How a column stands to subjects."""

    NOTHING = "ids, times, states, counts: of no subject"
    RULES = "of the rules, or codes of ours: says nothing of a subject"
    STAFF = "of people who work with Interlock, by the files; who is a customer as well stays that in person_subject"
    CLEARED = "content of a request: emptied with it"
    DELETED = "content of a request: its row is deleted with it"
    KEYED = "a hash or ciphertext under the request's secret: worthless once that row is gone"
    WORDS = "people's words about other things: blanked where they name the subject"
    LEDGER = "entries: people by pid, personal data sealed; never changed"
    PSEUDONYM = "a hash under a secret of this installation, or a random stand-in: kept, so that holds are found"


PERSONAL: Mapping[str, Mapping[How, str]] = {
    "anchor_state": {How.NOTHING: "anchor tried_at failing_since error"},
    "anchored": {How.NOTHING: "anchor origin size at"},
    "attempt": {
        How.NOTHING: "id request_id op actor_kind actor_id level via created_at",
        How.STAFF: "actor identity",
        How.RULES: "ruling",
        How.CLEARED: "idempotency_key body",
    },
    "bot": {How.NOTHING: "id stop_epoch suspended_at", How.WORDS: "stop_reason"},
    "card_shown": {How.DELETED: "request_id hash blocks not_shown at"},
    "checkpoint": {How.NOTHING: "origin size root note signed_at"},
    "client_credential": {
        How.NOTHING: "client_id holder_kind holder_id secret_hash created_at revoked_at",
        How.STAFF: "made_by",
    },
    "data_key": {How.DELETED: "kid wrapped"},
    "decision": {
        How.NOTHING: "id request_id stage say via level at standing",
        How.STAFF: "person_id stands_for",
        How.CLEARED: "reason",
    },
    "delegation": {
        How.NOTHING: "id starts_at ends_at created_at ended_at",
        How.STAFF: "person_id delegate_id ended_by",
        How.WORDS: "reason",
    },
    "entry": {How.NOTHING: "id n xid created_at", How.LEDGER: "stream body leaf_hash"},
    "erased_request": {How.NOTHING: "request_id erasure erased_at history_gone_at"},
    "erasure": {How.NOTHING: "id ordered_at done_at", How.PSEUDONYM: "pid"},
    "execution_attempt": {
        How.NOTHING: "request_id n owner started_at finished_at outcome grant_jti grant_hash grant_expires_at "
        "grant_jkt grant_kid holds_key handle_hash fetched_at",
        How.CLEARED: "conflict_key",
    },
    "export_cursor": {How.NOTHING: "endpoint next_leaf tries due_at failing_since alerted_at error"},
    "grant_redemption": {How.NOTHING: "jti request_id attempt client redeemed_at", How.KEYED: "redemption"},
    "incident": {
        How.NOTHING: "id since until opened_at status version rollback closed_at",
        How.RULES: "bots actions body_hash",
        How.STAFF: "opened_by closed_by",
        How.WORDS: "title summary",
    },
    "incident_item": {How.NOTHING: "request_id n original undo after begun_at", How.RULES: "skipped"},
    "installation": {How.NOTHING: "id active_policy stop_epoch suspended_at", How.WORDS: "stop_reason"},
    "leaf": {How.NOTHING: "index entry_id", How.LEDGER: "hash"},
    "lease": {How.NOTHING: "name owner epoch until"},
    "link_code": {How.NOTHING: "code_hash expires_at", How.STAFF: "team slack_user used_by"},
    "outbox": {How.NOTHING: "sink request_id version told_version due_at tries"},
    "oversight_report": {
        How.NOTHING: "id since until report figures status prepared_at signed_at request",
        How.RULES: "document",
    },
    "owner_review": {
        How.NOTHING: "id bot workflow policy_version opened_at due_at grace_s escalated_at lapse_at lapsed_at done_at "
        "finding",
        How.RULES: "scope",
        How.STAFF: "owners escalated_to done_by",
        How.WORDS: "reason",
    },
    "person": {How.NOTHING: "active", How.STAFF: "id pid name emails time_zone"},
    "person_identity": {How.STAFF: "kind issuer subject person_id source"},
    "person_subject": {How.STAFF: "subject person_id"},
    "policy_version": {How.NOTHING: "id installed_at", How.RULES: "document", How.STAFF: "installed_by"},
    "refusal": {
        How.NOTHING: "request_id count window_count window_started_at",
        How.RULES: "last_invariants",
        How.STAFF: "actor",
    },
    "request": {
        How.NOTHING: "id kind asker_kind about_bot bot client_id chain_length parent supersedes reverses expires_at "
        "created_at has_workflow stop_epochs version status policy_version due_at updated_at erased_at windows",
        How.RULES: "action action_version mode risk reversibility undoes ground environment verdict plan ended_why",
        How.STAFF: "asker_id credential_maker lowered_by bot_owners members",
        How.CLEARED: "parameters parameters_digest reason on_behalf_of triggered_by context beneficiaries conflict_key "
        "nonce break_glass execution ended_reason",
        How.KEYED: "body_hash digest",
    },
    "review": {
        How.NOTHING: "id kind request_id bot opened_at due_at done_at finding overdue_at",
        How.STAFF: "reviewers done_by",
        How.CLEARED: "reason",
    },
    "sequencer_state": {How.NOTHING: "id origin size horizon"},
    "settlement": {How.NOTHING: "request_id status at", How.STAFF: "person_id", How.CLEARED: "reason"},
    "slack_item": {How.NOTHING: "request_id place message_id"},
    "slack_message": {
        How.NOTHING: "id kind channel ts thread wanted shown live sending sending_since replies due_at tries "
        "created_at",
        How.STAFF: "place",
        How.KEYED: "shown_hash",
    },
    "slack_place": {How.NOTHING: "place closed_until", How.RULES: "why"},
    "standing_permission": {
        How.NOTHING: "id bot action action_version max_uses uses max_parameter max_total total expires_at "
        "policy_version granted_at revoked_at",
        How.STAFF: "granted_by revoked_by",
        How.CLEARED: "condition revoke_reason",
    },
    "stream_head": {How.LEDGER: "stream"},
    "subject": {How.NOTHING: "held_since held_by", How.PSEUDONYM: "hash pid"},
    "subtree": {How.NOTHING: "height index", How.LEDGER: "hash"},
    "use_case": {How.NOTHING: "id bot approved_at review_by policy_version via", How.RULES: "statement"},
}
"""Table to how its columns stand. ``digest`` counts as keyed: it is salted with ``nonce``, which goes."""


def columns(table: str, how: How) -> list[str]:
    """The columns of a table that stand so."""
    return PERSONAL[table].get(how, "").split()
