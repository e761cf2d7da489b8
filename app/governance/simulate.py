"""A draft judged over asks that there were: which verdicts and plans would be others, with counts.

Nothing is read or written here. What only the moment knew is left out: stops, conflicts, who was in which group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.errors import OffSchema
from app.domain.plan import PlanRule
from app.domain.request import Level, Reversibility, Risk, word
from app.domain.verdict import AskFacts, Outcome, RuleMatch, Verdict, denied
from app.governance.catalogue import Window
from app.governance.errors import RuleError
from app.governance.policy import Policy
from app.governance.rolling import Rolling

LISTED = 100
"""How many changed asks are told one by one."""

LOOKS_UP = 64
"""Asks between two looks at whether to go on."""

Chain = tuple[Risk, Reversibility, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """One ask. ``ref``: a request's id, or a line.

    ``recorded``: figures of windows as they were at admission. ``counts``: windows count it if it was not denied.
    ``judged``: False for what came before the time in question, and only windows and chains still know of.
    """

    ref: str
    action: str
    parameters: Mapping[str, Any]
    bot: str
    at: datetime
    environment: str
    on_behalf_of: str | None = None
    triggered_by: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    recorded: Mapping[Window, int] = field(default_factory=dict)
    counts: bool = True
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one governance says of an ask."""

    outcome: Outcome
    code: str
    plan: PlanRule | None
    rules: tuple[RuleMatch, ...]

    def same_as(self, other: Ruling) -> bool:
        """True when as much is asked."""
        return (self.outcome, self.plan) == (other.outcome, other.plan)

    def as_json(self) -> dict[str, Any]:
        """As it is told."""
        plan = None if self.plan is None else in_words(self.plan)
        return {"outcome": self.outcome.value, "code": self.code, "plan": plan}


def in_words(plan: PlanRule) -> str:
    """``lead (1 of support-leads, 2 of finance by login)``."""
    stages = (
        f"{stage.quorum} of {stage.group}" + (f" by {word(stage.level)}" if stage.level > Level.CLICK else "")
        for stage in plan.stages
    )
    return f"{plan.name} ({', '.join(stages)})"


class _Shapes:
    """Whether parameters fit: asked once for both governances where the schema is the same."""

    def __init__(self, in_force: Policy, draft: Policy) -> None:
        both = in_force.actions.keys() & draft.actions.keys()
        self._alike = {name for name in both if in_force.actions[name].parameters == draft.actions[name].parameters}
        self._last: tuple[Asked, str | None] | None = None

    def refusal(self, policy: Policy, asked: Asked) -> str | None:
        """Why they do not; None when they do."""
        if self._last is None or self._last[0] is not asked or asked.action not in self._alike:
            self._last = asked, self._checked(policy, asked)
        return self._last[1]

    def _checked(self, policy: Policy, asked: Asked) -> str | None:
        try:
            policy.check_parameters(policy.action(asked.action), asked.parameters)
        except OffSchema as error:
            return str(error)
        return None


class _Judge:
    """One governance, ask after ask in their order. ``outside``: chains of parents that are not among the asks."""

    def __init__(self, policy: Policy, shapes: _Shapes, outside: Mapping[str, Chain]) -> None:
        self.policy = policy
        self._shapes = shapes
        self._chains: dict[str, Chain] = dict(outside)
        self._rolling = Rolling(policy)

    def passed(self, asked: Asked) -> None:
        """Something that is not judged any more."""
        self._end_of_chain(asked)
        if asked.counts:
            self._rolling.add(asked.action, asked.parameters, asked.bot, asked.on_behalf_of, asked.at)

    def ruling(self, asked: Asked) -> Ruling:
        """What it says of this ask, which then counts for the next."""
        verdict = self._verdict(asked)
        self._end_of_chain(asked)
        if asked.counts and verdict.outcome is not Outcome.DENY:
            self._rolling.add(asked.action, asked.parameters, asked.bot, asked.on_behalf_of, asked.at)
        return Ruling(verdict.outcome, verdict.code, verdict.plan, verdict.rules)

    def _verdict(self, asked: Asked) -> Verdict:
        policy = self.policy
        if not policy.entitled(asked.bot, asked.action):
            return denied("not-entitled", f"{asked.bot} may not ask for {asked.action}.")
        action, refusal = policy.action(asked.action), self._shapes.refusal(policy, asked)
        if refusal is not None:
            return denied("off-schema", refusal)
        if action.on_behalf_of_required and asked.on_behalf_of is None:
            return denied("off-schema", f"{asked.action} must say on whose behalf it is asked.")
        facts = self._facts(asked)
        return self._expressions(facts) or policy.verdict(facts)

    def _expressions(self, facts: AskFacts) -> Verdict | None:
        """A beneficiary or conflict key that errs denies, as a rule does."""
        for name, of in (("beneficiary", self.policy.beneficiaries), ("conflict_key", self.policy.conflict_key)):
            try:
                of(facts)
            except RuleError as error:
                erred = RuleMatch(f"{facts.action}: {name}", Outcome.DENY, sentence=str(error), error=True)
                return denied("rule-error", str(error), [erred])
        return None

    def _facts(self, asked: Asked) -> AskFacts:
        windows = self.policy.windows(self.policy.action(asked.action))
        figures = {
            window.name: asked.recorded[window]
            if window in asked.recorded
            else self._rolling.figure(window, asked.action, asked.bot, asked.on_behalf_of, asked.at)
            for window in windows
        }
        risk, reversibility, length = self._parent_of(asked)
        return AskFacts(
            action=asked.action,
            parameters=asked.parameters,
            bot=asked.bot,
            now=asked.at,
            environment=asked.environment,
            on_behalf_of=asked.on_behalf_of,
            triggered_by=asked.triggered_by,
            context=asked.context,
            chain_risk=risk,
            chain_reversibility=reversibility,
            chain_length=length + 1,
            windows=figures,
        )

    def _parent_of(self, asked: Asked) -> Chain:
        nothing = (Risk.LOW, Reversibility.READ_ONLY, 0)
        return nothing if asked.parent is None else self._chains.get(asked.parent, nothing)

    def _end_of_chain(self, asked: Asked) -> None:
        risk, reversibility, length = self._parent_of(asked)
        own = self.policy.find(asked.action)
        if own is not None:
            risk, reversibility = max(risk, own.risk), max(reversibility, own.reversibility)
        self._chains[asked.ref] = (risk, reversibility, length + 1)


@dataclass(slots=True)
class Tally:
    """What came of it. ``complete``: False when there was no time to judge all."""

    total: int = 0
    unchanged: int = 0
    complete: bool = True
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    plans: Counter[tuple[str, str]] = field(default_factory=Counter)
    actions: dict[str, Counter[str]] = field(default_factory=dict)
    rules: dict[str, Counter[str]] = field(default_factory=dict)
    changed: list[dict[str, Any]] = field(default_factory=list)

    def add(self, asked: Asked, before: Ruling, after: Ruling) -> None:
        """One ask under both."""
        self.total += 1
        self.outcomes[before.outcome.value, after.outcome.value] += 1
        counts = self.actions.setdefault(asked.action, Counter())
        counts.update(("total", f"before {before.outcome}", f"after {after.outcome}"))
        self._rules("before", before.rules)
        self._rules("after", after.rules)
        if before.same_as(after):
            self.unchanged += 1
            return
        counts["changed"] += 1
        if before.plan is not None and after.plan is not None:
            self.plans[self._plans(before.plan, after.plan)] += 1
        told = {"ref": asked.ref, "action": asked.action}
        self.changed.append({**told, "before": before.as_json(), "after": after.as_json()})

    def _rules(self, side: str, rules: Iterable[RuleMatch]) -> None:
        for rule in rules:
            self.rules.setdefault(rule.name, Counter())[f"{side} {'erred' if rule.error else 'matched'}"] += 1

    def _plans(self, before: PlanRule, after: PlanRule) -> tuple[str, str]:
        old, new = in_words(before), in_words(after)
        return (old, new) if old != new else (old, f"{new} with other terms")

    def as_json(self) -> dict[str, Any]:
        """As the API and the command line tell it."""
        return {
            "total": self.total,
            "unchanged": self.unchanged,
            "changed": self.total - self.unchanged,
            "complete": self.complete,
            "outcomes": _pairs(self.outcomes),
            "plans": _pairs(self.plans),
            "actions": [_of_action(name, counts) for name, counts in sorted(self.actions.items())],
            "rules": [_of_rule(name, counts) for name, counts in sorted(self.rules.items())],
            "asks": self.changed[:LISTED],
        }


def _pairs(found: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"before": old, "after": new, "count": count} for (old, new), count in sorted(found.items())]


def _of_action(name: str, counts: Counter[str]) -> dict[str, Any]:
    sides = {side: {one.value: counts[f"{side} {one}"] for one in Outcome} for side in ("before", "after")}
    return {"action": name, "total": counts["total"], "changed": counts["changed"], **sides}


def _of_rule(name: str, counts: Counter[str]) -> dict[str, Any]:
    sides = {side: {what: counts[f"{side} {what}"] for what in ("matched", "erred")} for side in ("before", "after")}
    return {"rule": name, **sides}


def simulate(
    in_force: Policy,
    draft: Policy,
    asks: Iterable[Asked],
    *,
    outside: Mapping[str, Chain] | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Tally:
    """Every ask under both, at its own time, oldest first. ``go_on``: asked now and then; False ends it there."""
    shapes, tally = _Shapes(in_force, draft), Tally()
    before, after = (_Judge(policy, shapes, outside or {}) for policy in (in_force, draft))
    for number, asked in enumerate(sorted(asks, key=lambda one: one.at)):
        if number % LOOKS_UP == 0 and not go_on():
            tally.complete = False
            break
        if asked.judged:
            tally.add(asked, before.ruling(asked), after.ruling(asked))
        else:
            before.passed(asked)
            after.passed(asked)
    return tally
