"""Who may read and do what: one table, one function."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, false, or_, true

from app.db.tables import Request
from app.domain.errors import Forbidden, NotFound
from app.governance.policy import Policy
from app.use_cases.actors import Actor

MAY: dict[str, frozenset[str]] = {
    "read": frozenset({"asker", "decider", "owner", "responder", "auditor"}),
    "see-people": frozenset({"decider", "owner", "responder", "auditor"}),
    "see-digest-inputs": frozenset({"decider"}),
    "cancel": frozenset({"asker", "business-owner", "responder"}),
    "grant": frozenset({"asker"}),
    "report": frozenset({"asker"}),
    "settle": frozenset({"responder"}),
}
"""What one may do with a request by the role that one has towards it. Deciding is judged by `app.domain.separation`."""

SEATS = ("business", "security", "model_quality", "legal", "incident", "rollback", "permissions", "exceptions")


def roles(policy: Policy, who: Actor, row: Request) -> frozenset[str]:
    """The roles of an actor towards one request, as of now."""
    if who.id is None or who.kind == "target":
        return frozenset()
    if who.kind == "bot":
        return frozenset({"asker"} if (row.asker_kind, row.asker_id) == ("bot", who.id) else ())
    return frozenset(name for name, holds in _person_roles(policy, who.id, row).items() if holds)


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


def require(policy: Policy, who: Actor, row: Request | None, what: str) -> Request:
    """The row, when this actor may do that with it. Raises NotFound for what one may not even see, else Forbidden."""
    held = frozenset() if row is None else roles(policy, who, row)
    if row is None or not held & MAY["read"]:
        raise NotFound("There is no such request.")
    if not held & MAY[what]:
        raise Forbidden(f"To {what} this request one must be its {' or '.join(sorted(MAY[what]))}.")
    return row


def visible(policy: Policy, who: Actor) -> ColumnElement[bool]:
    """The condition on `Request` under which a list may show it to this actor: the same rule as `roles`."""
    if who.kind == "bot" and who.id is not None:
        return (Request.asker_kind == "bot") & (Request.asker_id == who.id)
    if who.kind != "person" or who.id is None:
        return false()
    if policy.may(who.id, "audit") or any(
        who.id in group.members and "respond" in group.may for group in policy.groups.values()
    ):
        return true()
    mine = [name for name in policy.groups if who.id in policy.members(name)]
    deciding: list[ColumnElement[bool]] = [Request.plan.contains(_stage_of(group)) for group in mine]
    return or_(false(), *deciding, *_owned(policy, who.id))


def _stage_of(group: str) -> dict[str, Any]:
    return {"stages": [{"groups": [group]}]}


def _owned(policy: Policy, person: str) -> list[ColumnElement[bool]]:
    return [
        (Request.asker_kind == "bot") & (Request.asker_id == bot) & (Request.action == action)
        for bot in policy.bots
        for action in policy.actions
        if any(person in policy.seat(bot, action, seat) for seat in SEATS)
    ]
