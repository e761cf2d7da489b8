"""What the policy says of an ask: every matching rule counts; deny beats hold beats allow (DESIGN.md section 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.plan import PlanRule, merge
from app.domain.request import Reversibility, Risk


class Outcome(StrEnum):
    """A verdict's or a rule's word."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class AskFacts:
    """What rules are judged on. ``windows``: window name to its figure before this request. ``now``: aware UTC."""

    action: str
    parameters: Mapping[str, Any]
    bot: str
    now: datetime
    environment: str
    on_behalf_of: str | None = None
    triggered_by: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    chain_risk: Risk = Risk.LOW
    chain_reversibility: Reversibility = Reversibility.READ_ONLY
    chain_length: int = 1
    windows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """A rule that matched (or erred: outcome deny, ``error`` set), what it says, and the plan or sentence it names."""

    name: str
    outcome: Outcome
    plan: PlanRule | None = None
    sentence: str | None = None
    error: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """``code``: rule, rule-error, default-plan, read-only, not-entitled, over-budget, conflict, late and the like.

    ``permission``: the standing permission that it is allowed by.
    """

    outcome: Outcome
    code: str
    reason: str
    rules: tuple[RuleMatch, ...] = ()
    plan: PlanRule | None = None
    permission: str | None = None

    def as_json(self, policy_version: str) -> dict[str, Any]:
        """As the API shows it."""
        permission = {} if self.permission is None else {"permission": self.permission}
        return {
            **permission,
            "outcome": self.outcome.value,
            "code": self.code,
            "reason": self.reason,
            "policy_version": policy_version,
            "rules": [{"name": rule.name, "outcome": rule.outcome.value} for rule in self.rules],
        }


def denied(code: str, reason: str, rules: Sequence[RuleMatch] = ()) -> Verdict:
    """A verdict of deny."""
    return Verdict(Outcome.DENY, code, reason, tuple(rules))


def combine(
    matches: Sequence[RuleMatch],
    *,
    default: PlanRule | None,
    risk: Risk,
    reversibility: Reversibility,
    model_changed: bool = False,
) -> Verdict:
    """One verdict of all matching rules; risk and reversibility are the chain's worst.

    ``default``: the action's default plan (None only for read_only actions). An allow replaces nothing but the default
    plan, and never for critical or irreversible actions; a changed model holds moderate risk or higher at least.
    """
    matches = sorted(matches, key=lambda match: match.name)
    if errors := [match for match in matches if match.error]:
        return denied("rule-error", f"The rule {errors[0].name} failed: {errors[0].sentence}", matches)
    if denials := [match for match in matches if match.outcome is Outcome.DENY]:
        return denied("rule", denials[0].sentence or f"The rule {denials[0].name} denies it.", matches)
    plans = [match.plan for match in matches if match.plan is not None]
    if plans:
        names = ", ".join(match.name for match in matches if match.plan is not None)
        return Verdict(Outcome.HOLD, "rule", f"Held by {names}.", tuple(matches), merge(plans))
    allows = [match for match in matches if match.outcome is Outcome.ALLOW]
    must_hold = risk is Risk.CRITICAL or reversibility is Reversibility.IRREVERSIBLE
    must_hold = must_hold or (model_changed and risk >= Risk.MODERATE)
    must_hold = must_hold or any(match.outcome is Outcome.HOLD for match in matches)
    if allows and not must_hold:
        return Verdict(Outcome.ALLOW, "rule", f"Allowed by {allows[0].name}.", tuple(matches))
    return _without_rules(matches, default, must_hold)


def _without_rules(matches: Sequence[RuleMatch], default: PlanRule | None, must_hold: bool) -> Verdict:
    if default is None and not must_hold:
        return Verdict(Outcome.ALLOW, "read-only", "It only reads, and no rule speaks of it.", tuple(matches))
    if default is None:
        return denied("default-plan", "It must be held, and its action has no default plan.", matches)
    return Verdict(
        Outcome.HOLD, "default-plan", f"Held under the plan {default.name}.", tuple(matches), merge([default])
    )
