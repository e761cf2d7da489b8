"""Oversight reports: worked out for who may audit or administer, prepared, and asked to be signed off."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, oversight_reports
from app.db.oversight_reports import SIGNED, Stored
from app.domain.ask import Ask
from app.domain.clocks import rfc3339
from app.domain.errors import Forbidden, InterlockError, NotFound, NotOpenToThis
from app.domain.oversight import CONTROLS, Period, digests, last_month
from app.governance.policy import Policy
from app.steps.context import Context
from app.steps.overseeing import Wish, fault, parameters, stale
from app.steps.oversight import document
from app.steps.oversight import entries as counted
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services

log = logging.getLogger(__name__)
MOST = 200
View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Readable:
    """A report, and whom its pids name: for a page that people read, never to be stored."""

    report: View
    names: dict[str, str]


async def check_sign_off(ctx: Context, ask: Ask) -> None:
    """Raises Forbidden for who may not ask, OffSchema, NotOpenToThis: not over, no auditor, other figures by now."""
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
        wish = Wish(ask.asker_id, ask.parameters, await ctx.clock.now(session))
        wrong = fault(policy, wish) or await stale(session, wish)
    if wrong is not None:
        raise wrong


async def last_full_month(services: Services) -> Period:
    """The last month that is over, in UTC."""
    async with services.ctx.database.transaction() as session:
        return last_month(await services.ctx.clock.now(session))


async def report(services: Services, who: Actor, period: Period) -> View:
    """The report of a period, worked out now. Raises Forbidden for who may neither audit nor administer."""
    return (await readable(services, who, period)).report


async def readable(services: Services, who: Actor, period: Period) -> Readable:
    """As `report`, with the names of the persons in it."""
    person, ctx = person_id(who), services.ctx
    async with services.own.of(("oversight", who.key)), ctx.database.transaction() as session:
        _require(await ctx.rules.in_force(session), person)
        now, made = await ctx.clock.now(session), await document(session, period)
        stored = await oversight_reports.of_period(session, period)
        names = {str(one.pid): one.name for one in await governance.persons(session)}
    return Readable(_view(made, stored, over=period.over(now)), names)


def _require(policy: Policy, person: str) -> None:
    if not (policy.may(person, "audit") or policy.may(person, "administer")):
        raise Forbidden("To read an oversight report one must be in a group that may audit or administer.")


def _view(made: dict[str, Any], stored: Sequence[Stored], *, over: bool) -> View:
    said = digests(made)
    signed = [_brief(row) for row in stored if row.status == SIGNED]
    return {
        "report": said.report,
        "figures_sha256": said.figures,
        "over": over,
        "signed": signed,
        "signed_as_it_is": any(one["report"] == said.report for one in signed),
        "document": made,
        "controls": [
            {
                "framework": one.framework,
                "control": one.name,
                "asks": one.asks,
                "evidence": {name: sorted(_cited(made, name)) for name in one.figures},
            }
            for one in CONTROLS
        ],
    }


def _cited(made: dict[str, Any], name: str) -> list[str]:
    """The evidence of a list of figures, by its names in the document."""
    return [key for key in made["evidence"] if key.split("/")[0] == name]


def _brief(row: Stored) -> View:
    return {
        "from": rfc3339(row.since),
        "to": rfc3339(row.until),
        "report": row.report,
        "figures_sha256": row.figures,
        "status": row.status,
        "prepared_at": rfc3339(row.prepared_at),
        "signed_at": None if row.signed_at is None else rfc3339(row.signed_at),
        "request": None if row.request is None else str(row.request),
    }


async def entries(services: Services, who: Actor, period: Period, name: str) -> list[str]:
    """All entries that a figure counts, by the name of its evidence. Raises NotFound; Forbidden as `report`."""
    person, ctx = person_id(who), services.ctx
    async with services.own.of(("oversight", who.key)), ctx.database.transaction() as session:
        _require(await ctx.rules.in_force(session), person)
        try:
            return list(await counted(session, period, name))
        except KeyError:
            raise NotFound(f"There is no figure {name!r:.60} in that report.") from None


async def listing(services: Services, who: Actor) -> list[View]:
    """The reports that were prepared or signed, the latest periods first. Raises Forbidden as `report`."""
    person, ctx = person_id(who), services.ctx
    async with ctx.database.transaction() as session:
        _require(await ctx.rules.in_force(session), person)
        return [_brief(row) for row in await oversight_reports.listed(session, MOST)]


async def prepare(services: Services, who: Actor, period: Period) -> View:
    """Keep the report of a period that is over; the parameters by which its sign-off is asked for.

    Raises Forbidden, NotOpenToThis while it is not over.
    """
    person, ctx = person_id(who), services.ctx
    async with services.own.of(("oversight", who.key)), ctx.database.transaction() as session:
        _require(await ctx.rules.in_force(session), person)
        if not period.over(await ctx.clock.now(session)):
            raise NotOpenToThis("The period is not over: its figures may still change.")
        return parameters(await _kept(ctx, session, period))


async def _kept(ctx: Context, session: AsyncSession, period: Period) -> dict[str, Any]:
    made = await document(session, period)
    await oversight_reports.prepare(session, period, made, await ctx.clock.now(session))
    return made


async def prepare_last_month(ctx: Context) -> bool:
    """Keep the report of the last full month where there is none; True when there was none. Of the worker's sweep.

    In the month in which Interlock was installed there is nothing to report of the one before.
    """
    async with ctx.database.transaction() as session:
        period = last_month(await ctx.clock.now(session))
        if await oversight_reports.of_period(session, period) or not await oversight_reports.at_work(session, period):
            return False
        await _kept(ctx, session, period)
    log.warning(
        "oversight: the report of %s is prepared; to have it signed off: interlock oversight sign-off %s",
        f"{period.since:%Y-%m}",
        f"{period.since:%Y-%m}",
    )
    return True


async def sweep(ctx: Context) -> None:
    """As `prepare_last_month`; that it cannot be done now keeps nothing else waiting."""
    try:
        await prepare_last_month(ctx)
    except InterlockError as error:
        log.warning("oversight: last month's report: %s", error)
    except Exception:
        log.exception("oversight: last month's report cannot be prepared")
