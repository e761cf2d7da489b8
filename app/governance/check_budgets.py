"""Budgets of bots: what they cover is there to be asked for, and what they add up is a whole number everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.errors import Finding
from app.governance import models
from app.governance.catalogue import covers
from app.governance.check_references import not_summable
from app.governance.entries import Known


def budget_findings(known: Known) -> Iterator[Finding]:
    """Every finding about a budget."""
    for entry, bot in known.of("bots", models.Bot):
        mine = [name for name in known.names["actions"] if any(covers(pattern, name) for pattern in bot.entitlements)]
        for number, budget in enumerate(bot.budgets):
            if not any(covers(budget.action, name) for name in mine):
                what = f"{budget.action} covers no action that the bot is entitled to"
                yield Finding(entry.where("budgets", number, "action"), what)
            for what in not_summable(known, budget.action, budget.sum):
                yield Finding(entry.where("budgets", number, "sum"), what)
