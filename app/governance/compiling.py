"""A document to its compiled parts. The document may come from the files or from a stored version."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from app.domain.budget import Budget, Counts
from app.domain.clocks import duration
from app.domain.digest import sha256
from app.domain.errors import Finding, GovernanceInvalid
from app.domain.glass import Glass
from app.domain.plan import PlanRule, StageRule
from app.domain.request import Level, Mode, Reversibility, Risk
from app.domain.spans import BusinessSpan, span, united
from app.domain.verdict import Outcome
from app.governance import models
from app.governance.built_in import PREFIX
from app.governance.calendars import DAYS, Calendar
from app.governance.catalogue import (
    Action,
    Bot,
    BotWebhook,
    CompiledAction,
    Errand,
    Group,
    RollbackRule,
    Target,
    Window,
)
from app.governance.cel import Condition, Returns, Scope, ValueExpression, compile_condition, compile_value
from app.governance.entries import Known, fit
from app.governance.errors import ExpressionInvalid
from app.governance.models_temporal import Temporal
from app.governance.schemas import ParameterSchema, sensitive_paths
from app.governance.scopes import ROLLBACK_SCOPE, VALUE_SCOPE, rule_scope
from app.governance.tree import document_tree
from app.governance.version import swap_owners


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule: its condition, and what it says when that holds. ``of_changes``: it names Interlock's own actions."""

    name: str
    condition: Condition
    outcome: Outcome
    plan: PlanRule | None
    sentence: str | None
    of_changes: bool = False


def read_document(document: Mapping[str, Any], version: str) -> Known:
    """The document's entries. Raises `GovernanceInvalid` for one that this version of Interlock cannot read."""
    tree = document_tree(document, f"policy {version}")
    known, findings = fit(tree)
    if tree.findings or findings:
        raise GovernanceInvalid([*tree.findings, *findings])
    return known


def groups_of(known: Known) -> dict[str, Group]:
    """Groups by name."""
    return {
        group.name: Group(
            name=group.name,
            members=frozenset(group.members),
            may=frozenset(group.may),
            slack_channel=group.slack_channel,
            calendar=None if group.calendar is None else calendar_of(group.calendar),
        )
        for _, group in known.of("groups", models.Group)
    }


def calendar_of(model: models.Calendar) -> Calendar:
    """A calendar of the files."""
    opens, closes = (_since_midnight(clock) for clock in model.hours.split("-"))
    holidays = model.holidays
    return Calendar(
        zone=model.time_zone,
        opens=opens,
        closes=closes,
        days=frozenset(map(DAYS.index, model.days)),
        country=None if holidays is None else holidays.country,
        subdivision=None if holidays is None else holidays.subdivision,
        closed=frozenset(map(date.fromisoformat, model.closed)),
    )


def _since_midnight(clock: str) -> timedelta:
    hours, minutes = map(int, clock.split(":"))
    return timedelta(hours=hours, minutes=minutes)


def targets_of(known: Known) -> dict[str, Target]:
    """Targets by name."""
    return {
        target.name: Target(
            name=target.name,
            url=target.url,
            audience=target.audience,
            hosts=frozenset(host.lower() for host in target.hosts),
            private=target.private,
            clients=tuple(target.clients),
        )
        for _, target in known.of("targets", models.Target)
    }


def bots_of(known: Known) -> dict[str, Bot]:
    """Bots by id."""
    return {
        bot.id: Bot(
            id=bot.id,
            title=bot.title or bot.id,
            model=None if bot.model is None else bot.model.model_dump(exclude_none=True),
            entitlements=tuple(bot.entitlements),
            deployed_by=bot.deployed_by,
            owners=bot.owners.seats(),
            budgets=tuple(_budget(budget) for budget in bot.budgets),
            review=bot.review.terms(),
            webhook=None if bot.webhook is None else BotWebhook(bot.webhook.url, bot.webhook.private),
            **_use_case(bot.use_case),
        )
        for _, bot in known.of("bots", models.Bot)
    }


def _use_case(case: models.UseCase | None) -> dict[str, Any]:
    if case is None:
        return {}
    return {"purpose": case.purpose, "data": tuple(case.data), "review_by": case.review_by}


def _budget(budget: models.Budget) -> Budget:
    return Budget(
        name=budget.name,
        action=budget.action,
        counts=Counts.AMOUNT if budget.count is None else Counts(budget.count),
        parameter=None if budget.sum is None else budget.sum.removeprefix("parameters."),
        at_most=budget.at_most,
        over=None if budget.over is None else duration(budget.over),
    )


def plans_of(known: Known) -> dict[str, PlanRule]:
    """Plans by name."""
    return {
        entry.label: PlanRule(
            name=entry.label,
            stages=tuple(_stage(stage) for stage in plan.stages),
            expires=duration(plan.expires),
            fallback=() if plan.fallback is None else (plan.fallback,),
            allow_repeat=plan.allow_repeat,
            glass=_glass(plan.break_glass),
        )
        for entry, plan in known.of("plans", models.Plan)
    }


def _glass(model: models.BreakGlass | None) -> Glass:
    if model is None:
        return Glass(never=True)
    return Glass(allow=frozenset(model.allow), review_within=duration(model.review_within))


def _stage(stage: models.Stage) -> StageRule:
    within = None if stage.within is None else span(stage.within)
    return StageRule(
        name=stage.name or stage.group,
        group=stage.group,
        quorum=stage.quorum,
        within=within if isinstance(within, timedelta) else None,
        level=Level[stage.level.upper()],
        reason_required=stage.reason_required,
        escalate_to=() if stage.escalate_to is None else (stage.escalate_to,),
        within_business=(within,) if isinstance(within, BusinessSpan) else (),
        remind=united(map(span, stage.remind)),
        direct=stage.notify == "direct",
    )


def windows_of(known: Known) -> tuple[Window, ...]:
    """Windows, by name."""
    return tuple(
        Window(
            name=window.name,
            action=window.action,
            sum=None if window.sum is None else window.sum.removeprefix("parameters."),
            per=tuple(window.per),
            over=duration(window.over),
        )
        for _, window in known.of("windows", models.Window)
    )


def rules_of(known: Known, plans: Mapping[str, PlanRule], scope: Scope) -> tuple[CompiledRule, ...]:
    """Rules with their conditions compiled. Raises `GovernanceInvalid`."""
    return tuple(
        CompiledRule(
            name=rule.name,
            condition=_compiled(entry.where("when"), rule.when, scope),
            outcome=_outcome(rule),
            plan=None if rule.hold is None else plans[rule.hold],
            sentence=rule.deny,
            of_changes=PREFIX.rstrip(".") in rule.when,
        )
        for entry, rule in known.of("rules", models.Rule)
    )


def _outcome(rule: models.Rule) -> Outcome:
    if rule.deny is not None:
        return Outcome.DENY
    return Outcome.ALLOW if rule.hold is None else Outcome.HOLD


def scope_of(known: Known) -> Scope:
    """What the rules of a document see."""
    return rule_scope(window.name for _, window in known.of("windows", models.Window))


def actions_of(known: Known, pids: Mapping[str, str] | None) -> dict[str, CompiledAction]:
    """Actions by name. ``pids``: persons as they go into an action's version."""
    compiled = {}
    for entry, model in known.of("actions", models.Action):
        source = entry.data if pids is None else swap_owners(entry.data, pids)
        compiled[model.name] = CompiledAction(
            action=_action(model, sha256(source)),
            schema=ParameterSchema(model.parameters),
            beneficiary=_value(entry.where("beneficiary"), model.beneficiary, VALUE_SCOPE, Returns.SUBJECTS),
            conflict_key=_value(entry.where("conflict_key"), model.conflict_key, VALUE_SCOPE, Returns.KEY),
            rollback_parameters=_value(
                entry.where("rollback", "parameters"),
                None if model.rollback is None else model.rollback.parameters,
                ROLLBACK_SCOPE,
                Returns.MAP,
            ),
            value_at_risk=_value(entry.where("value_at_risk"), model.value_at_risk, VALUE_SCOPE, Returns.NUMBER),
        )
    return compiled


def _action(model: models.Action, version: str) -> Action:
    http, bot = model.run.http, model.run.bot
    called = http or model.run.temporal
    return Action(
        name=model.name,
        title=model.title,
        risk=Risk[model.risk.upper()],
        reversibility=Reversibility[model.reversibility.upper()],
        data=tuple(model.data),
        parameters=copy.deepcopy(model.parameters),
        version=version,
        mode=_mode(model.run),
        target=_target(model.run),
        path=None if http is None else http.path,
        method="POST",
        idempotent=called is not None and called.idempotent,
        timeout=duration("30s" if called is None else called.timeout),
        start_within=None if bot is None else duration(bot.start_within),
        default_plan=model.default_plan,
        on_behalf_of_required=_on_behalf_of_required(model),
        rollback=_rollback(model.rollback),
        sensitive=sensitive_paths(model.parameters),
        owners=model.owners.seats(),
        errand=_errand(model.run.temporal),
    )


def _mode(run: models.Run) -> Mode:
    if run.temporal is not None:
        return Mode.TEMPORAL
    return Mode.BOT if run.http is None else Mode.HTTP


def _errand(model: Temporal | None) -> Errand | None:
    return None if model is None else Errand(model.task_queue, model.activity, duration(model.start_within))


def _target(run: models.Run) -> str:
    way = run.http or run.bot or run.temporal
    return "" if way is None else way.target


def _on_behalf_of_required(model: models.Action) -> bool:
    if model.on_behalf_of is not None:
        return model.on_behalf_of == "required"
    return model.reversibility != "read_only"


def _rollback(rule: models.Rollback | None) -> RollbackRule | None:
    if rule is None:
        return None
    return RollbackRule(rule.action, rule.parameters, duration(rule.within), rule.plan)


def _compiled(where: str, source: str, scope: Scope) -> Condition:
    try:
        return compile_condition(source, scope)
    except ExpressionInvalid as error:
        raise GovernanceInvalid([Finding(where, str(error))]) from error


def _value(where: str, source: str | None, scope: Scope, returns: Returns) -> ValueExpression | None:
    if source is None:
        return None
    try:
        return compile_value(source, scope, returns)
    except ExpressionInvalid as error:
        raise GovernanceInvalid([Finding(where, str(error))]) from error
