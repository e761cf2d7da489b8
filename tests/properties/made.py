"""Generated governance: people, accounts, groups, seats, plans and rules, small enough to collide often."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

POOL = ("ann", "bob", "cid", "dot", "eli", "fay", "gus", "hal")
"""Who comes and goes, sits on seats and in groups. Everybody else only fills what a folder must have."""

GROUPS = ("g0", "g1", "g2", "g3")
ACCOUNTS = tuple(f"account-{n}" for n in range(9))
SUBJECTS = ("customer:c0", "customer:c1", "customer:c2")
LEVELS = ("click", "login", "recent", "strong")
RISKS = ("low", "moderate", "high", "critical")
PLANS = ("p0", "p1", "p2")
RESPONDERS = ("rae", "rob")
RESUMERS = ("ada", "ben", "sec")
"""Who signs that a stopped bot goes on: administrators, and the security seat."""

FIXED = ("ada", "ben", "sec", "leg", "mod", "rol", "per", "exc", *RESPONDERS)
ISSUER = "https://id.test"


@dataclass(frozen=True, slots=True)
class ActionMade:
    """What an action is; ``thing``: it has a conflict key; ``undone``: `UNDO` undoes it."""

    risk: str
    reversibility: str
    plan: str | None
    thing: bool = False
    by_bot: bool = False
    repeatable: bool = True
    undone: bool = False


ACTIONS = {
    "do.low": ActionMade("low", "reversible", "p0"),
    "do.moderate": ActionMade("moderate", "reversible", "p0", thing=True, undone=True),
    "do.high": ActionMade("high", "irreversible", "p1", repeatable=False, undone=True),
    "do.critical": ActionMade("critical", "reversible", "p2", thing=True, repeatable=False, undone=True),
    "do.itself": ActionMade("moderate", "reversible", "p0", thing=True, by_bot=True, undone=True),
    "look.up": ActionMade("low", "read_only", "p1", by_bot=True),
    "look.grave": ActionMade("critical", "read_only", "p0", by_bot=True),
}
PARAMETERS = {"thing": {"type": "string"}, "payee": {"type": "string"}, "amount": {"type": "integer"}}
UNDO, UNDO_PLAN = "undo.it", "undoing"
"""What undoes, and the plan under which people sign that: at first one that can be passed."""

UNDOING = ActionMade("moderate", "irreversible", "p0")


@dataclass(frozen=True, slots=True)
class StageMade:
    """One stage of a plan in the files."""

    group: str
    quorum: int
    within: str | None
    level: str
    reason: bool
    escalate_to: str | None

    def as_json(self) -> dict[str, Any]:
        """As the files spell it."""
        maybe = {"within": self.within, "escalate_to": self.escalate_to}
        given = {"group": self.group, "quorum": self.quorum, "level": self.level, "reason_required": self.reason}
        return {**given, **{key: value for key, value in maybe.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class GlassMade:
    """What a plan lets one person release alone beyond the usual, and by when another looks at that."""

    allow: frozenset[str] = frozenset()
    review_within: str = "24h"

    def as_json(self) -> dict[str, Any]:
        """As the files spell it."""
        return {"allow": sorted(self.allow), "review_within": self.review_within}


@dataclass(frozen=True, slots=True)
class PlanMade:
    """One plan in the files. ``glass``: None means never."""

    stages: tuple[StageMade, ...]
    expires: str
    fallback: str | None
    repeat: bool
    glass: GlassMade | None = GlassMade()

    def as_json(self) -> dict[str, Any]:
        """As the files spell it."""
        maybe = {} if self.fallback is None else {"fallback": self.fallback}
        stages = [stage.as_json() for stage in self.stages]
        glass = "never" if self.glass is None else self.glass.as_json()
        return {"stages": stages, "expires": self.expires, "allow_repeat": self.repeat, "break_glass": glass, **maybe}


@dataclass(frozen=True, slots=True)
class Files:
    """A governance folder as data. ``rules``: action and ``allow``, ``deny`` or a plan; ``titles``: definitions.

    ``more``: who responds beside `RESPONDERS`; ``exceptions``: who sits on that seat.
    """

    present: frozenset[str]
    groups: Mapping[str, frozenset[str]]
    accounts: Mapping[str, str | None]
    subjects: Mapping[str, str | None]
    business: str
    deployer: str
    own_business: Mapping[str, str | None]
    plans: Mapping[str, PlanMade]
    rules: tuple[tuple[str, str], ...] = ()
    entitled: frozenset[str] = frozenset(ACTIONS)
    titles: Mapping[str, int] | None = None
    more: frozenset[str] = frozenset()
    exceptions: str = "exc"

    def members(self, group: str) -> frozenset[str]:
        """Who is in a group, one of Interlock's own too."""
        if group.startswith("interlock:exceptions"):
            return frozenset({self.exceptions})
        return frozenset(RESUMERS) if group.startswith("interlock:") else self.groups[group]

    @property
    def responders(self) -> frozenset[str]:
        """Everybody who responds."""
        return self.more | frozenset(RESPONDERS)

    @property
    def owners(self) -> frozenset[str]:
        """The bot's business owners."""
        return self.groups.get(self.business.removeprefix("group:"), frozenset({self.business}))

    def sound(self) -> Files:
        """The same without what a folder may not say: absent people in groups or on seats, an empty seat."""
        here = sorted(self.present) or ["ann"]
        groups = {name: members & frozenset(here) for name, members in self.groups.items()}

        def held(seat: str) -> str:
            group = groups.get(seat.removeprefix("group:"))
            return seat if group or seat in here else here[0]

        business = held(self.business)
        owners = groups.get(business.removeprefix("group:"), frozenset({business})) | {*self.own_business.values()}
        excepting = self.exceptions in (*here, *FIXED) and self.exceptions not in owners
        return replace(
            self,
            present=frozenset(here),
            more=self.more & frozenset(here),
            exceptions=self.exceptions if excepting else "exc",
            groups=groups,
            accounts={account: who if who in here else None for account, who in self.accounts.items()},
            subjects={subject: who if who in here else None for subject, who in self.subjects.items()},
            business=business,
            deployer=self.deployer if self.deployer in (*here, "ada", "ben") else here[0],
            own_business={action: who if who in here else None for action, who in self.own_business.items()},
        )

    def write(self, folder: Path) -> None:
        """Put the folder on disk; JSON is YAML."""
        (folder / "all.yaml").write_text(json.dumps(self.as_json()))

    def as_json(self) -> dict[str, Any]:
        """The folder's one file."""
        return {
            "people": [self._person(who) for who in (*FIXED, *sorted(self.present))],
            "groups": [
                *({"name": name, "members": sorted(members)} for name, members in sorted(self.groups.items())),
                {"name": "responders", "members": sorted(self.responders), "may": ["respond"]},
                {"name": "admins", "members": ["ada", "ben"], "may": ["administer"]},
            ],
            "targets": [
                {"name": "desk", "url": "http://127.0.0.1:9", "audience": "d", "hosts": ["127.0.0.1"], "private": True}
            ],
            "bots": [self._bot("bot", sorted(self.entitled)), self._bot("spare", ["do.*", "look.*", "undo.*"])],
            "actions": [self._action(name) for name in (*ACTIONS, UNDO)],
            "rules": [_rule(number, *rule) for number, rule in enumerate(self.rules)],
            "plans": {name: plan.as_json() for name, plan in self.plans.items()},
        }

    def _person(self, who: str) -> dict[str, Any]:
        accounts = [account for account, owner in self.accounts.items() if owner == who]
        return {
            "id": who,
            "name": who,
            "subjects": [subject for subject, owner in self.subjects.items() if owner == who],
            "identities": [{"oidc": {"iss": ISSUER, "sub": account}} for account in accounts],
        }

    def _bot(self, name: str, entitlements: list[str]) -> dict[str, Any]:
        seats = {"security": "sec", "legal": "leg", "model_quality": "mod", "rollback": "rol", "permissions": "per"}
        owners = {"business": self.business, "incident": "group:responders", "exceptions": self.exceptions, **seats}
        said = {"use_case": {"purpose": "Tests"}, "entitlements": entitlements}
        return {"id": name, "deployed_by": self.deployer, "owners": owners, **said}

    def _action(self, name: str) -> dict[str, Any]:
        made, own = ACTIONS.get(name, UNDOING), self.own_business.get(name)
        http = {"target": "desk", "path": "/do", "idempotent": made.repeatable, "timeout": "1s"}
        maybe = {
            "default_plan": made.plan,
            "conflict_key": "has(parameters.thing) ? parameters.thing : null" if made.thing else None,
            "owners": None if own is None else {"business": own},
            "rollback": _undone() if made.undone else None,
        }
        return {
            "name": name,
            "title": f"{name} {(self.titles or {}).get(name, 0)}",
            "risk": made.risk,
            "reversibility": made.reversibility,
            "parameters": {"type": "object", "properties": PARAMETERS},
            "beneficiary": "has(parameters.payee) ? parameters.payee : null",
            "run": {"bot": {"target": "desk", "start_within": "10m"}} if made.by_bot else {"http": http},
            **{key: value for key, value in maybe.items() if value is not None},
        }


def _undone() -> dict[str, Any]:
    return {"action": UNDO, "parameters": '{"thing": "undone"}', "within": "1h", "plan": UNDO_PLAN}


def _rule(number: int, action: str, what: str) -> dict[str, Any]:
    says: dict[str, Any] = {"allow": True} if what == "allow" else {"deny": "No"} if what == "deny" else {"hold": what}
    return {"name": f"r{number}", "when": f'action.name == "{action}"', **says}


def most(names: tuple[str, ...], but: int) -> SearchStrategy[frozenset[str]]:
    """All of these but a few."""
    return st.frozensets(st.sampled_from(names), max_size=but).map(lambda few: frozenset(names) - few)


people = st.sampled_from(POOL)
crowds = most(POOL, 4)
seats = st.sampled_from([*POOL, "group:g0"])


SIMPLE = PlanMade((StageMade("g3", 1, None, "click", reason=False, escalate_to="g1"),), "4h", "g2", repeat=False)


def stages(group: str) -> SearchStrategy[StageMade]:
    """Any stage that this group decides; most can be passed."""
    return st.builds(
        StageMade,
        group=st.just(group),
        quorum=st.sampled_from([1, 2, 1, 2, 3]),
        within=st.sampled_from([None, "10s", "10m", "1h"]),
        level=st.sampled_from(["click", "click", *LEVELS]),
        reason=st.sampled_from([False, False, True]),
        escalate_to=st.none() | st.sampled_from(GROUPS),
    )


ALL, SOON = frozenset({"critical", "irreversible"}), "20m"
glasses = st.sampled_from([GlassMade(ALL, SOON), GlassMade(ALL, SOON), GlassMade(ALL, "1h"), GlassMade(), None])

plans: SearchStrategy[PlanMade] = st.builds(
    PlanMade,
    stages=st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3, unique=True).flatmap(
        lambda chosen: st.tuples(*(stages(group) for group in chosen))
    ),
    expires=st.sampled_from(["4h", "20m", "4h", "30s", "4h"]),
    fallback=st.none() | st.sampled_from(GROUPS),
    repeat=st.booleans(),
    glass=glasses,
)

rules = st.lists(
    st.tuples(st.sampled_from(list(ACTIONS)), st.sampled_from(["allow", "allow", "deny", *PLANS, *PLANS])), max_size=3
).map(tuple)


@st.composite
def files(draw: st.DrawFn) -> Files:
    """Any governance folder that may be installed."""
    return Files(
        present=draw(most(POOL, 2)),
        groups={name: draw(crowds) for name in GROUPS},
        accounts={account: draw(st.none() | people) for account in ACCOUNTS},
        subjects={subject: draw(st.none() | people) for subject in SUBJECTS},
        business=draw(seats),
        deployer=draw(people),
        own_business={"do.low": draw(st.none() | people), "do.high": draw(st.none() | people)},
        plans={**{name: draw(plans) for name in PLANS}, UNDO_PLAN: SIMPLE},
        rules=draw(rules),
        titles=dict.fromkeys(ACTIONS, 0),
        more=draw(st.frozensets(people, max_size=3)),
        exceptions=draw(st.sampled_from(["exc", *POOL])),
    ).sound()
