"""The entries of a compiled policy, as the rest of Interlock reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from app.domain.budget import Budget
from app.domain.owner_review import Terms
from app.domain.request import Mode, Reversibility, Risk
from app.governance.calendars import Calendar
from app.governance.cel import ValueExpression
from app.governance.schemas import ParameterSchema


@dataclass(frozen=True, slots=True)
class RollbackRule:
    """How an action is undone. ``parameters``: CEL source. ``plan``: None means the original's strictest."""

    action: str
    parameters: str
    within: timedelta
    plan: str | None


@dataclass(frozen=True, slots=True)
class Errand:
    """What the owner's worker runs, and until how long after the start it may fetch the grant."""

    task_queue: str
    activity: str
    start_within: timedelta


@dataclass(frozen=True, slots=True)
class Action:
    """An entry of the catalogue.

    ``version``: ``sha256:`` over the entry's RFC 8785 form. ``path``, ``method``, ``idempotent`` are of `Mode.HTTP`;
    ``idempotent``, ``errand`` of `Mode.TEMPORAL`; ``start_within`` of `Mode.BOT`. ``sensitive``: paths of masked
    fields, ``"*"`` for the elements of a list.
    """

    name: str
    title: str
    risk: Risk
    reversibility: Reversibility
    data: tuple[str, ...]
    parameters: Mapping[str, Any]
    version: str
    mode: Mode
    target: str
    path: str | None
    method: str
    idempotent: bool
    timeout: timedelta
    start_within: timedelta | None
    default_plan: str | None
    on_behalf_of_required: bool
    rollback: RollbackRule | None
    sensitive: tuple[tuple[str, ...], ...]
    owners: Mapping[str, str]
    errand: Errand | None = None

    @property
    def reach(self) -> timedelta:
        """How long after its start a call that Interlock makes, or has made, may be under way."""
        return self.timeout if self.errand is None else self.errand.start_within + self.timeout


@dataclass(frozen=True, slots=True)
class CompiledAction:
    """An action with what is compiled of it."""

    action: Action
    schema: ParameterSchema
    beneficiary: ValueExpression | None
    conflict_key: ValueExpression | None
    rollback_parameters: ValueExpression | None
    value_at_risk: ValueExpression | None = None


@dataclass(frozen=True, slots=True)
class BotWebhook:
    """Where a bot is told of its requests."""

    url: str
    private: bool


@dataclass(frozen=True, slots=True)
class Bot:
    """A non-human identity. ``model``: the approved one. ``owners``: seat to a person or ``group:NAME``.

    ``review``: how often its owners review it.
    ``purpose``, ``data``, ``review_by``: of its use case, as the files say it; none where they say none.
    """

    id: str
    title: str
    model: Mapping[str, Any] | None
    entitlements: tuple[str, ...]
    deployed_by: str
    owners: Mapping[str, str]
    budgets: tuple[Budget, ...] = ()
    review: Terms = field(default_factory=Terms)
    purpose: str | None = None
    data: tuple[str, ...] = ()
    review_by: str | None = None
    webhook: BotWebhook | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A system that actions act on."""

    name: str
    url: str
    audience: str
    hosts: frozenset[str]
    private: bool
    clients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """People who hold something together."""

    name: str
    members: frozenset[str]
    may: frozenset[str]
    slack_channel: str | None = None
    calendar: Calendar | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A rolling figure. ``sum``: the parameter that it sums; None counts requests."""

    name: str
    action: str
    sum: str | None
    per: tuple[str, ...]
    over: timedelta


@dataclass(frozen=True, slots=True)
class PersonIdentity:
    """One account of a person. ``provider`` oidc: ``issuer`` and ``subject`` are iss and sub; slack: team and user."""

    provider: str
    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class PersonFile:
    """A person as the files have them; ``subjects`` in their one spelling."""

    id: str
    name: str
    emails: tuple[str, ...] = ()
    time_zone: str = "UTC"
    subjects: frozenset[str] = field(default_factory=frozenset)
    identities: tuple[PersonIdentity, ...] = ()


def covers(pattern: str, action: str) -> bool:
    """True when an entitlement or window pattern covers an action: ``*`` stands for any run of characters, dots too."""
    return fnmatchcase(action, pattern)
