"""Examples of the OpenAPI document: working with policy."""

from __future__ import annotations

from typing import Any

from app.api.examples import REQUEST_ID

_PEOPLE = """\
people:
  - {id: ada, name: Ada Byron}
  - {id: sam, name: Sam Ode}
groups:
  - {name: admins, members: [ada, sam], may: [administer]}
"""
VERSION = "sha256:5b1f8e0d0c6f4a0e5f3a0b0f5a1f8b1d4c9a2e7d6b5c4a392817061514131211"
DRAFT: dict[str, Any] = {"files": {"people.yaml": _PEOPLE}}
SIMULATE: dict[str, Any] = {
    **DRAFT,
    "calls": [
        {
            "action": "orders.cancel",
            "parameters": {"order_id": "#W2378156", "reason": "no longer needed"},
            "on_behalf_of": "customer:yusuf_rossi_9620",
            "bot": "support-bot",
            "at": "2026-01-05T10:00:00Z",
        }
    ],
}
HISTORY: dict[str, Any] = {
    "items": [
        {
            "version": VERSION,
            "at": "2026-01-05T10:00:00.000000Z",
            "by": "ada",
            "request": REQUEST_ID,
            "entry": 2,
            "in_force": True,
        }
    ]
}
DIFFERENCE: dict[str, Any] = {
    "policy_version": VERSION,
    "changes": [
        {
            "section": "plans",
            "name": "lead",
            "change": "changed",
            "sentences": ["plan lead: stage support-leads: quorum 2 instead of 1"],
            "loosens": False,
        }
    ],
}
SIMULATION: dict[str, Any] = {
    "policy_version": VERSION,
    "over": "calls",
    "since": None,
    "truncated": False,
    "total": 1,
    "unchanged": 0,
    "changed": 1,
    "complete": True,
    "outcomes": [{"before": "hold", "after": "deny", "count": 1}],
    "plans": [],
    "actions": [
        {
            "action": "orders.cancel",
            "total": 1,
            "changed": 1,
            "before": {"allow": 0, "hold": 1, "deny": 0},
            "after": {"allow": 0, "hold": 0, "deny": 1},
        }
    ],
    "rules": [
        {"rule": "big-cancel", "before": {"matched": 0, "erred": 0}, "after": {"matched": 0, "erred": 1}},
    ],
    "asks": [
        {
            "ref": "calls[0]",
            "action": "orders.cancel",
            "before": {"outcome": "hold", "code": "default-plan", "plan": "lead (1 of support-leads)"},
            "after": {"outcome": "deny", "code": "rule-error", "plan": None},
        }
    ],
}
