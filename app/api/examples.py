"""Examples of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from app.api.problems import NAMED, Problem

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
ROLL_BACK: dict[str, Any] = {"reason": "It was the wrong order"}
SUSPEND: dict[str, Any] = {"reason": "It cancels orders that nobody asked it to"}
RESUME: dict[str, Any] = {"reason": "The prompt is fixed; see incident 81"}
REVOKE: dict[str, Any] = {"reason": "The orders are no longer checked before"}
CHANGE: dict[str, Any] = {"action": "interlock.bots.resume", "parameters": {"bot": "support-bot"}, **RESUME}
DELEGATE: dict[str, Any] = {"to": "marco", "until": "2026-01-19T08:00:00Z", "reason": "Holidays"}
LINK: dict[str, Any] = {"code": "K7QD-2MXA-VJ5T-ZR3B-6WFN-HCYE-P4LS"}
IDENTITY_LINK: dict[str, Any] = {"team": "T0SHOP", "user": "U0DANA", "person": "dana"}
TOKEN: dict[str, Any] = {"access_token": "eyJhbGciOiJFZDI1NTE5Iiwi...", "token_type": "Bearer", "expires_in": 600}
GRANT: dict[str, Any] = {"grant": "eyJ0eXAiOiJhY3Rpb24tZ3JhbnQrand0Ii...", "expires_at": "2026-01-05T10:02:00.000000Z"}


def _plan(name: str, group: str, /, **more: Any) -> dict[str, Any]:
    """A plan of one stage, just opened."""
    stage: dict[str, Any] = {
        "name": name,
        "group": group,
        "groups": [group],
        "quorum": 1,
        "level": "click",
        "reason_required": False,
        "approvals": 0,
        "status": "open",
        "opened_at": "2026-01-05T10:00:00.000000Z",
        "closes_at": "2026-01-05T11:00:00.000000Z",
        "notify": "channel",
        "remind_at": ["2026-01-05T10:30:00.000000Z"],
        "reminded": 0,
        "reminded_at": None,
        "escalations": [],
    }
    return {"name": name, "stages": [stage | more]}


REQUEST: dict[str, Any] = {
    "id": REQUEST_ID,
    "version": 1,
    "kind": "action",
    "status": "held",
    "asker": {"kind": "bot", "id": "support-bot"},
    "bot": "support-bot",
    **ASK,
    "parent": None,
    "supersedes": None,
    "reverses": None,
    "reversed_by": [],
    "rollback": {"action": "orders.restore", "within_s": 259200, "until": None},
    "warnings": [],
    "digest": DIGEST,
    "verdict": {
        "outcome": "hold",
        "code": "default-plan",
        "reason": "Held under the plan lead.",
        "policy_version": "sha256:5b1f",
        "rules": [],
    },
    "risk": "high",
    "reversibility": "reversible",
    "plan": _plan("lead", "support-leads"),
    "may_decide": ["dana", "marco"],
    "away": [{"person": "priya", "until": "2026-01-19T08:00:00.000000Z", "delegate": "marco"}],
    "break_glass": None,
    "decisions": [],
    "settlements": [],
    "refusals": 0,
    "expires_at": "2026-01-05T14:00:00.000000Z",
    "ended_why": None,
    "ended_reason": None,
    "execution": None,
    "created_at": "2026-01-05T10:00:00.000000Z",
    "updated_at": "2026-01-05T10:00:00.000000Z",
}
_UNPLANNED: dict[str, Any] = {"plan": None, "expires_at": "2026-01-05T10:10:00.000000Z"}
_PEOPLE = ("may_decide", "away", "break_glass", "decisions", "settlements", "ended_reason")
_UNDONE_BY_NOTHING: dict[str, Any] = {"rollback": None, "warnings": ["Nothing undoes this action."]}
REQUEST_OF_BOT: dict[str, Any] = {key: value for key, value in REQUEST.items() if key not in _PEOPLE}
DENIED: dict[str, Any] = {
    **REQUEST_OF_BOT,
    **_UNPLANNED,
    "id": "2b1e8f0a-55d3-5b0c-9a44-6f1d0c7e9b22",
    "status": "denied",
    "action": "orders.refund",
    "parameters": {
        "order_id": "#W2378156",
        "amount_minor": 600000,
        "currency": "USD",
        "payment_method_id": "credit_card_9513926",
    },
    "reason": "Customer wants the whole order refunded",
    "verdict": {
        "outcome": "deny",
        "code": "rule",
        "reason": "Refunds over 5,000.00 are made by finance, never by a bot",
        "policy_version": "sha256:5b1f",
        "rules": [{"name": "big-refund", "outcome": "hold"}, {"name": "refund-limit", "outcome": "deny"}],
    },
    "reversibility": "externally_reversible",
    **_UNDONE_BY_NOTHING,
}
EXECUTING: dict[str, Any] = {
    **REQUEST_OF_BOT,
    **_UNPLANNED,
    "id": "c7a40d19-8e62-5f3b-b1d7-204e6a9f5c33",
    "version": 2,
    "status": "executing",
    "action": "orders.read",
    "parameters": {"order_id": "#W2378156"},
    "reason": "Customer asks where the order is",
    "verdict": {
        "outcome": "allow",
        "code": "read-only",
        "reason": "It only reads, and no rule speaks of it.",
        "policy_version": "sha256:5b1f",
        "rules": [],
    },
    "risk": "low",
    "reversibility": "read_only",
    "rollback": None,
    "execution": {
        "mode": "bot",
        "status": "executing",
        "result": None,
        "error": None,
        "attempts": [{"n": 1, "started_at": "2026-01-05T10:00:00.000000Z", "finished_at": None, "outcome": None}],
    },
    "grant": GRANT,
}
ROLLBACK: dict[str, Any] = {
    **REQUEST,
    **_UNDONE_BY_NOTHING,
    "id": "5d0c93e7-1b48-5a6d-8f02-7c3b9e4a1d44",
    "kind": "rollback",
    "asker": {"kind": "person", "id": "ivan"},
    "action": "orders.restore",
    "parameters": {"order_id": "#W2378156"},
    **ROLL_BACK,
    "context": {},
    "reverses": REQUEST_ID,
    "verdict": {
        "outcome": "hold",
        "code": "rollback",
        "reason": "Held under the plan rollback, as every rollback is.",
        "policy_version": "sha256:5b1f",
        "rules": [],
    },
    "plan": _plan("rollback", "rollback-signers", level="login", reason_required=True),
    "may_decide": ["greta", "rita"],
    "away": [],
    "break_glass": None,
}
GOVERNANCE: dict[str, Any] = {
    **REQUEST,
    "id": "e83f2b64-9a17-5c0e-b6d5-41f07a2c8e55",
    "kind": "governance",
    "asker": {"kind": "person", "id": "ivan"},
    **CHANGE,
    "on_behalf_of": None,
    "triggered_by": None,
    "context": {},
    "rollback": None,
    "verdict": {**REQUEST["verdict"], "reason": "Held under the plan interlock.resume."},
    "plan": _plan("interlock.resume", "interlock:resume:support-bot", name="resume", level="login"),
    "may_decide": ["ada", "ben", "sam"],
    "away": [],
    "break_glass": None,
}
STOPPED: dict[str, Any] = {
    "suspended_at": "2026-01-05T10:00:00.000000Z",
    "in_flight": [
        {
            "request_id": REQUEST_ID,
            "attempt": 1,
            "action": "orders.cancel",
            "started_at": "2026-01-05T09:59:58.000000Z",
        }
    ],
}
PAGE: dict[str, Any] = {"items": [REQUEST], "next_cursor": None}
SETTLING: dict[str, Any] = {
    **REQUEST,
    "status": "unknown",
    "settle": {"status": "succeeded", "have": 1, "need": 2},
}
OAUTH_ERROR: dict[str, Any] = {"error": "invalid_client", "error_description": "The client id or secret is wrong."}

_SAID: dict[str, tuple[str, dict[str, Any]]] = {
    "unauthenticated": ("Send one header Authorization: Bearer, with an access token.", {}),
    "forbidden": ("Only a bot may do this, with its own access token.", {}),
    "violations": (
        "You own this bot.",
        {"violations": [{"invariant": "bot-owner", "sentence": "You own this bot."}]},
    ),
    "not-found": ("There is no such request.", {}),
    "conflict": ("The state of the request forbids it.", {"status": "held", "standing": None}),
    "closed": ("The request is denied.", {"status": "denied", "standing": None}),
    "decision-stands": ("You have denied this; that stands.", {"status": "denied", "standing": "deny"}),
    "digest-differs": ("What you saw is not what this request is.", {"status": "held", "standing": None}),
    "idempotency-key-reused": (
        "This Idempotency-Key came before with another body.",
        {"status": "held", "standing": None},
    ),
    "not-open-to-this": (
        "There is no grant for this request: it is held.",
        {"status": "held", "standing": None},
    ),
    "too-early": (
        "It may still be on its way; settle after 2026-01-05T10:01:00.000000Z.",
        {"status": "unknown", "standing": None},
    ),
    "settlement-differs": ("Somebody has said that it failed.", {"status": "unknown", "standing": None}),
    "not-reversible": ("Nothing undoes orders.refund.", {"status": "succeeded", "standing": None}),
    "window-over": (
        "It could be rolled back until 2026-01-08T10:00:00.000000Z.",
        {"status": "succeeded", "standing": None},
    ),
    "rollback-exists": (
        "A rollback of it is held: 5d0c93e7-1b48-5a6d-8f02-7c3b9e4a1d44.",
        {"status": "succeeded", "standing": None},
    ),
    "malformed": ("on_behalf_of: not scheme:value.", {"where": "on_behalf_of"}),
    "unknown-action": ("The catalogue has no action orders.cancle.", {"where": "action"}),
    "off-schema": ("orders.cancel must say on whose behalf it is asked.", {"where": "on_behalf_of"}),
    "idempotency-key-missing": (
        "Send an Idempotency-Key: the same one again makes the same call count once.",
        {},
    ),
    "too-large": ("The body is over 1024 KiB.", {}),
    "too-slow": ("The body did not come within 20 s.", {}),
    "not-json": ("Send the body as Content-Type: application/json, in UTF-8.", {}),
    "rate-limited": ("Refused too often on this request; look at why first.", {}),
    "unavailable": ("The database does not answer; nothing was recorded. Try again.", {}),
    "unconfirmed": ("No answer within 10 s: it may yet be recorded; sending it again counts once.", {}),
    "not-sealed": ("What has just happened is not sealed yet. Try it again in a moment.", {}),
    "internal": ("This is our fault; it has been logged. Try again later.", {}),
    "method-not-allowed": ("This path does not take DELETE.", {}),
}


def problem(told: Problem) -> dict[str, Any]:
    """An example of a problem."""
    detail, members = _SAID[told.name]
    return {"type": told.type, "title": told.title, "status": told.status, "detail": detail, **members}


CLOSED = problem(NAMED["closed"])
VIOLATIONS = problem(NAMED["violations"])
