"""Who may read and do what with a request: one table, one function. Deciding is judged by `app.domain.separation`."""

from __future__ import annotations

from collections.abc import Sequence

from app.db.tables import Request
from app.domain.delegation import Delegation
from app.domain.request import Kind
from app.governance.policy import Policy

MAY: dict[str, frozenset[str]] = {
    "read": frozenset({"asker", "decider", "owner", "responder", "auditor", "reviewer"}),
    "see-people": frozenset({"decider", "owner", "responder", "auditor", "reviewer"}),
    "see-digest-inputs": frozenset({"decider"}),
    "cancel": frozenset({"asker", "business-owner", "responder"}),
    "grant": frozenset({"asker"}),
    "report": frozenset({"asker"}),
    "settle": frozenset({"responder"}),
    "roll back": frozenset({"responder"}),
    "break the glass of": frozenset({"responder"}),
    "see reviews": frozenset({"owner", "responder", "auditor", "reviewer"}),
    "review": frozenset({"reviewer"}),
    "take evidence of": frozenset({"decider", "owner", "responder", "auditor", "reviewer"}),
}
"""What one may do with a request by the role that one has towards it."""

SEATS = ("business", "security", "model_quality", "legal", "incident", "rollback", "permissions", "exceptions")


def roles(
    policy: Policy, kind: str, actor: str | None, row: Request, received: Sequence[Delegation] = ()
) -> frozenset[str]:
    """The roles of an actor of this kind (bot, person, ...) and id towards one request, as of now.

    ``received``: the delegations to them that run; a delegate decides, and so reads, what was asked for since.
    """
    if kind == "bot":
        return frozenset({"asker"} if (row.asker_kind, row.asker_id) == ("bot", actor) else ())
    if kind != "person" or actor is None:
        return frozenset()
    deciding = {actor, *(given.person for given in received if given.given_before(row.created_at))}
    return frozenset(name for name, holds in _person_roles(policy, actor, row, deciding).items() if holds)


def _person_roles(policy: Policy, person: str, row: Request, deciding: set[str]) -> dict[str, bool]:
    groups = {group for stage in (row.plan or {"stages": []})["stages"] for group in stage["groups"]}
    about = _about(row)
    held = {seat for seat in SEATS if any(person in _holders(policy, *one, seat) for one in about)}
    responds = {bot for bot, action in about if person in _holders(policy, bot, action, "incident")}
    return {
        "asker": (row.asker_kind, row.asker_id) == ("person", person),
        "decider": any(deciding & policy.members(group) for group in groups),
        "owner": bool(held),
        "business-owner": "business" in held and row.kind == Kind.ACTION,  # who owns the bot stops no rollback of it
        "responder": responds == {bot for bot, _ in about} or person in policy.groups_that_may("respond"),
        "auditor": policy.may(person, "audit"),
        "reviewer": person in (row.break_glass or {}).get("reviewers", ()),
    }


def _about(row: Request) -> set[tuple[str | None, str]]:
    """The bots and actions whose owners it concerns: who asked and for what, or whose deeds it undoes."""
    undoes = row.undoes or {}
    if "of" in undoes:
        return {(bot, action) for bot, action in undoes["of"]}
    return {(row.bot, action) for action in (row.action, undoes.get("action", row.action))}


def _holders(policy: Policy, bot: str | None, action: str, seat: str) -> frozenset[str]:
    return policy.seat(bot, action, seat) if bot in policy.bots else frozenset()
