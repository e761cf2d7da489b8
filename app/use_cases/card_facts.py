"""What a card says of a request: plain values, so that a surface renders them without reading anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.governance.masking import HIDDEN, Hidden
from app.use_cases.incident_facts import IncidentFacts

__all__ = [
    "HIDDEN",
    "AwayFacts",
    "CardFacts",
    "DecisionFacts",
    "EscalationFacts",
    "ExclusionFacts",
    "ExecutionFacts",
    "GlassFacts",
    "Hidden",
    "OriginalFacts",
    "RollbackFacts",
    "RunningFacts",
    "SettlementFacts",
    "StageFacts",
    "StopFacts",
    "UndoFacts",
]


@dataclass(frozen=True, slots=True)
class EscalationFacts:
    """That a stage went to more groups. ``groups``: those that were asked before; ``why``: a code."""

    groups: tuple[str, ...]
    to: tuple[str, ...]
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StageFacts:
    """One stage. ``status``: waiting, open, passed or closed; ``approvals``: standing votes that count now.

    ``remind_at``: when people are reminded next, if they are.
    """

    name: str
    groups: tuple[str, ...]
    quorum: int
    approvals: int
    status: str
    level: str
    reason_required: bool
    closes_at: datetime | None
    remind_at: datetime | None = None
    escalations: tuple[EscalationFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionFacts:
    """What a person said. ``person``: their name; ``standing``: False when withdrawn, void or replaced."""

    person: str
    say: str
    reason: str | None
    stage: str | None
    via: str
    at: datetime
    standing: bool


@dataclass(frozen=True, slots=True)
class ExclusionFacts:
    """Somebody of the open stage who may not decide it, and why: names of invariants."""

    person: str
    invariants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AwayFacts:
    """Somebody of the open stage who is away. ``delegate``: who decides it for them, if anybody; names both."""

    person: str
    until: datetime
    delegate: str | None


@dataclass(frozen=True, slots=True)
class ExecutionFacts:
    """How running it went. ``status``: None while it runs; ``http_status``: of the target's refusal, if it gave one."""

    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    status: str | None
    http_status: int | None


@dataclass(frozen=True, slots=True)
class SettlementFacts:
    """What a person said that an unknown outcome was. ``person``: their name."""

    person: str
    status: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RollbackFacts:
    """A rollback of this request that stands. ``asker``: the name of who asked for it.

    ``part_of``: the rollback of an incident in which it is one of many.
    """

    request_id: str
    status: str
    asker: str
    part_of: str | None = None


@dataclass(frozen=True, slots=True)
class OriginalFacts:
    """What a rollback undoes, as it stands now; never what its target answered.

    ``parameters``, ``not_shown``: as on its own card. ``status_then``: when the rollback was asked for. ``ended_at``:
    of its last attempt.
    """

    request_id: str
    title: str
    action: str
    parameters: Any
    not_shown: tuple[str, ...]
    status: str
    status_then: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class GlassFacts:
    """One person released it alone. ``person``, ``reviewers``, ``reviewer``: names; ``found``: the reviewer's words.

    ``void_at``: when newer rules took it back.
    """

    person: str
    reason: str
    at: datetime
    reviewers: tuple[str, ...]
    due_at: datetime
    finding: str | None = None
    reviewer: str | None = None
    found: str | None = None
    void_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunningFacts:
    """An attempt without outcome: it may still reach its target."""

    request_id: str
    attempt: int
    action: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class StopFacts:
    """A bot, or with None the installation, and its last stop. ``since``: None while it is not stopped.

    ``epoch``: how often it was stopped; ``waiting``: how many requests of it a stop would revoke.
    """

    bot: str | None
    title: str
    since: datetime | None
    reason: str | None
    epoch: int
    waiting: int = 0
    running: tuple[RunningFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class UndoFacts:
    """What a rollback would run. ``until``: the last instant at which it may be asked for; ``warnings``: of ours."""

    title: str
    action: str
    parameters: Any
    not_shown: tuple[str, ...]
    until: datetime | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardFacts:
    """A request as its card shows it, as of one version.

    ``bot``: who asks, or whose action it undoes, or whom it changes; None: all of them. ``asker``: the name of the
    person who asks, None when the bot does. ``parameters``: with `HIDDEN` wherever the catalogue masks; ``not_shown``:
    the JSON pointers of those places. ``may_decide``: names of who may still decide the open stage. ``rules``: name to
    outcome of those that matched. ``warnings``: sentences of ours. ``ended_reason``: the words of who stopped the bot.
    ``original``: what it undoes; ``stop``: what it would end, of a request that lets a bot go on.
    ``incident``: what a request undoes that undoes many. ``erased_at``: since when its content is gone.
    ``changes``: what a publication changes, a sentence each; ``loosens``: how many of those ask for less, or may.
    ``reason``, ``prompt_excerpt`` and every text in ``parameters`` may be a machine's words: show them inert.
    """

    request_id: str
    version: int
    kind: str
    status: str
    environment: str
    digest: str
    bot: str | None
    bot_title: str
    action: str
    title: str
    risk: str
    reversibility: str
    on_behalf_of: str | None
    triggered_by: str | None
    reason: str | None
    prompt_excerpt: str | None
    parameters: Any
    not_shown: tuple[str, ...]
    rules: Mapping[str, str]
    verdict_code: str
    verdict_reason: str | None
    plan: str | None
    stages: tuple[StageFacts, ...]
    may_decide: tuple[str, ...]
    excluded: tuple[ExclusionFacts, ...]
    decisions: tuple[DecisionFacts, ...]
    refusals: int
    created_at: datetime
    expires_at: datetime
    updated_at: datetime
    ended_why: str | None
    execution: ExecutionFacts | None
    asker: str | None = None
    ended_reason: str | None = None
    warnings: tuple[str, ...] = ()
    settlements: tuple[SettlementFacts, ...] = ()
    reversed_by: tuple[RollbackFacts, ...] = ()
    original: OriginalFacts | None = None
    stop: StopFacts | None = None
    away: tuple[AwayFacts, ...] = ()
    changes: tuple[str, ...] = ()
    loosens: int = 0
    glass: GlassFacts | None = None
    incident: IncidentFacts | None = None
    erased_at: datetime | None = None

    @property
    def open_stage(self) -> StageFacts | None:
        """The stage that waits for decisions, if the request is held."""
        return next((stage for stage in self.stages if stage.status == "open"), None) if self.status == "held" else None
