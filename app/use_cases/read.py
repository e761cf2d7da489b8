"""Reading: one request (and waiting for it), a page of them, the catalogue, the policy."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, false

from app.db import requests
from app.db.stops import stopped
from app.db.tables import Request
from app.domain.budget import Budget
from app.domain.clocks import milliseconds
from app.domain.states import OPEN, Status
from app.steps.crowd import crowd
from app.steps.facts import bench_of
from app.use_cases.access import for_people, received, require, visible
from app.use_cases.actors import Actor, person_id
from app.use_cases.cursors import behind, position
from app.use_cases.services import Services
from app.use_cases.views import View, view

LOOK_AGAIN = 5.0
"""Seconds after which a long poll looks for itself, should a wake-up have been lost."""


async def read(services: Services, who: Actor, request_id: uuid.UUID) -> View:
    """A request as this actor sees it. Raises NotFound also for what they may not see."""
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        given = await received(services.ctx, session, who)
        row = require(policy, who, await requests.by_id(session, request_id), "read", given)
        return await view(services.ctx, session, policy, who, row)


async def wait(services: Services, who: Actor, request_id: uuid.UUID, *, seconds: float, since: int | None) -> View:
    """Like `read`, but not before the version exceeds ``since`` (default: what stands now), or the time is over.

    A request that is final answers at once.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    async with services.waiters.watching(request_id) as changed:
        shown = await read(services, who, request_id)
        seen = shown["version"] if since is None else since
        while shown["version"] <= seen and _may_change(shown) and (left := deadline - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(left, LOOK_AGAIN))
            changed.clear()
            shown = await read(services, who, request_id)
        return shown


def _may_change(shown: View) -> bool:
    return Status(shown["status"]) in OPEN or shown["status"] == Status.UNKNOWN


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is asked for. ``statuses``: any of them; ``id_begins``: its first characters; the others: exactly."""

    statuses: tuple[str, ...] = ()
    kind: str | None = None
    bot: str | None = None
    action: str | None = None
    decidable_by_me: bool = False
    id_begins: str | None = None


async def listing(
    services: Services, who: Actor, filters: Filters, *, cursor: str | None, limit: int
) -> dict[str, Any]:
    """``{items, next_cursor}``, newest first: what this actor may see and the filters let through."""
    after = None if cursor is None else position(cursor)
    items: list[View] = []
    mine = person_id(who) if filters.decidable_by_me else None
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        everybody = await crowd(session, await services.ctx.clock.now(session))
        where = [visible(policy, who, everybody.received(who.id or "")), *_conditions(filters)]
        while len(items) <= limit:
            rows = await requests.page(session, where=where, after=after, limit=limit + 1)
            shown = [
                row
                for row in rows
                if not mine or mine in (await bench_of(session, row, policy, everybody)).may_decide()
            ]
            items += [await view(services.ctx, session, policy, who, row, everybody=everybody) for row in shown]
            if len(rows) <= limit:
                break
            after = (rows[-1].created_at, rows[-1].id)
    more = len(items) > limit
    return {
        "items": items[:limit],
        "next_cursor": behind(items[limit - 1]["created_at"], items[limit - 1]["id"]) if more else None,
    }


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.decidable_by_me:
        found.append((Request.status == Status.HELD) & ~stopped())
    if filters.statuses:
        found.append(_stands_at(filters.statuses))
    if filters.kind:
        found.append(Request.kind == filters.kind)
    if filters.bot:
        found.append(Request.bot == filters.bot)
    if filters.action:
        found.append(Request.action == filters.action)
    if filters.id_begins:
        found.append(cast(Request.id, Text).startswith(filters.id_begins, autoescape=True))
    return found


def _stands_at(statuses: Sequence[str]) -> ColumnElement[bool]:
    """In one of these states as views show them: what a stop has revoked is so before that is recorded."""
    revoked = stopped() if Status.REVOKED in statuses else false()
    return (Request.status.in_(statuses) & ~stopped()) | revoked


async def catalogue(services: Services, who: Actor) -> dict[str, Any]:
    """The actions that may be asked for, which bots may, and the budgets of bots. Persons only."""
    for_people(who)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
    return {
        "policy_version": policy.version,
        "actions": [_action(policy, name) for name in sorted(policy.actions)],
        "budgets": [_budget(bot, budget) for bot in sorted(policy.bots) for budget in policy.bots[bot].budgets],
    }


def _action(policy: Any, name: str) -> dict[str, Any]:
    action = policy.actions[name]
    return {
        "name": name,
        "title": action.title,
        "risk": action.risk.name.lower(),
        "reversibility": action.reversibility.name.lower(),
        "data": list(action.data),
        "parameters": action.parameters,
        "version": action.version,
        "mode": action.mode.value,
        "target": action.target,
        "default_plan": action.default_plan,
        "rollback": None if action.rollback is None else action.rollback.action,
        "bots": sorted(bot for bot in policy.bots if policy.entitled(bot, name)),
    }


def _budget(bot: str, budget: Budget) -> dict[str, Any]:
    return {
        "bot": bot,
        "name": budget.name,
        "action": budget.action,
        "counts": budget.counts.value,
        "parameter": budget.parameter,
        "at_most": budget.at_most,
        "over_ms": None if budget.over is None else milliseconds(budget.over),
    }


async def policy(services: Services, who: Actor) -> dict[str, Any]:
    """The rules in force: version, when and by whom installed, and their source with persons by their ids."""
    for_people(who)
    async with services.ctx.database.transaction() as session:
        return await services.ctx.rules.source(session)
