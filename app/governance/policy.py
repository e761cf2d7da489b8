"""The compiled policy: immutable, safe to share between threads, and without a store or a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from app.domain.errors import OffSchema, UnknownAction
from app.domain.plan import PlanRule, merge
from app.domain.request import Reversibility, Risk
from app.domain.spans import BusinessSpan, by_the_wall
from app.domain.subjects import subject
from app.domain.verdict import AskFacts, Outcome, RuleMatch, Verdict, combine
from app.governance.built_in import ADMINISTRATORS, AUDITORS, BUSINESS, EXCEPTIONS, GROUP, OWN, SECURITY, plan_of
from app.governance.catalogue import Action, Bot, CompiledAction, Group, Target, Window, covers
from app.governance.cel import Condition, Scope, ValueExpression, compile_condition
from app.governance.compiling import (
    CompiledRule,
    actions_of,
    bots_of,
    groups_of,
    plans_of,
    read_document,
    rules_of,
    scope_of,
    targets_of,
    windows_of,
)
from app.governance.errors import RuleError
from app.governance.scopes import ROLLBACK_SCOPE, VALUE_SCOPE, ask, worst
from app.governance.separation import cool_down_of
from app.governance.version import swap_persons, version_of

__all__ = ["Policy", "compile_policy", "swap_persons", "version_of"]

MAX_KEY = 255
_OFFICES = {ADMINISTRATORS: "administer", AUDITORS: "audit"}
"""Built-in groups by what the groups of the files may."""


def compile_policy(document: Mapping[str, Any], version: str, *, pids: Mapping[str, str] | None = None) -> Policy:
    """The policy of a document that names persons by id (`app.governance.files.Governance.document`).

    ``pids``: persons as the versions of actions name them; an action's version goes into digests and the ledger, which
    hold no person's id. Raises `GovernanceInvalid` for a document that this version of Interlock cannot compile.
    """
    known = read_document(document, version)
    plans, scope = plans_of(known), scope_of(known)
    compiled = actions_of(known, pids)
    return Policy(
        version=version,
        actions=MappingProxyType({name: one.action for name, one in compiled.items()}),
        bots=MappingProxyType(bots_of(known)),
        targets=MappingProxyType(targets_of(known)),
        groups=MappingProxyType(groups_of(known)),
        plans=MappingProxyType(plans),
        all_windows=windows_of(known),
        rules=rules_of(known, plans, scope),
        scope=scope,
        compiled=MappingProxyType(compiled),
        cool_down=cool_down_of(known),
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of catalogue and rules. Actions, bots and plans that it does not have: `UnknownAction`, KeyError."""

    version: str
    actions: Mapping[str, Action]
    bots: Mapping[str, Bot]
    targets: Mapping[str, Target]
    groups: Mapping[str, Group]
    plans: Mapping[str, PlanRule]
    all_windows: tuple[Window, ...]
    rules: tuple[CompiledRule, ...]
    scope: Scope
    compiled: Mapping[str, CompiledAction]
    cool_down: timedelta

    def action(self, name: str) -> Action:
        """An action. Raises `UnknownAction`."""
        return self._compiled(name).action

    def find(self, name: str) -> Action | None:
        """An action of the catalogue, or one that is built in; None when there is neither."""
        known = self.compiled.get(name) or OWN.get(name)
        return None if known is None else known.action

    def plan(self, name: str) -> PlanRule:
        """A plan. Raises KeyError."""
        return self.plans[name]

    def entitled(self, bot_id: str, action_name: str) -> bool:
        """True when the bot is known, the action is, and an entitlement of the bot covers it."""
        bot = self.bots.get(bot_id)
        return bot is not None and action_name in self.actions and _entitled(bot, action_name)

    def end_of(self, group: str, begins: datetime, span: BusinessSpan) -> datetime:
        """When a span of business time is over by a group's calendar; by the wall clock where there is none."""
        known = self.groups.get(group)
        calendar = None if known is None else known.calendar
        return by_the_wall(group, begins, span) if calendar is None else calendar.end(begins, span)

    def members(self, group: str) -> frozenset[str]:
        """The persons of a group, built-in ones too; of one that is not there, nobody."""
        known = self.groups.get(group)
        if known is not None:
            return known.members
        if group in _OFFICES:
            return self.groups_that_may(_OFFICES[group])
        kind, _, bot = group.rpartition(":")
        if kind == EXCEPTIONS:
            return self.seat(bot, None, "exceptions")
        if kind == BUSINESS:
            return self.seat(bot, None, "business")
        if kind == SECURITY:
            return self._resumers(bot)
        name, _, bot = group.removeprefix(GROUP).partition(":")
        return self._resumers(bot or None) if group.startswith(GROUP) and not name else frozenset()

    def _resumers(self, bot_id: str | None) -> frozenset[str]:
        """Who may let a bot, or the installation, go on: security seats and administrators."""
        return self.groups_that_may("administer") | self.security(bot_id)

    def security(self, bot_id: str | None) -> frozenset[str]:
        """The holders of a bot's security seat; without a bot, of any."""
        bots = [bot for bot in self.bots.values() if bot_id in (None, bot.id)]
        return frozenset().union(*(self.seat(bot.id, None, "security") for bot in bots))

    def seat(self, bot_id: str | None, action_name: str | None, seat: str) -> frozenset[str]:
        """The persons who hold a seat: the action's holder where it names one, else the bot's."""
        bot = None if bot_id is None else self.bots.get(bot_id)
        action = None if action_name is None else self.actions.get(action_name)
        holder = (action.owners.get(seat) if action else None) or (bot.owners.get(seat) if bot else None)
        return frozenset() if holder is None else self._holders(holder)

    def _holders(self, holder: str) -> frozenset[str]:
        group = holder.removeprefix("group:")
        return frozenset({holder}) if group == holder else self.members(group)

    def groups_that_may(self, what: str) -> frozenset[str]:
        """The persons in groups that may respond, audit or administer."""
        return frozenset().union(*(group.members for group in self.groups.values() if what in group.may))

    def responders(self, bot_id: str | None = None) -> frozenset[str]:
        """Who holds the `incident` seat of a bot or of an action that it is entitled to, or may respond by a group.

        Without a bot: holders of any incident seat.
        """
        bots = [bot for bot in self.bots.values() if bot_id in (None, bot.id)]
        actions = [
            action
            for action in self.actions.values()
            if bot_id is None or any(_entitled(bot, action.name) for bot in bots)
        ]
        seats = [bot.owners for bot in bots] + [action.owners for action in actions]
        held = [self._holders(owners["incident"]) for owners in seats if "incident" in owners]
        return self.groups_that_may("respond").union(*held)

    def may(self, person_id: str, what: str) -> bool:
        """True when a person may ``respond``, ``audit`` or ``administer`` somewhere."""
        return person_id in (self.responders() if what == "respond" else self.groups_that_may(what))

    def check_parameters(self, action: Action, parameters: Any) -> None:
        """Raises `OffSchema` with the path of the first deviation."""
        self._compiled(action.name).schema.check(parameters)

    def windows(self, action: Action) -> tuple[Window, ...]:
        """The windows that cover an action."""
        return tuple(window for window in self.all_windows if covers(window.action, action.name))

    def model_changed(self, bot_id: str, context: Mapping[str, Any]) -> bool:
        """True when the request names a model that is not the bot's approved one.

        The approved one goes by ``name`` or ``name@version``, each also after ``provider/``. No model in the request,
        or none approved: false, there is nothing to compare.
        """
        bot, said = self.bots.get(bot_id), context.get("model")
        if bot is None or bot.model is None or said is None:
            return False
        return not isinstance(said, str) or said not in _spellings(bot.model)

    def verdict(self, facts: AskFacts) -> Verdict:
        """What the policy says of an ask: all rules evaluated, an erring one denies. Raises `UnknownAction`.

        A read_only action is judged by its own class, anything else by the chain's worst.
        """
        action = self.action(facts.action)
        changed = self.model_changed(facts.bot, facts.context)
        reads = action.reversibility is Reversibility.READ_ONLY
        risk, reversibility = (action.risk, action.reversibility) if reads else worst(facts, action)
        must_hold = risk is Risk.CRITICAL or (changed and risk >= Risk.MODERATE)
        default = action.default_plan if must_hold or not reads else None
        return combine(
            list(self._matches(facts, action, model_changed=changed, rules=self.rules)),
            default=None if default is None else self.plans[default],
            risk=risk,
            reversibility=reversibility,
            model_changed=changed,
        )

    def open_to_permissions(self, facts: AskFacts) -> bool:
        """True when a standing permission may speak of an ask, by the worst of its chain. Raises `UnknownAction`.

        Never of what is critical or irreversible, nor of moderate risk or higher by a model that was not approved.
        """
        risk, reversibility = worst(facts, self.action(facts.action))
        if risk is Risk.CRITICAL or reversibility is Reversibility.IRREVERSIBLE:
            return False
        return risk < Risk.MODERATE or not self.model_changed(facts.bot, facts.context)

    def permits(self, when: str, facts: AskFacts) -> bool:
        """Whether a standing permission's condition is true. Raises `RuleError`, `ExpressionInvalid`."""
        changed = self.model_changed(facts.bot, facts.context)
        named = ask(facts, self.action(facts.action), self.bots.get(facts.bot), model_changed=changed)
        return _condition(when, self.scope).holds(self.scope.bind(named))

    def change_verdict(self, facts: AskFacts, bot_id: str | None) -> Verdict:
        """What holds for a change of Interlock itself: its built-in plan, tightened by rules that name such actions.

        Other rules do not see it: written for the bots' actions, they would err on it, and nobody could mend them.
        """
        action, own = self._compiled(facts.action).action, plan_of(facts.action, bot_id)
        speaking = [rule for rule in self.rules if rule.of_changes]
        matches = list(self._matches(facts, action, model_changed=False, rules=speaking)) if speaking else []
        verdict = combine(matches, default=own, risk=Risk.CRITICAL, reversibility=action.reversibility)
        if verdict.plan is None:
            return verdict
        plan = replace(merge([own, verdict.plan]), fallback=())  # a fallback would let others into the built-in stage
        return replace(verdict, plan=plan)

    def _matches(
        self, facts: AskFacts, action: Action, *, model_changed: bool, rules: Sequence[CompiledRule]
    ) -> Iterator[RuleMatch]:
        named = ask(facts, action, self.bots.get(facts.bot), model_changed=model_changed)
        try:
            bound = self.scope.bind(named)
        except RuleError as error:
            yield from (_erred(rule, error) for rule in rules)
            return
        for rule in rules:
            try:
                if rule.condition.holds(bound):
                    yield RuleMatch(rule.name, rule.outcome, rule.plan, rule.sentence)
            except RuleError as error:
                yield _erred(rule, error)

    def beneficiaries(self, facts: AskFacts) -> frozenset[str]:
        """Payees, recipients, grantees as subjects in their one spelling. Raises `RuleError`, `UnknownAction`."""
        value = self._value(facts, self._compiled(facts.action).beneficiary)
        try:
            return frozenset(subject(text) for text in ([value] if isinstance(value, str) else value or ()))
        except (ValueError, TypeError) as error:
            raise RuleError("the beneficiary is not a subject, a list of subjects or null") from error

    def conflict_key(self, facts: AskFacts) -> str | None:
        """What must not be acted on twice at once. Raises `RuleError`, `UnknownAction`."""
        value = self._value(facts, self._compiled(facts.action).conflict_key)
        if value is None or (isinstance(value, str) and 0 < len(value) <= MAX_KEY):
            return value
        raise RuleError(f"the conflict key is not a string of 1 to {MAX_KEY} characters or null")

    def value_at_risk(self, facts: AskFacts) -> int | float | None:
        """What is at stake, in what the catalogue counts; it decides nothing. Raises `RuleError`, `UnknownAction`."""
        value = self._value(facts, self._compiled(facts.action).value_at_risk)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise RuleError("the value at risk is not a number or null")

    def rollback_parameters(
        self, action_name: str, parameters: Mapping[str, Any], *, status: str, result: Any
    ) -> dict[str, Any]:
        """The parameters that undo an action, checked against the compensating action's schema.

        Raises `RuleError`: what it needs is absent; `OffSchema`; `UnknownAction`: nothing undoes it.
        """
        one = self._compiled(action_name)
        if one.action.rollback is None or one.rollback_parameters is None:
            raise UnknownAction(f"The action {action_name} has no rollback.", where="action")
        known = {"parameters": parameters, "outcome.status": status}
        try:
            bound = ROLLBACK_SCOPE.bind({**known, "outcome.result": result})
        except RuleError:  # an answer that CEL cannot take is not there: an expression that reads it errs, by name
            bound = ROLLBACK_SCOPE.bind(known)
        try:
            value = one.rollback_parameters.of(bound)
        except RuleError as error:
            raise RuleError(f"{error}{'' if result is not None else '; outcome.result is null'}") from error
        if not isinstance(value, dict):
            raise OffSchema("The rollback's parameters are not a map.", where="parameters")
        self._compiled(one.action.rollback.action).schema.check(value)
        return value

    def _value(self, facts: AskFacts, expression: ValueExpression | None) -> Any:
        if expression is None:
            return None
        changed = self.model_changed(facts.bot, facts.context)
        named = ask(facts, self.action(facts.action), self.bots.get(facts.bot), model_changed=changed)
        return expression.of(VALUE_SCOPE.bind(named))

    def _compiled(self, name: str) -> CompiledAction:
        known = self.compiled.get(name) or OWN.get(name)
        if known is None:
            raise UnknownAction(f"The catalogue has no action {name!r:.80}.", where="action")
        return known


@lru_cache(maxsize=256)
def _condition(when: str, scope: Scope) -> Condition:
    return compile_condition(when, scope)


def _entitled(bot: Bot, action_name: str) -> bool:
    return any(covers(pattern, action_name) for pattern in bot.entitlements)


def _spellings(model: Mapping[str, Any]) -> frozenset[str]:
    names = {model["name"]}
    if "version" in model:
        names.add(f"{model['name']}@{model['version']}")
    if "provider" in model:
        names |= {f"{model['provider']}/{name}" for name in names}
    return frozenset(names)


def _erred(rule: CompiledRule, error: RuleError) -> RuleMatch:
    return RuleMatch(rule.name, Outcome.DENY, sentence=str(error), error=True)
