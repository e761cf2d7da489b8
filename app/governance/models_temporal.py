"""The shape of ``run.temporal`` in an action's entry: an activity of the owner's, on their own task queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from app.domain.clocks import duration

LONGEST_WAIT = timedelta(seconds=60)
"""A grant lives at most 120 s, and what is left of that after the wait is for the action itself."""

LONGEST_RUN = timedelta(hours=1)


def _bounded(most: timedelta) -> AfterValidator:
    def check(text: str) -> str:
        if not timedelta(0) < duration(text) <= most:
            raise ValueError(f"{text!r} is not between 1ms and {int(most.total_seconds())}s")
        return text

    return AfterValidator(check)


def _not_ours(name: str) -> str:
    if name.lower().startswith("interlock"):
        raise ValueError("task queues that begin with interlock are Interlock's own")
    return name


Named = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:/-]*$", max_length=200)]


class Temporal(BaseModel):
    """The owner's worker acts. ``start_within``: how long after the start it may fetch the grant at the latest."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    target: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=100)]
    task_queue: Annotated[Named, AfterValidator(_not_ours)]
    activity: Named
    idempotent: bool = False
    timeout: Annotated[str, _bounded(LONGEST_RUN)] = "30s"
    start_within: Annotated[str, _bounded(LONGEST_WAIT)] = "5s"
