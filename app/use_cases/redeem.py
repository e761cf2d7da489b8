"""A target redeems a grant: it hears that it may act, or no more than that it may not."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from app import telemetry
from app.domain.errors import Forbidden
from app.grants.grants import hash_of
from app.grants.verifier import GrantRefused, claims_of
from app.steps.redeem import AGAIN, REDEEMED, Redeeming, redeem
from app.use_cases.actors import Actor
from app.use_cases.services import Services

log = logging.getLogger(__name__)

INACTIVE: Mapping[str, Any] = {"active": False}
"""All that is said of a grant that is not good, for whatever reason: whoever has found one learns nothing about it."""


async def redeem_grant(
    services: Services, who: Actor, grant: str, parameters_digest: str, redemption_id: str
) -> dict[str, Any]:
    """What the grant allows, once; the same answer again for the same ``redemption_id``. `INACTIVE` else.

    Raises Forbidden for all but the clients of the target that the grant is for; RateLimited, Unavailable, Unconfirmed.
    """
    client, audiences = await _target(services, who)
    try:
        claims = claims_of(grant, services.ctx.grants.keys.get, issuer=services.ctx.issuer)
        request_id = uuid.UUID(claims["txn"])
    except (GrantRefused, ValueError) as error:
        return _inactive(client, None, error.reason if isinstance(error, GrantRefused) else "wrong-claims")
    if claims["aud"] not in audiences:
        raise Forbidden("This grant is for another target than the one that this token is of.")
    shown = Redeeming(request_id, claims["jti"], hash_of(grant), parameters_digest, client, redemption_id)
    async with services.judging.of(request_id):
        came_of_it = await redeem(services.ctx, shown)
    if came_of_it not in (REDEEMED, AGAIN):
        return _inactive(client, request_id, came_of_it)
    telemetry.redeemed(came_of_it)
    return _active(claims)


async def _target(services: Services, who: Actor) -> tuple[str, frozenset[str]]:
    """The client, and what the targets are called in grants that the rules in force know it of. Raises Forbidden."""
    if who.kind != "target" or who.id is None:
        raise Forbidden("Only a target redeems grants, with the access token of one of its clients.")
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
    audiences = frozenset(target.audience for target in policy.targets.values() if who.id in target.clients)
    if not audiences:
        raise Forbidden("The rules in force name no target that this client is of.")
    return who.id, audiences


def _active(claims: Mapping[str, Any]) -> dict[str, Any]:
    [allowed] = claims["authorization_details"]
    return {
        "active": True,
        "request_id": claims["txn"],
        "action": allowed["action"],
        "sub": claims["sub"],
        "act": claims.get("act"),
        "parameters_digest": allowed["parameters_digest"],
        "exp": claims["exp"],
        "cnf": claims.get("cnf"),
    }


def _inactive(client: str, request_id: uuid.UUID | None, why: str) -> dict[str, Any]:
    telemetry.redeemed(why)
    named = {} if request_id is None else {"request": str(request_id)}
    log.warning("a grant was not redeemed", extra={"fields": {"why": why, "client": client, **named}})
    return dict(INACTIVE)
