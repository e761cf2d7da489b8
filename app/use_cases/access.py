"""Reading and doing, by the table of `app.steps.access`: what is refused, and what a list may show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, any_, false, literal, or_, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import delegations
from app.db.tables import Request
from app.domain.delegation import Delegation
from app.domain.errors import Forbidden, NotFound
from app.governance.built_in import ADMINISTRATORS, AUDITORS, BUILT_IN, BUSINESS, EXCEPTIONS, GROUP, SECURITY
from app.governance.policy import Policy
from app.steps.access import MAY, SEATS, roles
from app.steps.context import Context
from app.steps.scene import NO_SUCH_REQUEST
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services

WITH_POLICY: Mapping[str, frozenset[str]] = {
    "compare": frozenset({"administer", "audit"}),
    "simulate": frozenset({"administer", "audit"}),
}
"""What one may do with a draft of the rules by what a group of one's own may. Reading the rules is for all people."""


async def received(ctx: Context, session: AsyncSession, who: Actor) -> Sequence[Delegation]:
    """The delegations that run now and make this actor somebody's delegate."""
    if who.kind != "person" or who.id is None:
        return ()
    return await delegations.received(session, await ctx.clock.now(session), who.id)


def require(policy: Policy, who: Actor, row: Request | None, what: str, given: Sequence[Delegation] = ()) -> Request:
    """The row, when this actor may do that with it. Raises NotFound for what one may not even see, else Forbidden.

    ``given``: what makes them somebody's delegate, where that matters.
    """
    held = frozenset() if row is None else roles(policy, who.kind, who.id, row, given)
    if row is None or not held & MAY["read"]:
        raise NotFound(NO_SUCH_REQUEST)
    if not held & MAY[what]:
        raise Forbidden(f"To {what} this request one must be its {' or '.join(sorted(MAY[what]))}.")
    return row


async def require_to(services: Services, who: Actor, what: str) -> None:
    """Raises Forbidden unless this person may do that with a draft of the rules."""
    for_people(who)
    person = person_id(who)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
    if not any(policy.may(person, one) for one in WITH_POLICY[what]):
        raise Forbidden(f"To {what} a draft one must be in a group that may {' or '.join(sorted(WITH_POLICY[what]))}.")


def for_people(who: Actor) -> None:
    """Raises Forbidden for all but people."""
    if who.kind != "person":
        raise Forbidden("This is for people: sign in as one.")


def visible(policy: Policy, who: Actor, given: Sequence[Delegation] = ()) -> ColumnElement[bool]:
    """The condition on `Request` under which a list may show it to this actor: the same rule as `roles`."""
    if who.kind == "bot" and who.id is not None:
        return (Request.asker_kind == "bot") & (Request.asker_id == who.id)
    if who.kind != "person" or who.id is None:
        return false()
    if policy.may(who.id, "audit") or any(
        who.id in group.members and "respond" in group.may for group in policy.groups.values()
    ):
        return true()
    deciding = decided_by(policy, who.id)
    for one in given:
        deciding += [(Request.created_at > one.created_at) & what for what in decided_by(policy, one.person)]
    own = (Request.asker_kind == "person") & (Request.asker_id == who.id)
    return or_(own, *deciding, *owned(policy, who.id), reviewed_by(who.id))


def reviewed_by(person: str) -> ColumnElement[bool]:
    """The condition on `Request` that this person was named to review how it was released."""
    return Request.break_glass["reviewers"].contains([person])


def decided_by(policy: Policy, person: str) -> list[ColumnElement[bool]]:
    """The conditions on `Request` of which any makes it wait, or have waited, for a group of this person's."""
    return [Request.plan.contains(_stage_of(group)) for group in groups_of(policy, person)]


def groups_of(policy: Policy, person: str) -> list[str]:
    """The groups that this person is in, Interlock's own too."""
    of_bots = [f"{name}:{bot}" for bot in policy.bots for name in (GROUP, EXCEPTIONS, SECURITY, BUSINESS)]
    built_in = [ADMINISTRATORS, AUDITORS, GROUP, *of_bots]
    return [name for name in (*policy.groups, *built_in) if person in policy.members(name)]


def _stage_of(group: str) -> dict[str, Any]:
    return {"stages": [{"groups": [group]}]}


def owned(policy: Policy, person: str) -> list[ColumnElement[bool]]:
    """Bots of which a person holds a seat for all actions in one condition, the others one by one: lists stay short."""
    found: list[ColumnElement[bool]] = []
    whole = []
    names = [*policy.actions, *BUILT_IN]
    for bot in policy.bots:
        actions = [name for name in names if any(person in policy.seat(bot, name, seat) for seat in SEATS)]
        if len(actions) == len(names):
            whole.append(bot)
        elif actions:
            found.append(and_(Request.bot == bot, _about(actions)))
    return [*found, Request.bot == any_(literal(whole, ARRAY(Text)))] if whole else found


def _about(actions: list[str]) -> ColumnElement[bool]:
    """It runs one of these actions, or undoes one."""
    names = any_(literal(actions, ARRAY(Text)))
    return or_(Request.action == names, Request.undoes["action"].astext == names)
