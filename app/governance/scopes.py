"""What expressions see, and the facts of one ask in that form (DESIGN.md section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.domain.request import Reversibility, Risk, word
from app.domain.verdict import AskFacts
from app.governance.catalogue import Action, Bot
from app.governance.cel import ANY, INTEGER, MOMENT, OBJECT, TEXT, TEXTS, TRUTH, Scope

_ASK = {
    "action.name": TEXT,
    "action.risk": TEXT,
    "action.reversibility": TEXT,
    "action.data": TEXTS,
    "parameters": OBJECT,
    "bot.id": TEXT,
    "bot.model": ANY,
    "bot.model_changed": TRUTH,
    "on_behalf_of": ANY,
    "triggered_by": ANY,
    "context": OBJECT,
    "chain.risk": TEXT,
    "chain.reversibility": TEXT,
    "chain.length": INTEGER,
    "now": MOMENT,
    "environment": TEXT,
}

VALUE_SCOPE = Scope(_ASK)
"""Of ``beneficiary``, ``conflict_key``, ``value_at_risk``: all of an ask but the windows, counted after them."""

ROLLBACK_SCOPE = Scope({"parameters": OBJECT, "outcome.status": TEXT, "outcome.result": ANY})
"""Of ``rollback.parameters``: the original's parameters and outcome."""

WORDS = {
    "risk": frozenset(word(risk) for risk in Risk),
    "reversibility": frozenset(word(kind) for kind in Reversibility),
}
"""The only values of action.risk, chain.risk, action.reversibility, chain.reversibility."""


def rule_scope(windows: Iterable[str]) -> Scope:
    """Of a rule's ``when``: the ask, and each declared window by name."""
    return Scope(_ASK | {f"windows.{name}": INTEGER for name in windows})


def worst(facts: AskFacts, action: Action) -> tuple[Risk, Reversibility]:
    """The highest risk and the worst reversibility of the chain with this action at its end."""
    return max(facts.chain_risk, action.risk), max(facts.chain_reversibility, action.reversibility)


def ask(facts: AskFacts, action: Action, bot: Bot | None, *, model_changed: bool) -> Mapping[str, Any]:
    """The facts by the names of a scope. A window without a figure is left out: reading it is an error."""
    risk, reversibility = worst(facts, action)
    return {
        "action.name": action.name,
        "action.risk": word(action.risk),
        "action.reversibility": word(action.reversibility),
        "action.data": action.data,
        "parameters": facts.parameters,
        "bot.id": facts.bot,
        "bot.model": None if bot is None else bot.model,
        "bot.model_changed": model_changed,
        "on_behalf_of": facts.on_behalf_of,
        "triggered_by": facts.triggered_by,
        "context": facts.context,
        "chain.risk": word(risk),
        "chain.reversibility": word(reversibility),
        "chain.length": facts.chain_length,
        "now": facts.now,
        "environment": facts.environment,
        **{f"windows.{name}": figure for name, figure in facts.windows.items()},
    }
