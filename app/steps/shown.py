"""What was put before people: kept, so that a decision can say what it was made on (DESIGN.md section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import slack
from app.db.slack_tables import CardShown
from app.db.tables import Request
from app.domain.request import Kind, Risk, Say
from app.governance.masking import Path, masked, secrets, without
from app.governance.policy import Policy
from app.ledger.vault import Secret
from app.steps.scene import Scene


def masks(row: Request, *policies: Policy, original: Request | None = None) -> tuple[Any, tuple[str, ...]]:
    """The parameters with what is masked hidden, and the JSON pointers of those places.

    ``policies``: a value is masked that any of them marks; the rules in force may know better than those of old.
    ``original``: what it undoes; what is masked there is here, too.
    """
    if row.kind == Kind.INCIDENT_ROLLBACK:
        return _masks_of_many(row.parameters, policies)
    parameters, places = masked(row.parameters, _sensitive(row.action, policies))
    if original is None:
        return parameters, places
    shown, more = without(parameters, secrets(original.parameters, _sensitive(original.action, policies)))
    return shown, (*places, *more)


def _sensitive(action: str, policies: Sequence[Policy]) -> list[Path]:
    known = (policy.actions[action] for policy in policies if action in policy.actions)
    return sorted({path for one in known for path in one.sensitive})


def _masks_of_many(parameters: dict[str, Any], policies: Sequence[Policy]) -> tuple[Any, tuple[str, ...]]:
    """What each item marks; all its parameters where what it undoes marks something, which they may repeat."""
    items, places = list[dict[str, Any]](), list[str]()
    for n, item in enumerate(parameters["items"]):
        paths = [()] if _sensitive(item["of"], policies) else _sensitive(item["action"], policies)
        shown, hidden = masked(item["parameters"], paths)
        items.append({**item, "parameters": shown})
        places += [f"/items/{n}/parameters{place}" for place in hidden]
    return {**parameters, "items": items}, tuple(places)


async def keep(session: AsyncSession, secret: Secret, row: Request, content: Any, not_shown: Sequence[str]) -> str:
    """Keep, sealed, what is about to be put before people; the keyed hash that a decision on it carries.

    ``content``: its blocks as JSON, without what no eye sees; ``not_shown``: the pointers that `masks` gave for it.
    """
    card = secret.commit(content)
    await slack.keep_shown(session, row.id, card, secret.seal(content), list(not_shown))
    return card


async def card_of(found: Scene, body: dict[str, Any]) -> CardShown | None:
    """What was shown of this request under the hash that a decision carries."""
    card = body.get("card")
    return None if card is None else await slack.shown(found.session, found.row.id, str(card))


async def named(found: Scene, body: dict[str, Any]) -> dict[str, Any]:
    """What an entry says of what a decision was made on: the card's hash, and what was masked there."""
    card = await card_of(found, body)
    return {} if card is None else {"card": card.hash, "not_shown": card.not_shown}


async def counts(found: Scene, body: dict[str, Any]) -> bool:
    """True when a decision names what was shown of this request, and that is enough to approve at its risk."""
    card = await card_of(found, body)
    if card is None:
        return False
    return body["decision"] != Say.APPROVE or Risk[found.row.risk.upper()] < Risk.HIGH or not card.not_shown
