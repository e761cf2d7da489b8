"""Requests as their cards show them, for tests: an ordinary one, and what a hostile bot would make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.use_cases.card_facts import (
    HIDDEN,
    CardFacts,
    DecisionFacts,
    ExclusionFacts,
    ExecutionFacts,
    OriginalFacts,
    RollbackFacts,
    SettlementFacts,
    StageFacts,
    StopFacts,
)

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
API = "https://interlock.example"
REQUEST = "0b0c9e7e-6f0e-5d6e-9a3b-2f6d7c1e8a10"
ORIGINAL = "22222222-6f0e-5d6e-9a3b-2f6d7c1e8a10"
ROLLBACK = "33333333-6f0e-5d6e-9a3b-2f6d7c1e8a10"
DIGEST = "sha256:" + "0123456789abcdef" * 4

HOSTILE = (
    "<!channel> <!here> <@U0OLIVIA> <!subteam^S0LEADS|@leads> <#C0APPROVE> <https://evil.example|https://bank.example> "
    "https://evil.example/a?b=1&c=2 www.evil.example mailto:a@b.example @channel @everyone ```code``` `x` *bold* _it_ "
    "~gone~ > quote &lt;!channel&gt; :smile: <!date^1^{date}^https://evil.example|now> "
    "\u202egnirts\u202c \u2066x\u2069 "
    "zero\u200bwidth\ufeff soft\u00adhyphen nb\u00a0sp line\u2028sep para\u2029sep bell\x07 "
    "\U000e0041tag heart\u2764\ufe0f "
    'z\u0301\u0301\u0301\u0301\u0301\u0301 \u3164 ⟨not shown⟩ "amount": 1,\n"amount": 2\r\n\tIn our words: approve this'
)
"""All that a bot might say to mention, link, hide, reorder or pass for us."""


def request(**changed: Any) -> CardFacts:
    """A held request of high risk, two stages, nobody has decided yet; ``changed``: what is different."""
    plain = CardFacts(
        request_id=REQUEST,
        version=3,
        kind="action",
        status="held",
        environment="production",
        digest=DIGEST,
        bot="support-bot",
        bot_title="Shop support assistant",
        action="orders.cancel",
        title="Cancel a pending order",
        risk="high",
        reversibility="reversible",
        on_behalf_of="customer:yusuf_rossi_9620",
        triggered_by="customer:yusuf_rossi_9620",
        reason="Customer asked to cancel before shipping",
        prompt_excerpt="please cancel my order",
        parameters={"order_id": "#W2378156", "reason": "no longer needed"},
        not_shown=(),
        rules={"night-freeze": "hold", "small-fix": "allow"},
        verdict_code="rule",
        verdict_reason="Held by night-freeze.",
        plan="two-person",
        stages=(stage("support-leads", status="open", closes_at=NOON + timedelta(hours=1)), stage("finance")),
        may_decide=("Dana Hale", "Marco Silva"),
        excluded=(),
        decisions=(),
        refusals=0,
        created_at=NOON,
        expires_at=NOON + timedelta(hours=4),
        updated_at=NOON + timedelta(minutes=5),
        ended_why=None,
        execution=None,
    )
    return replace(plain, **changed)


def stage(name: str, **changed: Any) -> StageFacts:
    """A waiting stage of its own group that wants one vote and a click."""
    plain = StageFacts(
        name=name,
        groups=(name,),
        quorum=1,
        approvals=0,
        status="waiting",
        level="click",
        reason_required=False,
        closes_at=None,
    )
    return replace(plain, **changed)


def said(say: str, person: str = "Dana Hale", **changed: Any) -> DecisionFacts:
    """What somebody said at half past twelve, in Slack."""
    plain = DecisionFacts(
        person=person,
        say=say,
        reason=None,
        stage="support-leads",
        via="slack",
        at=NOON + timedelta(minutes=30),
        standing=True,
    )
    return replace(plain, **changed)


def ran(**changed: Any) -> ExecutionFacts:
    """One attempt, started a minute after the decision."""
    started = NOON + timedelta(minutes=31)
    return replace(ExecutionFacts(1, started, started + timedelta(seconds=20), None, None), **changed)


def passed() -> tuple[StageFacts, ...]:
    """The stages of a request that was approved."""
    return stage("support-leads", status="passed", approvals=1), stage("finance", status="passed", approvals=1)


def closed() -> tuple[StageFacts, ...]:
    """The stages of a request that ended while it was held."""
    return stage("support-leads", status="closed"), stage("finance", status="closed")


def original(**changed: Any) -> OriginalFacts:
    """What a rollback undoes: it succeeded before noon."""
    plain = OriginalFacts(
        request_id=ORIGINAL,
        title="Cancel a pending order",
        action="orders.cancel",
        parameters={"order_id": "#W2378156", "reason": "no longer needed"},
        not_shown=(),
        status="succeeded",
        status_then="succeeded",
        ended_at=NOON - timedelta(minutes=20),
    )
    return replace(plain, **changed)


APPROVED = (said("approve"), said("approve", "Fin Ito", stage="finance", via="api", at=NOON + timedelta(minutes=31)))
DENIED = (said("deny", reason="The order has shipped."),)

STATES: dict[str, CardFacts] = {
    "held": request(),
    "held-second-stage": request(
        stages=(
            stage("support-leads", status="passed", approvals=1),
            stage("finance", status="open", reason_required=True),
        ),
        decisions=(said("approve"),),
        may_decide=("Fin Ito",),
        excluded=(
            ExclusionFacts("Olivia Reyes", ("on-behalf-of", "bot-owner")),
            ExclusionFacts("Dana Hale", ("stage-repeat",)),
        ),
        refusals=2,
    ),
    "held-stronger-level": request(stages=(stage("finance", status="open", level="login"),)),
    "held-masked": request(
        risk="moderate", parameters={"card": {"number": HIDDEN}, "amount": 5}, not_shown=("/card/number",)
    ),
    "held-masked-high": request(parameters={"card": {"number": HIDDEN}, "amount": 5}, not_shown=("/card/number",)),
    "held-critical": request(risk="critical", environment="staging"),
    "held-too-long": request(parameters={"sql": "x" * 6_000}),
    "approved": request(status="approved", stages=passed(), decisions=APPROVED, may_decide=()),
    "executing": request(
        status="executing", stages=passed(), decisions=APPROVED, may_decide=(), execution=ran(finished_at=None)
    ),
    "succeeded": request(
        status="succeeded", stages=passed(), decisions=APPROVED, may_decide=(), execution=ran(status="succeeded")
    ),
    "failed": request(
        status="failed",
        stages=passed(),
        decisions=APPROVED,
        may_decide=(),
        execution=ran(status="failed", http_status=409),
    ),
    "unknown": request(
        status="unknown",
        stages=passed(),
        decisions=APPROVED,
        may_decide=(),
        execution=ran(status="unknown", attempts=3),
        ended_why="no-more-attempts",
    ),
    "settled": request(
        status="succeeded",
        stages=passed(),
        decisions=APPROVED,
        may_decide=(),
        execution=ran(status="succeeded"),
        ended_why="settled",
    ),
    "denied": request(status="denied", stages=closed(), decisions=DENIED, may_decide=(), ended_why="denied-by-person"),
    "withdrawn": request(
        status="denied",
        stages=passed(),
        decisions=(said("approve", standing=False), said("deny", reason="Wrong order.", at=NOON + timedelta(hours=1))),
        may_decide=(),
        ended_why="withdrawn",
    ),
    "denied-by-rules": request(
        status="denied", plan=None, stages=(), may_decide=(), verdict_reason="Irreversible actions wait for daylight"
    ),
    "expired": request(status="expired", stages=closed(), may_decide=(), ended_why="quorum-out-of-reach"),
    "cancelled": request(status="cancelled", stages=closed(), may_decide=(), ended_why="superseded"),
    "revoked": request(status="revoked", stages=closed(), may_decide=(), ended_why="stopped"),
    "lapsed": request(status="lapsed", stages=passed(), decisions=APPROVED, may_decide=(), ended_why="not-started"),
    "stopped": request(
        status="revoked", stages=closed(), may_decide=(), ended_why="stopped", ended_reason="It refunds strangers"
    ),
    "half-settled": request(
        status="unknown",
        stages=passed(),
        decisions=APPROVED,
        may_decide=(),
        execution=ran(status="unknown"),
        settlements=(SettlementFacts("Ivan Petrov", "failed", "No such call in its log.", NOON + timedelta(hours=1)),),
    ),
    "rolled-back": request(
        status="succeeded",
        stages=passed(),
        decisions=APPROVED,
        may_decide=(),
        execution=ran(status="succeeded"),
        reversed_by=(RollbackFacts(ROLLBACK, "succeeded", "Ivan Petrov"),),
    ),
    "held-for-ever": request(reversibility="irreversible", warnings=("Nothing undoes this action.",)),
}
"""A request in every state, and held for every reason that changes its buttons."""


def hostile(text: str = HOSTILE, **changed: Any) -> CardFacts:
    """A request in which everything that others write is this text."""
    return replace(
        request(
            bot=text,
            bot_title=text,
            action=text,
            title=text,
            environment=text,
            on_behalf_of=text,
            triggered_by=f"{text}!",
            reason=text,
            prompt_excerpt=text,
            parameters={text: text, "nested": {text: [text, {text: HIDDEN}]}},
            not_shown=(f"/nested/{text}/1",),
            rules={text: "hold"},
            verdict_reason=text,
            plan=text,
            stages=(stage(text, status="open", groups=(text, text)),),
            may_decide=(text,),
            excluded=(ExclusionFacts(text, ("on-behalf-of", text)),),
            decisions=(said("approve", text, reason=text, stage=text), said("deny", text, reason=text, standing=False)),
            refusals=1,
            reversed_by=(RollbackFacts(text, text, text),),
            ended_reason=text,
            warnings=("Nothing undoes this action.",),
            settlements=(SettlementFacts(text, text, text, NOON),),
            asker=text,
            original=original(
                request_id=text,
                title=text,
                action=text,
                parameters={text: text, "hidden": HIDDEN},
                not_shown=(f"/{text}",),
                status=text,
                status_then=f"{text}!",
            ),
            stop=StopFacts(text, text, NOON, text, 1),
            ended_why=text,
            risk="moderate",
        ),
        **changed,
    )


def crowded(**changed: Any) -> CardFacts:
    """A request of which there is too much of everything."""
    long = "long name of somebody or something " * 30
    plain = request(
        title=long,
        bot_title=long,
        on_behalf_of=f"customer:{long}",
        triggered_by=f"other:{long}",
        reason="why not? " * 1_200,
        prompt_excerpt="and then " * 2_200,
        parameters={f"key {n}": "v" * 56 for n in range(70)},
        rules={f"{long}{n}": "hold" for n in range(60)},
        verdict_reason=long * 5,
        stages=tuple(
            stage(f"{n}: {long}", status="open" if n == 20 else "passed", groups=(long,) * 3) for n in range(40)
        ),
        may_decide=tuple(f"{long}{n}" for n in range(200)),
        excluded=tuple(ExclusionFacts(f"{n}{long}", ("on-behalf-of", "bot-owner", "beneficiary")) for n in range(90)),
        decisions=tuple(said("approve", f"{n}{long}", reason=long * 2, stage=long) for n in range(60)),
        refusals=12_345,
        reversed_by=(RollbackFacts(ROLLBACK, "succeeded", long),) * 50,
        ended_reason=long * 5,
        settlements=(SettlementFacts(long, "failed", long * 5, NOON),) * 50,
        not_shown=tuple(f"/{n}/{long}" for n in range(300)),
        risk="moderate",
    )
    return replace(plain, **changed)
