"""Where a request is shown in Slack: its stage's channel, or the people themselves; alone, or in a digest."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import delegations, requests, slack
from app.db.tables import Request
from app.domain.errors import InterlockError, Unavailable
from app.domain.plan import Stage
from app.domain.plan_rows import plan_from_json
from app.domain.request import Risk
from app.domain.states import OPEN, Status
from app.governance.policy import Policy
from app.steps.context import Context
from app.steps.crowd import crowd
from app.steps.facts import bench_of
from app.steps.incident_item import part_of
from app.use_cases.released import accounts

log = logging.getLogger(__name__)

BURST = timedelta(minutes=1)
"""Over which the messages of a place are counted."""

DIGEST_SPAN = timedelta(minutes=10)
"""How long a digest takes new requests: older ones have scrolled away."""

OLD = timedelta(days=1)
"""A request that ended longer ago than this and was never shown is not shown any more."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The sink of the outbox for Slack: says which messages must show a request. Calls nobody.

    ``team``: the team that we are installed in, None until Slack has said so. ``digest_above``: messages a minute in
    one place above which low-risk requests go into a digest. ``digest_size``: how many of them one digest shows.
    """

    ctx: Context
    team: Callable[[], str | None]
    digest_above: int
    digest_size: int

    async def tell(self, request_ids: list[uuid.UUID]) -> list[uuid.UUID]:
        """Each in a transaction of its own; those that worked."""
        return [request_id for request_id in request_ids if await self._guarded(request_id)]

    async def _guarded(self, request_id: uuid.UUID) -> bool:
        """Whatever goes wrong with one request is logged, and must not keep the others waiting."""
        try:
            async with self.ctx.database.transaction() as session:
                row = await requests.by_id(session, request_id)
                if row is not None:
                    await self.spread(session, row)
        except InterlockError as error:
            log.warning("request %s cannot be shown in Slack yet: %s", request_id, error)
            return False
        except Exception:
            log.exception("request %s cannot be shown in Slack", request_id)
            return False
        return True

    async def spread(self, session: AsyncSession, row: Request) -> None:
        """Have every message that shows this request show it anew, and add those that are missing."""
        shown = await slack.items(session, row.id)
        if not shown and await self._is_old(session, row):
            return
        wanted = await places(self.ctx, session, row, self.team())
        for place in sorted(wanted - shown.keys()):
            await slack.lock_place(session, place)
            message = await self._message_for(session, place, row)
            await slack.add_item(session, row.id, place, message)
        shown = await slack.items(session, row.id)
        if row.plan is not None and not shown:
            log.warning("request %s: nobody of its stage can be reached in Slack", row.id)
        await slack.want(session, {*shown.values(), *await self._of_many(session, row)})

    async def _of_many(self, session: AsyncSession, row: Request) -> Iterable[uuid.UUID]:
        """The messages of that which undid many, where people have settled what came of one of these."""
        many = part_of(row) if row.ended_why == "settled" else None
        return () if many is None else (await slack.items(session, many)).values()

    async def _is_old(self, session: AsyncSession, row: Request) -> bool:
        return Status(row.status) not in OPEN and row.updated_at < await self.ctx.clock.now(session) - OLD

    async def _message_for(self, session: AsyncSession, place: str, row: Request) -> uuid.UUID:
        if row.risk == Risk.LOW.name.lower() and await slack.recent(session, place, BURST) >= self.digest_above:
            found = await slack.open_digest(session, place, DIGEST_SPAN, self.digest_size)
            return found or await slack.add_message(session, place, "digest")
        return await slack.add_message(session, place, "card")


async def places(ctx: Context, session: AsyncSession, row: Request, team: str | None) -> set[str]:
    """Where a request must be shown now: the channels of the groups that are asked, else their people.

    Of a request that is no longer held, the places of the last stage that was asked. A group without a channel, or
    whose channel is closed to us, is asked in direct messages: those of its people who may decide; so are the groups
    that are built in, all groups of a stage that wants it so, and who decides for somebody of any group without being
    in one. What one person released alone is shown to who must hear of that, directly as well. Raises Unavailable when
    people must be asked, or told, and ``team`` is not known yet.
    """
    stage = last_asked(row)
    if stage is None:
        return set()
    policy = await ctx.rules.in_force(session)
    channels = await channels_of(session, policy, stage)
    alone = [group for group in stage.groups if group not in channels]
    told = {} if row.status == Status.HELD else await accounts(session, policy, row, team)
    asked = set(channels.values()) | await _people(ctx, session, row, alone, team)
    return asked.union(*told.values())


async def channels_of(session: AsyncSession, policy: Policy, stage: Stage) -> dict[str, str]:
    """The channels in which groups of a stage are asked, by group; who is not among them is asked directly."""
    if stage.direct:
        return {}
    known = {group: policy.groups[group].slack_channel for group in stage.groups if group in policy.groups}
    channels = {group: channel for group, channel in known.items() if channel}
    closed = await slack.closed_places(session, set(channels.values()))
    return {group: channel for group, channel in channels.items() if channel not in closed}


def last_asked(row: Request) -> Stage | None:
    """The stage that is open, else the last one that was."""
    if row.plan is None:
        return None
    stages = plan_from_json(row.plan).stages
    asked = [stage for stage in stages if stage.opened_at is not None]
    return next((stage for stage in stages if stage.status == "open"), asked[-1] if asked else None)


async def _people(ctx: Context, session: AsyncSession, row: Request, alone: list[str], team: str | None) -> set[str]:
    """Who is asked in person: those of ``alone`` groups, and who decides in the place of somebody away."""
    if row.status != Status.HELD:
        return set()
    asked = await _asked(ctx, session, row, alone)
    if not asked and not alone:
        return set()
    if team is None:
        raise Unavailable("Slack has not said yet which team we are installed in.")
    users = await slack.users_of(session, team, asked)
    return {user for of_person in users.values() for user in of_person}


async def _asked(ctx: Context, session: AsyncSession, row: Request, alone: list[str]) -> set[str]:
    now, stage = await ctx.clock.now(session), last_asked(row)
    if stage is None or not (alone or await delegations.running(session, now)):
        return set()
    everybody, policy = await crowd(session, now), await ctx.rules.in_force(session)
    people = await bench_of(session, row, policy, everybody)
    standing_in = people.facts.delegators.keys() - _members(policy, stage.groups)
    return set(people.may_decide()) & (_members(policy, alone) | standing_in)


def _members(policy: Policy, groups: Iterable[str]) -> set[str]:
    return {person for group in groups for person in policy.members(group)}
