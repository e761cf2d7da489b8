"""Every name that an entry says is somebody's or something's."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.errors import Finding
from app.governance import models
from app.governance.catalogue import covers
from app.governance.entries import Known
from app.governance.tree import Entry

Place = tuple[tuple[str | int, ...], str, str]
"""Path in the entry, section that is looked in, name that is looked for."""

_ONE = {"people": "person", "groups": "group", "targets": "target", "actions": "action", "plans": "plan"}


def reference_findings(known: Known) -> Iterator[Finding]:
    """Every name that does not resolve, and every use of one that does and may not stand there."""
    for entry, places in _all(known):
        for path, section, name in places:
            if name not in known.names[section]:
                yield Finding(entry.where(*path), f"there is no {_ONE[section]} {name}")
    yield from _patterns(known)
    yield from _windows(known)
    yield from _rollbacks(known)


def _all(known: Known) -> Iterator[tuple[Entry, Iterator[Place]]]:
    yield from ((entry, _of_group(group)) for entry, group in known.of("groups", models.Group))
    yield from ((entry, _of_bot(bot)) for entry, bot in known.of("bots", models.Bot))
    yield from ((entry, _of_action(action)) for entry, action in known.of("actions", models.Action))
    yield from ((entry, _of_rule(rule)) for entry, rule in known.of("rules", models.Rule))
    yield from ((entry, _of_plan(plan)) for entry, plan in known.of("plans", models.Plan))


def _of_group(group: models.Group) -> Iterator[Place]:
    for number, member in enumerate(group.members):
        yield ("members", number), "people", member


def _of_bot(bot: models.Bot) -> Iterator[Place]:
    yield ("deployed_by",), "people", bot.deployed_by
    yield from _of_owners(bot.owners)


def _of_owners(owners: models.Owners) -> Iterator[Place]:
    for seat, holder in owners.seats().items():
        group = holder.removeprefix("group:")
        yield ("owners", seat), "people" if group == holder else "groups", group


def _of_action(action: models.Action) -> Iterator[Place]:
    if action.default_plan is not None:
        yield ("default_plan",), "plans", action.default_plan
    if action.run.http is not None:
        yield ("run", "http", "target"), "targets", action.run.http.target
    if action.run.bot is not None:
        yield ("run", "bot", "target"), "targets", action.run.bot.target
    if action.run.temporal is not None:
        yield ("run", "temporal", "target"), "targets", action.run.temporal.target
    if action.rollback is not None:
        yield ("rollback", "action"), "actions", action.rollback.action
        if action.rollback.plan is not None:
            yield ("rollback", "plan"), "plans", action.rollback.plan
    yield from _of_owners(action.owners)


def _of_rule(rule: models.Rule) -> Iterator[Place]:
    if rule.hold is not None:
        yield ("hold",), "plans", rule.hold


def _of_plan(plan: models.Plan) -> Iterator[Place]:
    for number, stage in enumerate(plan.stages):
        yield ("stages", number, "group"), "groups", stage.group
        if stage.escalate_to is not None:
            yield ("stages", number, "escalate_to"), "groups", stage.escalate_to
    if plan.fallback is not None:
        yield ("fallback",), "groups", plan.fallback


def _patterns(known: Known) -> Iterator[Finding]:
    actions = known.names["actions"]
    for entry, bot in known.of("bots", models.Bot):
        for number, pattern in enumerate(bot.entitlements):
            if not any(covers(pattern, action) for action in actions):
                yield Finding(entry.where("entitlements", number), f"{pattern} matches no action")
    for entry, window in known.of("windows", models.Window):
        if not any(covers(window.action, action) for action in actions):
            yield Finding(entry.where("action"), f"{window.action} matches no action")


def _windows(known: Known) -> Iterator[Finding]:
    """The summed parameter is an integer in the schema of every action that the window covers."""
    for entry, window in known.of("windows", models.Window):
        for what in not_summable(known, window.action, window.sum):
            yield Finding(entry.where("sum"), what)


def not_summable(known: Known, pattern: str, summed: str | None) -> Iterator[str]:
    """For each action that a pattern covers, why what is to be summed (None: nothing is) cannot be."""
    if summed is None:
        return
    parameter = summed.removeprefix("parameters.")
    for name, action in known.by_name("actions", models.Action).items():
        properties = action.parameters.get("properties")
        schema = properties.get(parameter) if isinstance(properties, dict) else None
        if covers(pattern, name) and not (isinstance(schema, dict) and schema.get("type") == "integer"):
            yield f"{parameter} is not an integer in the schema of {name}"


def _rollbacks(known: Known) -> Iterator[Finding]:
    actions = known.by_name("actions", models.Action)
    for entry, action in known.of("actions", models.Action):
        rule = action.rollback
        undo = None if rule is None else actions.get(rule.action)
        if rule is None or undo is None:
            continue
        where = entry.where("rollback", "action")
        if undo.name == action.name:
            yield Finding(where, "an action does not undo itself")
        if undo.run.bot is not None:
            yield Finding(where, f"{undo.name} is run by a bot; Interlock must be able to run a rollback itself")
        if undo.rollback is not None:
            yield Finding(where, f"{undo.name} has a rollback of its own; what undoes cannot be undone")
        if rule.plan is None and undo.default_plan is None:
            yield Finding(entry.where("rollback"), f"neither it nor {undo.name} names a plan")
