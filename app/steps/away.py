"""Who of those that a request waits for is away, and who decides for them meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.delegation import Delegation
from app.domain.plan import Stage
from app.domain.request import Level
from app.domain.separation import Voter, stands_for, violations
from app.governance.policy import Policy
from app.steps.crowd import Crowd
from app.steps.facts import Bench


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody of the open stage who is away. ``delegate``: None where theirs does not decide this request."""

    person: str
    until: datetime
    delegate: str | None


def absent(people: Bench, policy: Policy, everybody: Crowd) -> Sequence[Absence]:
    """The members of the open stage's groups who are away now, in the order in which they said so."""
    plan = people.facts.plan
    index = None if plan is None else plan.open_stage
    if plan is None or index is None:
        return []
    stage = plan.stages[index]
    members = {person for group in stage.groups for person in policy.members(group) if everybody.active.get(person)}
    return [_absence(people, stage, index, given) for given in everybody.away if given.person in members]


def _absence(people: Bench, stage: Stage, index: int, given: Delegation) -> Absence:
    delegate, facts = people.people[given.delegate], people.facts
    may = not violations(Voter(delegate, Level.STRONG), facts, index)  # whoever has decided already may, too
    decides = may and given.person in stands_for(delegate, facts, stage)
    return Absence(given.person, given.ends_at, given.delegate if decides else None)
