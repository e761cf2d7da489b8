"""Every CEL expression: compiles, returns what it must, and its literals name what exists."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.errors import Finding
from app.governance import models
from app.governance.cel import Returns, Scope
from app.governance.entries import Known
from app.governance.errors import ExpressionInvalid
from app.governance.literals import literal_findings
from app.governance.scopes import ROLLBACK_SCOPE, VALUE_SCOPE, rule_scope


def expression_findings(known: Known) -> Iterator[Finding]:
    """Every finding about an expression."""
    actions = known.names["actions"]
    for where, source, scope, returns in _all(known):
        try:
            scope.compile(source, returns)
        except ExpressionInvalid as error:
            yield Finding(where, str(error))
        else:
            yield from (Finding(where, what) for what in literal_findings(source, actions))


def _all(known: Known) -> Iterator[tuple[str, str, Scope, Returns]]:
    scope = rule_scope(name for name in known.names["windows"] if name.isascii() and name.isidentifier())
    for entry, rule in known.of("rules", models.Rule):
        yield entry.where("when"), rule.when, scope, Returns.CONDITION
    for entry, action in known.of("actions", models.Action):
        if action.beneficiary is not None:
            yield entry.where("beneficiary"), action.beneficiary, VALUE_SCOPE, Returns.SUBJECTS
        if action.conflict_key is not None:
            yield entry.where("conflict_key"), action.conflict_key, VALUE_SCOPE, Returns.KEY
        if action.value_at_risk is not None:
            yield entry.where("value_at_risk"), action.value_at_risk, VALUE_SCOPE, Returns.NUMBER
        if action.rollback is not None:
            yield entry.where("rollback", "parameters"), action.rollback.parameters, ROLLBACK_SCOPE, Returns.MAP
