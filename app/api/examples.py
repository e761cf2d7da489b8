"""Examples of the OpenAPI document."""

from __future__ import annotations

from typing import Any

REQUEST_ID = "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11"
DIGEST = "sha256:0b7f6f1f0c6f4a0e5f3a0b0f5a1f8b1d4c9a2e7d6b5c4a392817061514131211"

ASK: dict[str, Any] = {
    "action": "orders.cancel",
    "parameters": {"order_id": "#W2378156", "reason": "no longer needed"},
    "reason": "Customer asked to cancel before shipping",
    "on_behalf_of": "customer:yusuf_rossi_9620",
    "triggered_by": "customer:yusuf_rossi_9620",
    "context": {"conversation_id": "c-81", "tool_call_id": "call_7", "model": "example-model-1"},
}
DECISION: dict[str, Any] = {"decision": "approve", "reason": "Checked with the warehouse", "digest": DIGEST}
CANCEL: dict[str, Any] = {"reason": "The customer changed their mind"}
OUTCOME: dict[str, Any] = {
    "status": "succeeded",
    "detail": "Order found",
    "result": {"order_id": "#W2378156", "status": "pending"},
}
SETTLE: dict[str, Any] = {"status": "succeeded", "reason": "The order shows as cancelled in the back office"}
TOKEN: dict[str, Any] = {"access_token": "eyJhbGciOiJFZDI1NTE5Iiwi...", "token_type": "Bearer", "expires_in": 600}
GRANT: dict[str, Any] = {"grant": "eyJ0eXAiOiJhY3Rpb24tZ3JhbnQrand0Ii...", "expires_at": "2026-01-05T10:02:00.000000Z"}

REQUEST: dict[str, Any] = {
    "id": REQUEST_ID,
    "version": 1,
    "kind": "action",
    "status": "held",
    "asker": {"kind": "bot", "id": "support-bot"},
    **ASK,
    "parent": None,
    "supersedes": None,
    "reverses": None,
    "reversed_by": [],
    "digest": DIGEST,
    "verdict": {
        "outcome": "hold",
        "code": "default-plan",
        "reason": "No rule speaks; the action's default plan holds it.",
        "policy_version": "sha256:5b1f",
        "rules": [],
    },
    "risk": "moderate",
    "reversibility": "reversible",
    "plan": {
        "name": "lead",
        "stages": [
            {
                "name": "support-leads",
                "group": "support-leads",
                "groups": ["support-leads"],
                "quorum": 1,
                "level": "click",
                "reason_required": False,
                "approvals": 0,
                "status": "open",
                "opened_at": "2026-01-05T10:00:00.000000Z",
                "closes_at": "2026-01-05T11:00:00.000000Z",
            }
        ],
    },
    "may_decide": ["lena"],
    "decisions": [],
    "settlements": [],
    "refusals": 0,
    "expires_at": "2026-01-05T14:00:00.000000Z",
    "ended_why": None,
    "execution": None,
    "created_at": "2026-01-05T10:00:00.000000Z",
    "updated_at": "2026-01-05T10:00:00.000000Z",
}
_PEOPLE = ("may_decide", "decisions", "settlements")
REQUEST_OF_BOT: dict[str, Any] = {key: value for key, value in REQUEST.items() if key not in _PEOPLE}
PAGE: dict[str, Any] = {"items": [REQUEST], "next_cursor": None}
SETTLING: dict[str, Any] = {
    **REQUEST,
    "status": "unknown",
    "settle": {"status": "succeeded", "have": 1, "need": 2},
}
OAUTH_ERROR: dict[str, Any] = {"error": "invalid_client", "error_description": "The client id or secret is wrong."}
CLOSED: dict[str, Any] = {
    "type": "urn:interlock:problem:closed",
    "title": "The request is closed",
    "status": "denied",
    "detail": "The request is denied: nothing can be decided any more.",
    "standing": None,
}
VIOLATIONS: dict[str, Any] = {
    "type": "urn:interlock:problem:violations",
    "title": "The separation of duties forbids it",
    "status": 403,
    "detail": "You own this bot.",
    "violations": [{"invariant": "bot-owner", "sentence": "You own this bot."}],
}
