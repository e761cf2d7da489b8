"""Whether rules can still be changed once a draft is in force: else nobody could ever take it back.

The draft's own rules judge the publication after it, at many moments from now on and later, as an administrator would
ask for it. That tells what always refuses. It does not tell what the contents of files decide, nor who can sign in.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.errors import Finding
from app.domain.plan import PlanRule
from app.domain.verdict import AskFacts, Outcome, Verdict
from app.governance import models
from app.governance.built_in import ADMINISTRATORS, PREFIX, PUBLISH
from app.governance.entries import Known
from app.governance.policy import Policy, compile_policy
from app.governance.tree import Entry

BEGINS = {
    "from now on": timedelta(0),
    "a year from now": timedelta(days=365),
    "ten years from now": timedelta(days=3650),
}
FOR, EVERY = timedelta(days=92), timedelta(hours=3, minutes=7)
"""How long is looked at, and how often: at each hour, each minute and each weekday in the course of it."""

SHORTEST = timedelta(minutes=10)
"""What people need at least to sign a change."""

MOST_STAGES = 50
WITHIN = 5.0
"""Seconds for all of it."""

_THROUGH_LISTS = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(")
_LOCKED = "nobody could ever take it back"


def change_findings(document: Mapping[str, Any], known: Known) -> Iterator[Finding]:
    """Rules that would lock everybody out. ``document``: in order otherwise."""
    entries = {
        rule.name: (entry, rule) for entry, rule in known.of("rules", models.Rule) if PREFIX.rstrip(".") in rule.when
    }
    costly = [entry for entry, rule in entries.values() if _THROUGH_LISTS.search(rule.when)]
    for entry in costly:
        yield Finding(
            entry.where("when"), "names Interlock's own actions, so it may not go through lists: write it out"
        )
    if not entries or costly:
        return
    future = _Future(compile_policy(document, "draft"), time.monotonic() + WITHIN)
    for when, after in BEGINS.items():
        if blocked := future.blocked(datetime.now(UTC) + after):
            yield from (_finding(entries[name][0], why, when) for name, why in sorted(blocked.items()))
            return


def _finding(entry: Entry, why: str, when: str) -> Finding:
    return Finding(entry.where(), f"{why} {when}: {_LOCKED}; hold changes for people, or leave times to make them")


@dataclass(slots=True)
class _Future:
    """What the draft says of the next publication. ``until``: when there is no more time to find out."""

    policy: Policy
    until: float

    def blocked(self, begins: datetime) -> dict[str, str]:
        """Rules that are in the way each time, and how; empty when one publication at least could pass."""
        reasons: dict[str, str] = {}
        for number in range(FOR // EVERY):
            for base in ({"base": f"sha256:{'0' * 64}"}, {}):
                reasons |= (found := self._in_the_way(begins + number * EVERY, base))
                if not found:
                    return {}
            if time.monotonic() > self.until:
                return dict.fromkeys(reasons, "takes too long to tell whether the rules can be changed")
        return reasons

    def _in_the_way(self, now: datetime, base: Mapping[str, str]) -> dict[str, str]:
        asked = {"files": {"governance.yaml": ""}, **base}
        facts = AskFacts(action=PUBLISH, parameters=asked, bot="", now=now, environment="production")
        verdict = self.policy.change_verdict(facts, None)
        if verdict.outcome is Outcome.DENY or verdict.plan is None:
            return {rule.name: _refuses(rule.error) for rule in verdict.rules if rule.outcome is Outcome.DENY}
        why = impassable(self.policy, verdict.plan)
        return {} if why is None else dict.fromkeys(_holding(verdict), why)


def _refuses(erred: bool) -> str:
    return f"fails on, and so denies, {PUBLISH} always" if erred else f"denies {PUBLISH} always"


def _holding(verdict: Verdict) -> list[str]:
    return [rule.name for rule in verdict.rules if rule.plan is not None]


def impassable(policy: Policy, plan: PlanRule) -> str | None:
    """Why no administrator's ask can pass this plan; None when one can."""
    if min([plan.expires, *(stage.within for stage in plan.stages if stage.within is not None)]) < SHORTEST:
        return f"holds {PUBLISH} for less than {SHORTEST // timedelta(minutes=1)} minutes"
    stages = [
        (frozenset().union(*map(policy.members, (stage.group, *stage.escalate_to))), stage.quorum)
        for stage in plan.stages
    ]
    asker = (policy.members(ADMINISTRATORS), 1)
    if _each_once([asker, *stages]):
        return None
    return f"holds {PUBLISH} for more people than there are beside an administrator who asks,"


Stages = Sequence[tuple[frozenset[str], int]]
"""Who may sign each, and how many must."""


def _each_once(stages: Stages) -> bool:
    """Whether everybody can be given to one stage at most, so that each has as many as it needs.

    The built-in plan allows no repeat, so none that is merged with it does.
    """
    given: dict[str, int] = {}

    def give(stage: int, tried: set[int]) -> bool:
        tried.add(stage)
        members = sorted(stages[stage][0])
        for person in members:
            if person not in given or (given[person] not in tried and give(given[person], tried)):
                given[person] = stage
                return True
        return False

    return len(stages) <= MOST_STAGES and all(
        give(number, set()) for number, (_, quorum) in enumerate(stages) for _ in range(quorum)
    )
