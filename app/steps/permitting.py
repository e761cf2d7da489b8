"""Granting a standing permission: what it must be, and its row (DESIGN.md section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.db import ledger, requests
from app.db.permissions import Stored
from app.domain.clocks import moment, rfc3339
from app.domain.errors import Forbidden, InterlockError, NotOpenToThis, OffSchema
from app.domain.outcome import Answer, Sent
from app.domain.permission import LONGEST
from app.domain.request import Reversibility, Risk, Say, word
from app.domain.verdict import Verdict, denied
from app.governance.cel import compile_condition
from app.governance.errors import ExpressionInvalid
from app.governance.literals import literal_findings
from app.governance.policy import Policy
from app.steps.admission import Asked
from app.steps.handler import Handler
from app.steps.scene import Scene

MAY_ASK = ("business", "permissions", "exceptions")
"""The seats of a bot whose holders ask for one, as administrators do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A permission that is asked for. ``asked_at``: when; ``now``: when that is judged."""

    asker: str
    parameters: dict[str, Any]
    asked_at: datetime
    now: datetime

    @property
    def expires_at(self) -> datetime:
        """When it would end. Raises ValueError."""
        return moment(self.parameters["expires_at"].upper())


def fault(policy: Policy, wish: Wish) -> InterlockError | None:
    """Why it is not to be had: Forbidden, OffSchema, NotOpenToThis."""
    bot, action = wish.parameters["bot"], wish.parameters["action"]
    if bot not in policy.bots:
        return OffSchema(f"There is no bot {bot!r:.100}.", where="parameters.bot")
    if not may_ask(policy, wish.asker, bot):
        return Forbidden(f"To ask for this one must hold a seat of {bot}, {' or '.join(MAY_ASK)}, or administer.")
    if not policy.entitled(bot, action):
        return OffSchema(f"{bot} is not entitled to {action!r:.200}.", where="parameters.action")
    return _of_action(policy, action) or _of_condition(policy, wish) or _of_total(policy, wish) or _of_end(wish)


def may_ask(policy: Policy, person: str, bot: str) -> bool:
    """True for who may ask for a permission of this bot."""
    seats = frozenset().union(*(policy.seat(bot, None, seat) for seat in MAY_ASK))
    return person in seats or policy.may(person, "administer")


def _of_action(policy: Policy, name: str) -> InterlockError | None:
    action = policy.actions[name]
    if action.risk is Risk.CRITICAL or action.reversibility is Reversibility.IRREVERSIBLE:
        what = word(Risk.CRITICAL) if action.risk is Risk.CRITICAL else word(Reversibility.IRREVERSIBLE)
        return NotOpenToThis(f"{name} is {what}: no standing permission is to be had for it.")
    return None


def _of_condition(policy: Policy, wish: Wish) -> InterlockError | None:
    when = wish.parameters["when"]
    try:
        compile_condition(when, policy.scope)
    except ExpressionInvalid as error:
        return OffSchema(f"The condition {error}.", where="parameters.when")
    wrong = next(literal_findings(when, policy.actions), None)
    return None if wrong is None else OffSchema(f"The condition is never true: {wrong}.", where="parameters.when")


def _of_total(policy: Policy, wish: Wish) -> InterlockError | None:
    most = wish.parameters.get("max_total")
    if most is None:
        return None
    properties = policy.actions[wish.parameters["action"]].parameters.get("properties")
    schema = properties.get(most["parameter"]) if isinstance(properties, dict) else None
    if isinstance(schema, dict) and schema.get("type") == "integer":
        return None
    what = f"{most['parameter']!r:.100} is not an integer in the schema of {wish.parameters['action']}."
    return OffSchema(what, where="parameters.max_total.parameter")


def _of_end(wish: Wish) -> InterlockError | None:
    try:
        ends = wish.expires_at
    except (ValueError, OverflowError):
        return OffSchema("There is no such time.", where="parameters.expires_at")
    if ends <= wish.now:
        return OffSchema("It would have ended already.", where="parameters.expires_at")
    if ends > wish.asked_at + LONGEST:
        return OffSchema(f"It must end within {LONGEST.days} days.", where="parameters.expires_at")
    return None


async def _refusal(asked: Asked) -> Verdict | None:
    now = await asked.ctx.clock.now(asked.session)
    wrong = fault(asked.policy, Wish(asked.ask.asker_id, asked.ask.parameters, now, now))
    if wrong is None:
        return None
    return denied("not-entitled" if isinstance(wrong, Forbidden) else "not-in-order", str(wrong))


async def _ground(asked: Asked) -> dict[str, Any]:
    """The action as the signers know it."""
    action = asked.policy.actions.get(asked.ask.parameters["action"])
    return {"action_version": None if action is None else action.version}


async def _ground_gone(found: Scene) -> str | None:
    row, bot = found.row, found.row.parameters["bot"]
    if not (found.crowd.active.get(row.asker_id, False) and may_ask(found.policy, row.asker_id, bot)):
        return "not-entitled"
    action = found.policy.actions.get(row.parameters["action"])
    if action is None or action.version != (row.ground or {}).get("action_version"):
        return "action-changed"
    wrong = fault(found.policy, Wish(row.asker_id, row.parameters, row.created_at, found.now))
    return None if wrong is None else "not-in-order"


async def _apply(found: Scene) -> Answer:
    row, session = _row(found, await _by(found)), found.session
    session.add(row)
    await session.flush()
    stream = f"bot:{row.bot}"
    await ledger.lock_stream(session, stream)
    await ledger.append(session, stream, "permission-granted", found.now, _facts(found, row))
    told = {"permission": str(row.id), "expires_at": rfc3339(row.expires_at)}
    return Answer(Sent.SUCCEEDED, None, told, None)


async def _by(found: Scene) -> list[str]:
    """Who asked for it, who approved it, and in whose right."""
    made = await requests.decisions(found.session, found.row.id)
    signed = [said for said in made if said.standing and said.say == Say.APPROVE]
    return sorted({found.row.asker_id, *(id_ for said in signed for id_ in (said.person_id, *said.stands_for))})


def _row(found: Scene, by: list[str]) -> Stored:
    said = found.row.parameters
    most = said.get("max_total")
    return Stored(
        id=found.row.id,
        bot=said["bot"],
        action=said["action"],
        action_version=(found.row.ground or {})["action_version"],
        condition=said["when"],
        max_uses=int(said["max_uses"]),
        uses=0,
        max_parameter=None if most is None else most["parameter"],
        max_total=None if most is None else int(most["at_most"]),
        total=0,
        expires_at=moment(said["expires_at"].upper()),
        policy_version=found.policy.version,
        granted_at=found.now,
        granted_by=by,
        revoked_at=None,
        revoked_by=None,
        revoke_reason=None,
    )


def _facts(found: Scene, row: Stored) -> dict[str, Any]:
    """The condition may name a customer: sealed, as the request's parameters are."""
    return {
        "permission": str(row.id),
        "action": row.action,
        "action_version": row.action_version,
        "max_uses": row.max_uses,
        "max_parameter": row.max_parameter,
        "max_total": row.max_total,
        "expires_at": rfc3339(row.expires_at),
        "policy_version": row.policy_version,
        "sealed": found.secret.seal({"when": row.condition}),
    }


PERMITTING = Handler(_refusal, _ground, _ground_gone, _apply)
