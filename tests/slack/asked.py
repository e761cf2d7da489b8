"""Rollbacks and changes of Interlock itself as their cards show them, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.use_cases.card_facts import HIDDEN, CardFacts, ExclusionFacts, StopFacts
from tests.slack.facts import NOON, closed, crowded, original, passed, ran, request, said, stage


def rollback(**changed: Any) -> CardFacts:
    """A held rollback, asked for by a responder."""
    plain = request(
        kind="rollback",
        action="orders.restore",
        title="Restore an order that was cancelled",
        reversibility="irreversible",
        reason="The bot cancelled the wrong order",
        prompt_excerpt=None,
        parameters={"order_id": "#W2378156"},
        rules={},
        verdict_code="rollback",
        verdict_reason="Held under the plan rollback, as every rollback is.",
        plan="rollback",
        stages=(stage("rollback-signers", status="open"),),
        may_decide=("Rita Wolf",),
        excluded=(ExclusionFacts("Dana Hale", ("rollback-approver",)),),
        asker="Ivan Petrov",
        original=original(),
    )
    return replace(plain, **changed)


def resumption(**changed: Any) -> CardFacts:
    """A held ask to let a stopped bot go on."""
    plain = request(
        kind="governance",
        action="interlock.bots.resume",
        title="Let a suspended bot go on",
        on_behalf_of=None,
        triggered_by=None,
        reason="The prompt is mended",
        prompt_excerpt=None,
        parameters={"bot": "support-bot"},
        rules={},
        verdict_code="default-plan",
        verdict_reason=None,
        plan="interlock.resume",
        stages=(stage("resume", groups=("interlock:resume:support-bot",), status="open", level="login"),),
        may_decide=("Sam Ode",),
        excluded=(ExclusionFacts("Ivan Petrov", ("governance-change",)),),
        asker="Ivan Petrov",
        stop=StopFacts("support-bot", "Shop support assistant", NOON, "It refunds strangers", 1),
    )
    return replace(plain, **changed)


ASKED_BY_PEOPLE: dict[str, CardFacts] = {
    "rollback": rollback(),
    "rollback-of-unknown": rollback(
        original=original(status="unknown", status_then="unknown"),
        warnings=("Nobody knows whether what this undoes has happened: it may have changed nothing.",),
        reversibility="reversible",
    ),
    "rollback-of-settled": rollback(original=original(status_then="unknown")),
    "rollback-of-masked": rollback(
        original=original(parameters={"order_id": "#W1", "address1": HIDDEN}, not_shown=("/address1",))
    ),
    "rollback-masked": rollback(parameters={"address1": HIDDEN}, not_shown=("/address1",)),
    "rollback-too-long": rollback(original=original(parameters={"sql": "x" * 6_000})),
    "rollback-without-parameters": rollback(parameters={}, original=original(parameters={}, ended_at=None)),
    "rollback-done": rollback(
        status="succeeded",
        stages=passed(),
        decisions=(said("approve", "Rita Wolf"),),
        may_decide=(),
        excluded=(),
        execution=ran(status="succeeded"),
    ),
    "rollback-revoked": rollback(status="revoked", stages=closed(), may_decide=(), ended_why="outcome-changed"),
    "resumption": resumption(),
    "resumption-of-all": resumption(
        bot=None,
        bot_title="all bots",
        action="interlock.installation.resume",
        title="Let the suspended installation go on",
        parameters={},
        stop=StopFacts(None, "all bots", NOON, None, 2),
    ),
    "resumption-done": resumption(status="succeeded", stages=passed(), may_decide=(), excluded=(), stop=None),
}
"""Rollbacks and changes of Interlock itself."""


def crowded_rollback(**changed: Any) -> CardFacts:
    """A rollback, and of that too much of everything."""
    crowd = crowded()
    long, half = crowd.title, dict(list(crowd.parameters.items())[:35])
    was = original(title=long, action=long, parameters=half, not_shown=crowd.not_shown, status_then="unknown")
    words: dict[str, Any] = {"asker": long, "warnings": ("What this undoes failed.",)}
    return replace(
        crowd, kind="rollback", original=was, parameters=half, reversed_by=(), settlements=(), **words, **changed
    )
