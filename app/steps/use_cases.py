"""Approved use cases at work: a bot asks for what is in its own, and starts it only while it still is."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import ledger, use_cases
from app.db.use_cases import Stored
from app.domain.verdict import AskFacts, Verdict, denied
from app.governance.catalogue import Action, Bot
from app.governance.policy import Policy
from app.governance.use_case import (
    LONGEST,
    NOT_APPROVED,
    Approved,
    beyond,
    from_json,
    statement,
    stopped,
    supervised,
)
from app.ledger.vault import Secret
from app.steps.admission import Asked
from app.steps.context import Context
from app.steps.rules import Rules
from app.steps.scene import Scene


async def approved(session: AsyncSession, rules: Rules, bot: str) -> Approved | None:
    """What stands approved of a bot."""
    row = await use_cases.newest(session, bot)
    return None if row is None else await as_approved(session, rules, row)


async def as_approved(session: AsyncSession, rules: Rules, row: Stored) -> Approved:
    """One as it is judged; of an upgrade that is not written down yet, what its version says."""
    if row.statement is not None:
        return Approved(from_json(row.statement), row.review_by)
    policy = await rules.version(session, row.policy_version)
    return Approved(statement(policy, policy.bots[row.bot]), row.review_by)


def refusal(asked: Asked, action: Action, found: Approved | None, now: datetime) -> Verdict | None:
    """Why a bot's ask is denied; None when its use case covers it."""
    why = _why_not(asked.policy.bots[asked.ask.asker_id], action, found, now)
    return None if why is None else denied(NOT_APPROVED, why)


def _why_not(bot: Bot, action: Action, found: Approved | None, now: datetime) -> str | None:
    return stopped(bot, found, now) or (None if found is None else beyond(action, found))


async def gone(found: Scene) -> str | None:
    """Why what a bot has asked for must not start: its use case does not cover it any more, as the rules are now."""
    bot, action = found.policy.bots[found.row.asker_id], found.policy.actions[found.row.action]
    known = await approved(found.session, found.ctx.rules, bot.id)
    return None if _why_not(bot, action, known, found.now) is None else NOT_APPROVED


async def supervised_now(found: Scene, facts: AskFacts, verdict: Verdict) -> Verdict:
    """What newer rules say of an ask, within the autonomy that is approved."""
    return supervised(found.policy, facts, verdict, await approved(found.session, found.ctx.rules, facts.bot))


async def keep(session: AsyncSession, row: Stored, secret: Secret, **facts: str) -> None:
    """Write an approval with its entry. The statement is sealed: a condition in it may name a customer."""
    session.add(row)
    await session.flush()
    await _note(session, row, secret, row.approved_at, **facts)


async def _note(session: AsyncSession, row: Stored, secret: Secret, at: datetime, **facts: str) -> None:
    stream = f"bot:{row.bot}"
    told = {"use_case": str(row.id), "via": row.via, "review_by": row.review_by.isoformat()}
    sealed = secret.seal({"statement": row.statement})
    await ledger.lock_stream(session, stream)
    await ledger.append(
        session,
        stream,
        "use-case-approved",
        at,
        {**told, "policy_version": row.policy_version, **facts, "sealed": sealed},
    )


async def installed(ctx: Context, session: AsyncSession, version: str, *, by: str) -> None:
    """Take the use cases of a version that is being installed for approved: whoever installs answers for them.

    A bot that says none has none, and cannot ask. ``by``: who, as the ledger names them.
    """
    rules = Rules()  # not the process's own, which must not know what may yet be rolled back
    policy, now = await rules.version(session, version), await ctx.clock.now(session)
    for bot in sorted(policy.bots.values(), key=lambda bot: bot.id):
        said, row = statement(policy, bot), await use_cases.newest(session, bot.id)
        known = None if row is None else await as_approved(session, rules, row)
        if bot.purpose is None or (known is not None and known.statement == said and not known.overdue(now)):
            continue
        row = _row(policy, bot, now)
        await keep(session, row, await ctx.vault.create(session, f"use-case:{row.id}"), by=by)


def _row(policy: Policy, bot: Bot, now: datetime) -> Stored:
    return Stored(
        id=uuid.uuid4(),
        bot=bot.id,
        statement=statement(policy, bot).as_json(),
        approved_at=now,
        review_by=_review_by(bot, now),
        policy_version=policy.version,
        via="init",
    )


def _review_by(bot: Bot, now: datetime) -> date:
    """The day that the files say, where that is to come and not too late; it is looked at now, so never one gone by."""
    today, latest = now.date(), now.date() + LONGEST
    try:
        said = latest if bot.review_by is None else date.fromisoformat(bot.review_by)
    except ValueError:
        return latest
    return said if today < said < latest else latest


async def write_upgraded(ctx: Context) -> None:
    """Write down what an upgrade has taken for approved, with its entries: no fact stays without one."""
    async with ctx.database.transaction() as session:
        rows = await use_cases.unwritten(session)
        now = await ctx.clock.now(session) if rows else None
        for row in rows:
            assert now is not None  # noqa: S101  for the type checker
            row.statement = (await as_approved(session, ctx.rules, row)).statement.as_json()
            await session.flush()
            await _note(session, row, await ctx.vault.create(session, f"use-case:{row.id}"), now)
