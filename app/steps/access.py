"""Who may read and do what with a request: one table, one function. Deciding is judged by `app.domain.separation`."""

from __future__ import annotations

from app.db.tables import Request
from app.governance.policy import Policy

MAY: dict[str, frozenset[str]] = {
    "read": frozenset({"asker", "decider", "owner", "responder", "auditor"}),
    "see-people": frozenset({"decider", "owner", "responder", "auditor"}),
    "see-digest-inputs": frozenset({"decider"}),
    "cancel": frozenset({"asker", "business-owner", "responder"}),
    "grant": frozenset({"asker"}),
    "report": frozenset({"asker"}),
    "settle": frozenset({"responder"}),
}
"""What one may do with a request by the role that one has towards it."""

SEATS = ("business", "security", "model_quality", "legal", "incident", "rollback", "permissions", "exceptions")


def roles(policy: Policy, kind: str, actor: str | None, row: Request) -> frozenset[str]:
    """The roles of an actor of this kind (bot, person, ...) and id towards one request, as of now."""
    if kind == "bot":
        return frozenset({"asker"} if (row.asker_kind, row.asker_id) == ("bot", actor) else ())
    if kind != "person" or actor is None:
        return frozenset()
    return frozenset(name for name, holds in _person_roles(policy, actor, row).items() if holds)


def _person_roles(policy: Policy, person: str, row: Request) -> dict[str, bool]:
    groups = {group for stage in (row.plan or {"stages": []})["stages"] for group in stage["groups"]}
    of_bot = row.asker_kind == "bot" and row.asker_id in policy.bots
    held = {seat for seat in SEATS if of_bot and person in policy.seat(row.asker_id, row.action, seat)}
    return {
        "asker": (row.asker_kind, row.asker_id) == ("person", person),
        "decider": any(person in policy.members(group) for group in groups if group in policy.groups),
        "owner": bool(held),
        "business-owner": "business" in held,
        "responder": "incident" in held or policy.may(person, "respond"),
        "auditor": policy.may(person, "audit"),
    }
