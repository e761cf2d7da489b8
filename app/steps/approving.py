"""Approving a use case: what is asked for, what its signers are shown, and its row (DESIGN.md sections 1 and 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.db.use_cases import Stored
from app.domain.errors import Forbidden, InterlockError, OffSchema
from app.domain.outcome import Answer, Sent
from app.domain.verdict import Verdict, denied
from app.governance.policy import Policy
from app.governance.use_case import LONGEST, in_words, missing, statement
from app.steps.admission import Asked
from app.steps.handler import Handler
from app.steps.scene import Scene
from app.steps.use_cases import approved, keep

MAY_ASK = ("business", "permissions")
"""The seats of a bot whose holders ask for it, as administrators do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An approval that is asked for. ``asked_at``: when; ``now``: when that is judged."""

    asker: str
    bot: str
    review_by: str
    asked_at: datetime
    now: datetime


def fault(policy: Policy, wish: Wish) -> InterlockError | None:
    """Why it is not to be had: Forbidden, OffSchema."""
    bot = policy.bots.get(wish.bot)
    if bot is None:
        return OffSchema(f"There is no bot {wish.bot!r:.100}.", where="parameters.bot")
    if not may_ask(policy, wish.asker, bot.id):
        return Forbidden(f"To ask for this one must hold a seat of {bot.id}, {' or '.join(MAY_ASK)}, or administer.")
    if policy.seat(bot.id, None, "business") <= {wish.asker}:
        return Forbidden(f"Only you hold the business seat of {bot.id}, and who asks does not sign: let another ask.")
    if bot.purpose is None:
        return OffSchema(f"{bot.id} says no use_case; publish one first.", where="parameters.bot")
    return _of_day(wish)


def may_ask(policy: Policy, person: str, bot: str) -> bool:
    """True for who may ask for the approval of this bot's use case."""
    seats = frozenset().union(*(policy.seat(bot, None, seat) for seat in MAY_ASK))
    return person in seats or policy.may(person, "administer")


def _of_day(wish: Wish) -> InterlockError | None:
    where = "parameters.review_by"
    try:
        day = date.fromisoformat(wish.review_by)
    except ValueError:
        return OffSchema("There is no such day.", where=where)
    if day <= wish.now.date():
        return OffSchema("That day is not to come.", where=where)
    if day > wish.asked_at.date() + LONGEST:
        return OffSchema(f"It must be reviewed within {LONGEST.days} days.", where=where)
    return None


async def _refusal(asked: Asked) -> Verdict | None:
    said, now = asked.ask.parameters, await asked.ctx.clock.now(asked.session)
    wrong = fault(asked.policy, Wish(asked.ask.asker_id, said["bot"], said["review_by"], now, now))
    if wrong is None:
        return None
    return denied("not-entitled" if isinstance(wrong, Forbidden) else "not-in-order", str(wrong))


async def _ground(asked: Asked) -> dict[str, Any]:
    """What the rules say of the bot now: this is what is signed, and told to whoever signs."""
    bot = asked.policy.bots[asked.ask.parameters["bot"]]
    said, known = statement(asked.policy, bot), await approved(asked.session, asked.ctx.rules, bot.id)
    before = None if known is None else known.statement
    change = {
        "section": "bots",
        "name": bot.id,
        "change": "added" if before is None else "changed",
        "sentences": [f"bot {bot.id}: {sentence}" for sentence in in_words(said, before)],
        "loosens": before is None or bool(missing(said, before)),
    }
    return {"statement": said.as_json(), "changes": [change], "changes_left": 0}


async def _ground_gone(found: Scene) -> str | None:
    row, said = found.row, found.row.parameters
    if not (found.crowd.active.get(row.asker_id, False) and may_ask(found.policy, row.asker_id, said["bot"])):
        return "not-entitled"
    bot = found.policy.bots.get(said["bot"])
    if bot is None or statement(found.policy, bot).as_json() != (row.ground or {}).get("statement"):
        return "use-case-changed"
    wrong = fault(found.policy, Wish(row.asker_id, bot.id, said["review_by"], row.created_at, found.now))
    return None if wrong is None else "not-in-order"


async def _apply(found: Scene) -> Answer:
    said = found.row.parameters
    row = Stored(
        id=found.row.id,
        bot=said["bot"],
        statement=(found.row.ground or {})["statement"],
        approved_at=found.now,
        review_by=date.fromisoformat(said["review_by"]),
        policy_version=found.policy.version,
        via="request",
    )
    await keep(found.session, row, found.secret)
    return Answer(Sent.SUCCEEDED, None, {"bot": row.bot, "review_by": said["review_by"]}, None)


APPROVING = Handler(_refusal, _ground, _ground_gone, _apply)
