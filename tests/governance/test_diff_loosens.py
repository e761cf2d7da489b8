"""`loosens` is never False for a change that lets something through: small governances, edited, against an oracle.

The oracle knows nothing of how a diff judges: it asks both governances about every ask of a small world, and of every
held one, which crowds of people could release it. Who a stage escalates to, and the fallback, count as being there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import chain, combinations
from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from app.domain.plan import PlanRule, StageRule
from app.domain.request import Level
from app.domain.verdict import AskFacts, Outcome
from app.governance.diff import State, diff
from app.governance.policy import Policy, compile_policy

PEOPLE = ("p0", "p1", "p2", "p3")
GROUPS = ("g0", "g1", "g2")
ACTIONS = ("a.small", "a.large", "b.read")
WHENS = (
    'action.name == "a.small"',
    'action.name == "a.large" && parameters.n > 1',
    'action.risk == "high"',
    'action.reversibility != "read_only"',
    "parameters.n == 3",
    "true",
)
LEVELS = ("click", "login", "recent", "strong")
RISKS = ("low", "moderate", "high", "critical")
KINDS = ("read_only", "reversible", "irreversible")
SAYS: tuple[dict[str, Any], ...] = ({"allow": True}, {"hold": "x"}, {"hold": "y"}, {"deny": "No"})
NOW = datetime(2026, 7, 1, tzinfo=UTC)
STRICTNESS = {Outcome.ALLOW: 0, Outcome.HOLD: 1, Outcome.DENY: 2}

Document = dict[str, Any]


def _stages() -> st.SearchStrategy[list[Document]]:
    def stage(group: str) -> st.SearchStrategy[Document]:
        return st.fixed_dictionaries(
            {
                "group": st.just(group),
                "quorum": st.integers(1, 2),
                "level": st.sampled_from(LEVELS),
                "reason_required": st.booleans(),
            },
            optional={"within": st.sampled_from(["1h", "2h"]), "escalate_to": st.sampled_from(GROUPS)},
        )

    groups = st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2, unique=True)
    return groups.flatmap(lambda chosen: st.tuples(*map(stage, chosen)).map(list))


def _plan() -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(
        {"stages": _stages(), "expires": st.sampled_from(["4h", "8h"]), "allow_repeat": st.booleans()},
        optional={"fallback": st.sampled_from(GROUPS)},
    )


def _action(name: str) -> st.SearchStrategy[Document]:
    seats = ("business", "security", "legal", "model_quality", "incident", "rollback", "permissions", "exceptions")
    return st.fixed_dictionaries(
        {
            "name": st.just(name),
            "title": st.just(name),
            "risk": st.sampled_from(RISKS),
            "reversibility": st.sampled_from(KINDS),
            "parameters": st.just({"type": "object"}),
            "on_behalf_of": st.just("optional"),
            "run": st.just({"http": {"target": "t", "path": "/x"}}),
            "default_plan": st.sampled_from(["x", "y"]),
            "owners": st.just(dict.fromkeys(seats, "p0")),
        }
    )


def _rule(name: str) -> st.SearchStrategy[Document]:
    return st.builds(
        lambda when, says: {"name": name, "when": when, **says}, st.sampled_from(WHENS), st.sampled_from(SAYS)
    )


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any small governance."""
    members = st.lists(st.sampled_from(PEOPLE), max_size=3, unique=True)
    actions = [draw(_action(name)) for name in ACTIONS]
    return {
        "groups": [{"name": name, "members": draw(members)} for name in GROUPS],
        "targets": [{"name": "t", "url": "https://t.example", "audience": "t", "hosts": ["t.example"]}],
        "bots": [
            {
                "id": "bot",
                "entitlements": draw(st.sampled_from([["*"], ["a.*"], ["a.small"]])),
                "deployed_by": "p0",
                "owners": actions[0]["owners"],
            }
        ],
        "actions": actions,
        "windows": [],
        "rules": [draw(_rule(f"r{number}")) for number in range(draw(st.integers(0, 2)))],
        "plans": {"x": draw(_plan()), "y": draw(_plan())},
    }


def _edit_group(draw: st.DrawFn, document: Document) -> None:
    group = draw(st.sampled_from(document["groups"]))
    group["members"] = sorted(set(group["members"]) ^ {draw(st.sampled_from(PEOPLE))})


def _edit_stage(draw: st.DrawFn, document: Document) -> None:
    stage = draw(st.sampled_from(document["plans"][draw(st.sampled_from("xy"))]["stages"]))
    values: Document = {
        "quorum": st.integers(1, 3),
        "level": st.sampled_from(LEVELS),
        "reason_required": st.booleans(),
        "within": st.sampled_from([None, "1h", "2h"]),
        "escalate_to": st.sampled_from([None, None, *GROUPS]),
    }
    _put(draw, stage, values)


def _edit_plan(draw: st.DrawFn, document: Document) -> None:
    values: Document = {
        "stages": _stages(),
        "expires": st.sampled_from(["2h", "4h", "8h"]),
        "allow_repeat": st.booleans(),
        "fallback": st.sampled_from([None, None, *GROUPS]),
    }
    _put(draw, document["plans"][draw(st.sampled_from("xy"))], values)


def _edit_action(draw: st.DrawFn, document: Document) -> None:
    values: Document = {
        "risk": st.sampled_from(RISKS),
        "reversibility": st.sampled_from(KINDS),
        "default_plan": st.sampled_from(["x", "y"]),
    }
    _put(draw, draw(st.sampled_from(document["actions"])), values)


def _edit_bot(draw: st.DrawFn, document: Document) -> None:
    document["bots"][0]["entitlements"] = draw(st.sampled_from([["*"], ["a.*"], ["a.small"], ["b.*", "a.*"]]))


def _edit_rule(draw: st.DrawFn, document: Document) -> None:
    rules = document["rules"]
    if not rules or draw(st.booleans()):
        rules.append(draw(_rule(f"r{len(rules)}")))
    elif draw(st.booleans()):
        del rules[draw(st.integers(0, len(rules) - 1))]
    else:
        changed = draw(_rule("r"))
        rules[0] = {"name": rules[0]["name"], **{key: value for key, value in changed.items() if key != "name"}}


def _put(draw: st.DrawFn, entry: Document, values: Document) -> None:
    key = draw(st.sampled_from(sorted(values)))
    entry[key] = draw(values[key])


EDITS = (_edit_group, _edit_stage, _edit_stage, _edit_plan, _edit_action, _edit_bot, _edit_rule, _edit_rule)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Document, Document]:
    """A small governance, and the same with a few edits."""
    old = draw(documents())
    new = copy.deepcopy(old)
    for _ in range(draw(st.integers(1, 2))):
        draw(st.sampled_from(EDITS))(draw, new)
    return old, new


def asks() -> Iterator[AskFacts]:
    """Every ask of the small world."""
    asked = partial(AskFacts, bot="bot", now=NOW, environment="test")
    for action in ACTIONS:
        for parameters in ({}, {"n": 1}, {"n": 3}):
            yield asked(action=action, parameters=parameters)


def crowds() -> Iterator[frozenset[str]]:
    """Every set of people."""
    sizes = (combinations(PEOPLE, size) for size in range(len(PEOPLE) + 1))
    return map(frozenset, chain.from_iterable(sizes))


def releases(policy: Policy, plan: PlanRule, crowd: frozenset[str], level: Level, *, reasoned: bool) -> bool:
    """True when these people, so sure of who they are, could pass every stage of the plan."""
    seats: list[frozenset[str]] = []
    for stage in plan.stages:
        if level < stage.level or (stage.reason_required and not reasoned):
            return False
        able = crowd & _may(policy, plan, stage)
        if len(able) < stage.quorum:
            return False
        seats += [able] * stage.quorum
    return plan.allow_repeat or _seated(seats)


def _may(policy: Policy, plan: PlanRule, stage: StageRule) -> frozenset[str]:
    return frozenset().union(*map(policy.members, (stage.group, *stage.escalate_to, *plan.fallback)))


def _seated(seats: list[frozenset[str]]) -> bool:
    """Every seat has a person of its own (Kuhn's augmenting paths)."""
    taken: dict[str, int] = {}

    def seat(number: int, seen: set[str]) -> bool:
        for person in seats[number] - seen:
            seen.add(person)
            if person not in taken or seat(taken[person], seen):
                taken[person] = number
                return True
        return False

    return all(seat(number, set()) for number in range(len(seats)))


def lets_through(old: Policy, new: Policy) -> str | None:
    """What the new governance lets through, or sooner, that the old one did not; None when there is nothing."""
    for facts in asks():
        before, after = (
            policy.verdict(facts) if policy.entitled(facts.bot, facts.action) else None for policy in (old, new)
        )
        if after is None:
            continue
        if before is None or STRICTNESS[after.outcome] < STRICTNESS[before.outcome]:
            return f"{facts.action} {facts.parameters}: {after.outcome}"
        if before.plan is None or after.plan is None:
            continue
        if after.plan.expires > before.plan.expires:
            return f"{facts.action}: lives longer"
        for crowd in crowds():
            for level in Level:
                for reasoned in (False, True):
                    sure = partial(releases, crowd=crowd, level=level, reasoned=reasoned)
                    if sure(new, after.plan) and not sure(old, before.plan):
                        return f"{facts.action}: {sorted(crowd)} by {level.name}"
    return None


@settings(max_examples=150, deadline=None)
@given(pair=pairs())
def test_what_is_said_to_ask_for_no_less_lets_nothing_through(pair: tuple[Document, Document]) -> None:
    old, new = pair
    changes = diff(State(old), State(new))
    assume(changes)
    said = {change.loosens for change in changes}
    event("asks for no less" if said == {False} else "may ask for less")
    if said == {False}:
        found = lets_through(compile_policy(old, "old"), compile_policy(new, "new"))
        assert found is None, [sentence for change in changes for sentence in change.sentences]


@settings(max_examples=50, deadline=None)
@given(document=documents())
def test_a_governance_does_not_differ_from_itself(document: Document) -> None:
    assert diff(State(document), State(copy.deepcopy(document))) == ()


def test_the_oracle_sees_a_smaller_quorum() -> None:
    """It would notice: the same pair of which a diff says that less is asked."""
    stage = {"group": "g0", "quorum": 2}
    action = {"name": "a.small", "title": "x", "risk": "low", "reversibility": "reversible", "default_plan": "x"}
    more: Document = {"parameters": {}, "run": {"http": {"target": "t", "path": "/x"}}, "on_behalf_of": "optional"}
    document: Document = {
        "groups": [{"name": "g0", "members": list(PEOPLE)}],
        "bots": [{"id": "bot", "entitlements": ["*"], "deployed_by": "p0", "owners": {}}],
        "actions": [{**action, **more}],
        "plans": {"x": {"stages": [stage], "expires": "1h"}},
    }
    weaker = copy.deepcopy(document)
    weaker["plans"]["x"]["stages"][0]["quorum"] = 1
    old, new = compile_policy(document, "old"), compile_policy(weaker, "new")
    assert lets_through(old, new) == "a.small: ['p0'] by CLICK"
    assert lets_through(new, old) is None
