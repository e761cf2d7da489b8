"""Incidents as they go out, for the OpenAPI document; and what comes in, by example."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.shapes import InFlight
from app.domain.incident import ItemState, Standing
from app.domain.states import Status

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]

_ID = "1d6f3c9b-70a2-5a4e-8c41-9a7e2f5b0d13"
_REQUEST = "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11"
_ROLLBACK = "c2a7b8e4-1f39-5c6d-b0e8-4d5f6a7b8c90"
_SPAN: dict[str, Any] = {"from": "2026-01-05T09:00:00.000000Z", "to": "2026-01-05T10:00:00.000000Z"}
_SUMMARY = "A changed prompt let it cancel what nobody had asked for. All is restored; the prompt is reviewed."

OPEN: dict[str, Any] = {
    "title": "It cancels orders that nobody asked it to",
    "bots": ["support-bot"],
    "actions": ["orders.*"],
    **_SPAN,
    "suspend": True,
}
ROLL_BACK: dict[str, Any] = {"requests": "all", "reason": "Nobody asked for these cancellations"}
CLOSE: dict[str, Any] = {"summary": _SUMMARY}

BRIEF: dict[str, Any] = {
    "id": _ID,
    "title": OPEN["title"],
    "status": "rolling_back",
    "version": 4,
    "bots": OPEN["bots"],
    "actions": OPEN["actions"],
    **_SPAN,
    "opened_by": "ivan",
    "opened_at": "2026-01-05T10:00:00.000000Z",
    "rollback": _ROLLBACK,
    "closed_by": None,
    "closed_at": None,
    "summary": None,
}
CANDIDATE: dict[str, Any] = {
    "request_id": _REQUEST,
    "bot": "support-bot",
    "action": "orders.refund",
    "status": "succeeded",
    "value": 4_800,
    "value_why": None,
    "reversible": False,
    "until": "2026-01-08T09:30:00.000000Z",
    "conflict_key": "#W2378156",
    "why": "Another rollback of this request stands; look at what reverses it.",
    "started_at": "2026-01-05T09:29:58.000000Z",
    "reversed_by": "7b1e4d2a-93c5-5f60-8e7d-2a3b4c5d6e7f",
}
ITEM: dict[str, Any] = {
    "n": 1,
    "request_id": _REQUEST,
    "rollback": CANDIDATE["reversed_by"],
    "state": "running",
    "why": None,
}
PROGRESS: dict[str, Any] = {"total": 1, "waiting": 1, "succeeded": 0, "failed": 0, "unknown": 0, "skipped": 0}
INCIDENT: dict[str, Any] = {
    **BRIEF,
    "candidates": [CANDIDATE],
    "more_candidates": False,
    "progress": PROGRESS,
    "items": [ITEM],
}
IN_FLIGHT: dict[str, Any] = {
    "request_id": _REQUEST,
    "attempt": 1,
    "action": "orders.refund",
    "started_at": "2026-01-05T09:59:59.000000Z",
}
SUSPENDED: dict[str, Any] = {
    "support-bot": {"suspended_at": "2026-01-05T10:00:00.000000Z", "in_flight": [IN_FLIGHT]},
}


_FATE: dict[str, Any] = {
    "request": _REQUEST,
    "bot": "support-bot",
    "action": "orders.refund",
    "status": "succeeded",
    "value": 4_800,
    "value_why": None,
    "state": "undone",
    "part_of": _ROLLBACK,
    "rollback": CANDIDATE["reversed_by"],
    "why": None,
    "at": "2026-01-05T10:20:03.000000Z",
}
REPORT: dict[str, Any] = {
    "incident": {**BRIEF, "status": "open"},
    "as_of": "2026-01-05T11:00:00.000000Z",
    "timeline": [{"at": BRIEF["opened_at"], "what": "opened", "person": "ivan", "via": "api"}],
    "rollbacks": [
        {
            "request": _ROLLBACK,
            "status": "succeeded",
            "asked_by": "ivan",
            "asked_at": "2026-01-05T10:10:00.000000Z",
            "reason": ROLL_BACK["reason"],
            "digest": "sha256:0b7f6f1f0c6f4a0e5f3a0b0f5a1f8b1d4c9a2e7d6b5c4a392817061514131211",
            "plan": "rollback",
            "decisions": [
                {
                    "person": "rita",
                    "decision": "approve",
                    "stage": "rollback",
                    "level": "login",
                    "via": "api",
                    "reason": "Checked with the warehouse",
                    "standing": True,
                    "at": "2026-01-05T10:20:00.000000Z",
                }
            ],
            "items": 1,
            "ended_why": None,
        }
    ],
    "undone": [_FATE],
    "not_undone": [],
    "totals": {"requests": 1, "undone": 1, "value_undone": 4_800, "value_left": 0, "without_value": 0},
    "more_candidates": False,
}


class IncidentBrief(BaseModel):
    """An incident, without what it is about."""

    model_config = ConfigDict(json_schema_extra={"examples": [BRIEF]})

    id: Id
    title: str = Field(description="A person's words.")
    status: Standing = Field(description="`rolling_back`, `paused`: its rollback was signed, and runs or stands still.")
    version: int = Field(description="Grows with everything that changes here, each step of the rollback too.")
    bots: list[str] = Field(description="None: all.")
    actions: list[str] = Field(description="Names and patterns; none: all.")
    begin: Time = Field(alias="from")
    to: Time
    opened_by: str
    opened_at: Time
    rollback: Id | None = Field(description="The request that undoes it; of several the last.")
    closed_by: str | None
    closed_at: Time | None
    summary: str | None = Field(description="A person's words.")


class IncidentCandidate(BaseModel):
    """One request of a bot that an incident is about: what was started in its span, but for what only reads."""

    model_config = ConfigDict(json_schema_extra={"examples": [CANDIDATE]})

    request_id: Id
    bot: str | None
    action: str
    status: Status
    value: float | None = Field(description="What is at stake, as the catalogue counts it (`value_at_risk`).")
    value_why: str | None = Field(description="Why there is no value, where the catalogue should say one.")
    reversible: bool = Field(description="Whether a rollback may be asked for now.")
    until: Time | None = Field(description="Until when it may, or might have been, asked for.")
    conflict_key: str | None
    why: str | None = Field(description="Why it is not reversible.")
    started_at: Time
    reversed_by: Id | None = Field(description="The rollback that stands.")


class IncidentItem(BaseModel):
    """One of those that the rollback undoes; the newest comes first."""

    n: int
    request_id: Id = Field(description="What is undone.")
    rollback: Id | None = Field(description="The request that undoes it, once its turn has come.")
    state: ItemState = Field(description="`skipped`: nothing ran, and nothing will; `unknown`: people settle it.")
    why: str | None = Field(
        description="Why it was left alone or ended otherwise than undone, for machines. Among others: "
        "`depends-on-failed`, `incident-closed`, `too-late`, `stale-authority`, `not-reversible`, `outcome-changed`; "
        "of a rollback that never ran its own status, such as `denied`."
    )


class IncidentProgress(BaseModel):
    """How far the rollback is. What runs is among those that wait."""

    total: int
    waiting: int
    succeeded: int
    failed: int
    unknown: int
    skipped: int


class SuspendedBot(BaseModel):
    """A bot that was to be suspended."""

    suspended_at: Time | None = Field(description="Since when it is; null: it was let go on since.")
    in_flight: list[InFlight] = Field(description="What had started before and has no outcome yet.")


class IncidentView(IncidentBrief):
    """An incident. `candidates` are the newest 1,000."""

    model_config = ConfigDict(title="Incident", json_schema_extra={"examples": [INCIDENT]})

    candidates: list[IncidentCandidate]
    more_candidates: bool = Field(description="True: there are older ones, which the list leaves out.")
    progress: IncidentProgress
    items: list[IncidentItem]


class OpenedIncident(IncidentView):
    """An incident just opened."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**INCIDENT, "suspended": SUSPENDED}]})

    suspended: dict[str, SuspendedBot] = Field(default={}, description="By bot; only where that was asked for.")


class Incidents(BaseModel):
    """A page of incidents."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [BRIEF], "next_cursor": None}]})

    items: list[IncidentBrief]
    next_cursor: str | None


class ReportEvent(BaseModel):
    """Something that happened. What else it names goes by its kind: bot, request, stage, level, status, why, items."""

    model_config = ConfigDict(extra="allow")

    at: Time
    what: str = Field(
        description="`opened`, `paused`, `resumed`, `closed`; `bot-suspended`, `bot-resumed`; of a rollback `asked`, "
        "`approved`, `denied`, `abstained`, `begun`, `left-alone`, `ended`. More may come."
    )
    person: str | None = Field(default=None, description="Who did it, where a person did.")
    via: str | None = None


class ReportDecision(BaseModel):
    """What a person said of a rollback."""

    person: str
    decision: Literal["approve", "deny", "abstain"]
    stage: str | None
    level: str
    via: str
    reason: str | None
    standing: bool
    at: Time


class ReportRollback(BaseModel):
    """One request to undo it."""

    request: Id
    status: Status
    asked_by: str
    asked_at: Time
    reason: str | None
    digest: str
    plan: str | None
    decisions: list[ReportDecision]
    items: int
    ended_why: str | None


class ReportFate(BaseModel):
    """What became of one request that it is about."""

    request: Id
    bot: str | None
    action: str
    status: Status
    value: float | None
    value_why: str | None
    state: Literal["undone", "failed", "unknown", "skipped", "waiting", "running", "not-chosen", "not-reversible"]
    part_of: Id | None = Field(description="The rollback of this incident whose item it was.")
    rollback: Id | None = Field(description="The request of its own that undid it, or tried to.")
    why: str | None
    at: Time | None = Field(default=None, description="Of what is undone: when.")
    error_status: int | None = Field(default=None, description="Of what failed: what the target answered.")
    settle_by: list[str] = Field(default=[], description="Of what is unknown: who may settle it.")


class IncidentReport(BaseModel):
    """All of an incident on paper: the lists with the newest request first."""

    model_config = ConfigDict(json_schema_extra={"examples": [REPORT]})

    incident: IncidentBrief
    as_of: Time
    timeline: list[ReportEvent]
    rollbacks: list[ReportRollback]
    undone: list[ReportFate]
    not_undone: list[ReportFate]
    totals: dict[str, float] = Field(
        description="`requests`, `undone`, each other state that there is, `value_undone`, `value_left`, and of how "
        "many nothing says a value (`without_value`)."
    )
    more_candidates: bool


ANSWERS: tuple[type[BaseModel], ...] = (IncidentView, OpenedIncident, Incidents, IncidentReport)
"""All that an operation answers with."""
