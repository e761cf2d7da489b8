"""Whether newer rules ask for less than those before them, and who gained by that (`policy-author`). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.domain.glass import looser
from app.domain.plan import Plan, PlanRule, begin, missing
from app.domain.request import Risk
from app.domain.verdict import Outcome, Verdict

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bar:
    """What one version of the rules asks before something may run.

    ``members``: of every group that its plan can reach. ``owners``: who stands near because of the bot.
    ``beneficiaries``: persons who would be kept out as payees and the like.
    """

    verdict: Verdict
    risk: Risk
    owners: frozenset[str] = frozenset()
    beneficiaries: frozenset[str] = frozenset()
    members: Mapping[str, frozenset[str]] | None = None


def asks_less(now: Verdict, before: Verdict) -> bool:
    """True when what passes ``now`` would not have been enough before: it was denied, or held for more.

    Also when one person may release alone what nobody might, or is reviewed later.
    """
    if before.plan is None:
        return before.outcome is Outcome.DENY
    if now.plan is None or looser(now.plan.glass, before.plan.glass):
        return True
    return missing(_passed(now.plan), before.plan, _ANY_TIME) is not None


def _passed(rule: PlanRule) -> Plan:
    plan = begin(rule, _ANY_TIME)
    return replace(plan, stages=tuple(replace(stage, status="passed") for stage in plan.stages))


def gained(people: Iterable[str], now: Bar, before: Bar) -> frozenset[str]:
    """Those of ``people`` who may decide now and might not have then: by a group, a seat given up, or a lower bar."""
    if asks_less(now.verdict, before.verdict) or now.risk < before.risk:
        return frozenset(people)
    kept_out = (before.owners - now.owners) | (before.beneficiaries - now.beneficiaries)
    return frozenset(person for person in people if person in kept_out or _joined(person, now, before))


def _joined(person: str, now: Bar, before: Bar) -> bool:
    then = before.members or {}
    return any(
        person in members and person not in then.get(group, ()) for group, members in (now.members or {}).items()
    )
