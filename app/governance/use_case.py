"""A bot's use case: what it is for and may do, as its seats approve it, and what goes beyond that (DESIGN.md).

It is worked out from the rules, so that it says no less than they do. What is approved is compared with what is in
force wherever the bot asks: what is narrower than the approval needs none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from app.domain.plan import merge
from app.domain.request import Reversibility, Risk
from app.domain.verdict import AskFacts, Outcome, Verdict, denied
from app.governance.catalogue import Action, Bot, covers
from app.governance.compiling import CompiledRule
from app.governance.differences import listed, moved, quoted
from app.governance.policy import Policy

LONGEST = timedelta(days=366)
"""After its approval a use case is reviewed within this time."""

NOT_APPROVED = "use-case-not-approved"
ASK = "People ask for it by interlock.use_cases.approve."

_CHOICE = re.compile(r"\|\||[?!]")
_ONLY = re.compile(r"""(action\.name|bot\.id)\s*==\s*(?:"([^"\\]*)"|'([^'\\]*)')""")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a bot is for, and what it may do.

    ``data``: the classes that it names, and those of its actions. ``reads``: its actions that nobody is asked about
    because they only read; ``rules``: name and condition of each that may let another of its actions run without a
    person. Together these two are its autonomy.
    """

    title: str
    purpose: str | None
    data: tuple[str, ...]
    entitlements: tuple[str, ...]
    model: Mapping[str, Any] | None
    reads: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """As it is stored, and told over the API."""
        lists = {name: list(getattr(self, name)) for name in ("data", "entitlements", "reads")}
        rules = [{"rule": name, "when": when} for name, when in self.rules]
        model = None if self.model is None else dict(self.model)
        return {**asdict(self), **lists, "model": model, "rules": rules}

    @property
    def conditions(self) -> frozenset[str]:
        """Those of its rules: under which name one stands does not matter."""
        return frozenset(when for _, when in self.rules)


def from_json(stored: Mapping[str, Any]) -> Statement:
    """What `Statement.as_json` gave."""
    return Statement(
        title=stored["title"],
        purpose=stored["purpose"],
        data=tuple(stored["data"]),
        entitlements=tuple(stored["entitlements"]),
        model=stored["model"],
        reads=tuple(stored["reads"]),
        rules=tuple((rule["rule"], rule["when"]) for rule in stored["rules"]),
    )


@dataclass(frozen=True, slots=True)
class Approved:
    """What people have approved of a bot, and the last day on which it holds."""

    statement: Statement
    review_by: date

    def overdue(self, now: datetime) -> bool:
        """True after that day, as UTC counts days."""
        return now.date() > self.review_by


def statement(policy: Policy, bot: Bot) -> Statement:
    """What the rules say of a bot."""
    actions = [action for action in policy.actions.values() if policy.entitled(bot.id, action.name)]
    held = {action.name for action in actions if not _reads(action)}
    return Statement(
        title=bot.title,
        purpose=bot.purpose,
        data=tuple(sorted({*bot.data, *(data for action in actions for data in action.data)})),
        entitlements=tuple(sorted(set(bot.entitlements))),
        model=bot.model,
        reads=tuple(sorted(action.name for action in actions if _reads(action) and action.risk is not Risk.CRITICAL)),
        rules=tuple(
            sorted(
                (rule.name, rule.condition.source)
                for rule in policy.rules
                if rule.outcome is Outcome.ALLOW and _may_speak(rule, bot.id, held)
            )
        ),
    )


def _reads(action: Action) -> bool:
    return action.reversibility is Reversibility.READ_ONLY


def _may_speak(rule: CompiledRule, bot: str, actions: Collection[str]) -> bool:
    """False only where all of its condition must hold, and part of that names another bot or another action.

    To leave one out too many loosens nothing: what is not approved lets nothing run.
    """
    source = rule.condition.source
    if _CHOICE.search(source):
        return True
    known = {"action.name": actions, "bot.id": (bot,)}
    return all((one or other) in known[fact] for fact, one, other in _ONLY.findall(source))


def stopped(bot: Bot, approved: Approved | None, now: datetime) -> str | None:
    """Why a bot may ask for nothing; None when it may ask for what its approval covers."""
    if approved is None:
        return f"The use case of {bot.id} is not approved. {ASK}"
    said = approved.statement
    if approved.overdue(now):
        return f"The use case of {bot.id} was to be reviewed by {approved.review_by}: it must be approved anew. {ASK}"
    if bot.purpose != said.purpose:
        return f"{bot.id} has another purpose now than the one that is approved. {ASK}"
    if more := sorted(set(bot.data) - set(said.data)):
        return f"{bot.id} works with data that is not in its approved use case: {listed(more)}. {ASK}"
    if said.model is not None and bot.model != said.model:
        return f"{bot.id} has another model now than the one that is approved. {ASK}"
    return None


def beyond(action: Action, approved: Approved) -> str | None:
    """Why a bot may not ask for this action, though it may for others."""
    said = approved.statement
    if not any(covers(pattern, action.name) for pattern in said.entitlements):
        return f"{action.name} is not in the approved use case. {ASK}"
    if more := sorted(set(action.data) - set(said.data)):
        return f"{action.name} works with data that is not in the approved use case: {listed(more)}. {ASK}"
    return None


def supervised(policy: Policy, facts: AskFacts, verdict: Verdict, approved: Approved | None) -> Verdict:
    """The verdict of the rules; but what only an unapproved autonomy lets run waits for people, as if no rule spoke."""
    if verdict.outcome is not Outcome.ALLOW:
        return verdict
    action = policy.action(facts.action)
    if approved is not None and _unheld(policy, action, verdict, approved.statement):
        return verdict
    if action.default_plan is None:
        why = f"That {action.name} runs without a person is not in the approved use case. {ASK}"
        return denied(NOT_APPROVED, why, verdict.rules)
    plan = policy.plan(action.default_plan)
    why = f"Held under the plan {plan.name}: that it runs without a person is not in the approved use case."
    return Verdict(Outcome.HOLD, "default-plan", why, verdict.rules, merge([plan]))


def _unheld(policy: Policy, action: Action, verdict: Verdict, approved: Statement) -> bool:
    if _reads(action) and action.name in approved.reads:
        return True
    conditions = {rule.name: rule.condition.source for rule in policy.rules}
    return any(conditions[match.name] in approved.conditions for match in verdict.rules)


def missing(now: Statement, approved: Statement) -> list[str]:
    """What a statement says beyond an approved one, a sentence each; empty: it is within that."""
    found = []
    if now.purpose != approved.purpose:
        found.append(f"purpose: {_said(now.purpose)}, approved is {_said(approved.purpose)}")
    if approved.model is not None and now.model != approved.model:
        found.append(f"model: {_model(now.model)}, approved is {_model(approved.model)}")
    entitled = [one for one in now.entitlements if not any(covers(pattern, one) for pattern in approved.entitlements)]
    more = {
        "data": sorted(set(now.data) - set(approved.data)),
        "entitlements": entitled,
        "reads without being held": sorted(set(now.reads) - set(approved.reads)),
    }
    found += [f"{what}: {listed(names)}" for what, names in more.items() if names]
    return found + [_by_rule(name, when) for name, when in now.rules if when not in approved.conditions]


def in_words(now: Statement, before: Statement | None) -> list[str]:
    """A statement, a sentence for each part, and how it differs from the one that was approved before."""
    was = None if before is None else (before.purpose, before.model)
    other = None if was is None or was[0] == now.purpose else _said(was[0])
    found = [f"purpose: {_said(now.purpose)}{_instead(other)}"]
    other = None if was is None or was[1] == now.model else _model(was[1])
    found.append(f"model: {_model(now.model)}{_instead(other)}")
    for what, name in (("data", "data"), ("entitled to", "entitlements"), ("reads without being held", "reads")):
        old = None if before is None else getattr(before, name)
        found.append(f"{what}: {listed(getattr(now, name)) or 'nothing'}{_moved(old, getattr(now, name))}")
    known = now.conditions if before is None else before.conditions
    rules = [_by_rule(name, when) + ("" if when in known else " (new)") for name, when in now.rules]
    return found + (rules or ["all else waits for people"])


def _by_rule(name: str, when: str) -> str:
    return f"runs without a person by the rule {name}: when {quoted(when)}"


def _said(purpose: str | None) -> str:
    return "none" if purpose is None else quoted(purpose)


def _model(model: Mapping[str, Any] | None) -> str:
    return "any" if model is None else quoted(model)


def _instead(old: str | None) -> str:
    return "" if old is None else f" (approved is {old})"


def _moved(old: Iterable[str] | None, new: Iterable[str]) -> str:
    came, went = moved(new if old is None else old, new)
    said = [f"{word}: {listed(names)}" for word, names in (("new", came), ("no longer", went)) if names]
    return f" ({'; '.join(said)})" if said else ""
