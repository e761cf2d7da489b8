"""What crosses between Interlock and Temporal: one dataclass in, one out. Never parameters in an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from app.domain.states import OPEN, Status

TASK_QUEUE = "interlock"


@dataclass(frozen=True)
class Start:
    """What starts a request's workflow. ``ask``: the ask as JSON text, once; None takes over a row that stands.

    ``mark``: made up by the call that starts it, so that it knows its own start from that of another call.
    """

    request_id: str
    ask: str | None = None
    mark: str = ""


@dataclass(frozen=True)
class Admit:
    """What `admit` is given. ``started_at`` and ``seen_at``: Temporal's times of the start and of the admission."""

    request_id: str
    ask: str | None
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class State:
    """How a row stands. ``due_in``: seconds until something is due; ``blocked``: approved, but not ours to run now."""

    version: int
    status: str
    due_in: float | None = None
    blocked: bool = False

    @property
    def is_open(self) -> bool:
        """True while a workflow has work to do for it."""
        return Status(self.status) in OPEN

    @property
    def runs(self) -> bool:
        """True when the next thing is to execute (or to find out about an execution that somebody left)."""
        return self.is_open and self.status != Status.HELD and not self.blocked


@dataclass(frozen=True)
class Admitted:
    """The answer of `admit`: how the row stands, the keyed hash of its body, the mark of the call that it came by."""

    state: State
    body_hash: str
    mark: str = ""


@dataclass(frozen=True)
class Act:
    """An attempt, stored and judged once already, to be judged again and recorded."""

    request_id: str
    attempt_id: str


@dataclass(frozen=True)
class ReviewStart:
    """What a bot's schedule starts its owner review with."""

    bot: str


@dataclass(frozen=True)
class OpenReview:
    """What `open_review` is given. ``workflow``: the id of the one that asks, unique to the moment it was due at."""

    bot: str
    workflow: str


@dataclass(frozen=True)
class ReviewState:
    """How an owner review stands. ``due_in``: seconds until something is due; None: nothing ever is."""

    review_id: str
    status: str
    due_in: float | None = None


@dataclass(frozen=True)
class RunItems:
    """What starts the run of an incident's rollback: the request that was signed."""

    request_id: str


@dataclass(frozen=True)
class Advanced:
    """What `advance` says. ``begin``: whose turn it is; ``due_in``: seconds until it is to look again at the latest."""

    begin: list[Start] = field(default_factory=list)
    due_in: float | None = None
    done: bool = False


@dataclass(frozen=True)
class Handed:
    """What the owner's worker is given, in clear: ids, and a handle that gives nothing without its credentials."""

    request_id: str
    attempt: int
    handle: str


@dataclass(frozen=True)
class Errand:
    """What starts the workflow of one attempt: the activity, on the owner's task queue. Times are seconds."""

    handed: Handed
    task_queue: str
    activity: str
    start_within: float
    timeout: float
