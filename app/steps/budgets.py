"""A bot's budgets, judged in the transaction that admits: requests at once cannot slip under one together."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime

from app.db import budgets
from app.db.budgets import Taken
from app.domain.budget import Budget, Counts, over, own, sentence
from app.domain.verdict import Outcome, Verdict, denied
from app.governance.catalogue import covers
from app.steps.admission import Asked

Within = Callable[[Asked, datetime, Verdict], Awaitable[Verdict]]
"""The verdict of the rules, or a denial where the ask is over a budget."""


def keys(asked: Asked) -> list[str]:
    """Who shares the budgets over a span with this ask: to be locked before the time is read, with the windows.

    Budgets of what is held have locks of their own, taken once an ask is to be held: what is allowed need not wait.
    """
    return [_key(asked, budget) for budget in _budgets(asked) if budget.counts is not Counts.HOLDS]


async def within(asked: Asked, now: datetime, verdict: Verdict) -> Verdict:
    """The verdict of the rules, or a denial where the ask is over a budget. What the rules deny takes of none."""
    if verdict.outcome is Outcome.HOLD:
        holds = [_key(asked, budget) for budget in _budgets(asked) if budget.counts is Counts.HOLDS]
        await budgets.lock_holds(asked.session, holds)
    return await would_be_within(asked, now, verdict)


async def would_be_within(asked: Asked, now: datetime, verdict: Verdict) -> Verdict:
    """The same without a lock, of rules under which nothing is admitted."""
    if verdict.outcome is Outcome.DENY:
        return verdict
    held = verdict.outcome is Outcome.HOLD
    for budget in (budget for budget in _budgets(asked) if held or budget.counts is not Counts.HOLDS):
        figure, takes = await _figure(asked, budget, now), own(budget, asked.ask.parameters)
        if over(budget, figure, takes):
            frees_up = await _frees_up(asked, budget, now, figure, takes)
            return denied("over-budget", sentence(budget, figure, takes, frees_up), verdict.rules)
    return verdict


def _budgets(asked: Asked) -> list[Budget]:
    """Of this bot, those that cover the action, by name."""
    bot = asked.policy.bots.get(asked.ask.asker_id)
    mine = () if bot is None else bot.budgets
    return sorted(
        (budget for budget in mine if covers(budget.action, asked.ask.action)), key=lambda budget: budget.name
    )


def _key(asked: Asked, budget: Budget) -> str:
    return f"budget:{asked.ask.asker_id}:{budget.name}"


def _taken(asked: Asked, budget: Budget) -> Taken:
    ask = asked.ask
    return Taken(
        bot=ask.asker_id,
        actions=[name for name in asked.policy.actions if covers(budget.action, name)],
        without=uuid.UUID(ask.supersedes) if ask.supersedes else None,
    )


async def _figure(asked: Asked, budget: Budget, now: datetime) -> int | None:
    taken = _taken(asked, budget)
    if budget.over is None:
        return await budgets.held(asked.session, taken)
    if budget.parameter is None:
        return await budgets.asked(asked.session, taken, now - budget.over)
    return await budgets.amount(asked.session, taken, now - budget.over, budget.parameter)


async def _frees_up(
    asked: Asked, budget: Budget, now: datetime, figure: int | None, takes: int | None
) -> datetime | None:
    """When enough of what counts has left the span; None when that is not what it waits for."""
    if budget.over is None or takes is None or takes > budget.at_most:
        return None
    taken, since = _taken(asked, budget), now - budget.over
    if budget.parameter is None:
        last = await budgets.nth_asked(asked.session, taken, since, (figure or 0) + takes - budget.at_most)
    elif figure is None:
        last = await budgets.last_unknown(asked.session, taken, since, budget.parameter)
    else:
        least = figure + takes - budget.at_most
        last = await budgets.amount_gone(asked.session, taken, since, budget.parameter, least)
    return None if last is None else last + budget.over
