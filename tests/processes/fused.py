"""The worker process with fuses: places in an execution or a step at which it kills or freezes itself, once.

A fuse is a file ``$INTERLOCK_DATA/fuses/POINT`` that holds ``kill`` or ``freeze``, a blank, and the request's id. It is
removed as it blows, so that the worker started next goes on. Nothing of the worker is replaced, only surrounded.

Points: ``admit``, ``decide``, ``cancel``, ``begin``, ``report``, ``tick``, ``finish``: the step has committed, Temporal
does not know it yet. ``before-call``: the attempt is committed, nothing is sent, nor handed over. ``after-call``: the
target has answered, or its owner's worker was handed it, nothing is recorded. ``writing-KIND``: an entry of that kind
is written, its transaction is open.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app import worker
from app.activities import execution
from app.activities import request as door
from app.db import ledger
from app.db.ledger import extend
from app.domain.outcome import Answer
from app.execution.http import Call, send
from app.execution.temporal import Attempt, Handing, Order
from app.steps import act, judge, tick

FUSES = Path(os.environ["INTERLOCK_DATA"]) / "fuses"
SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}


def burn(point: str, request_id: str) -> None:
    """Kill or freeze this process, if a fuse is laid here for this request."""
    fuse = FUSES / point
    if not fuse.exists():
        return
    how, _, meant = fuse.read_text().partition(" ")
    if meant != request_id:
        return
    fuse.unlink()
    os.kill(os.getpid(), SIGNALS[how])


def _surrounded(point: str, step: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def fused(ctx: Any, request_id: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await step(ctx, request_id, *args, **kwargs)
        burn(point, str(request_id))
        return answer

    return fused


async def _extend(
    session: AsyncSession, stream: str, at: datetime, entries: Sequence[tuple[str, dict[str, Any]]]
) -> None:
    await extend(session, stream, at, entries)
    for kind, _ in entries:
        burn(f"writing-{kind}", stream.removeprefix("request:"))


async def _send(http: httpx.AsyncClient, call: Call) -> Answer:
    burn("before-call", call.request_id)
    answer = await send(http, call)
    burn("after-call", call.request_id)
    return answer


async def _hand_over(handing: Handing, attempt: Attempt, order: Order) -> None:
    burn("before-call", attempt.request_id)
    await hand_over(handing, attempt, order)
    burn("after-call", attempt.request_id)


SURROUNDED = (
    (door, "admit"),
    (judge, "decide"),
    (tick, "tick"),
    (act, "cancel"),
    (act, "begin"),
    (act, "report"),
    (execution, "finish"),
)
for module, name in SURROUNDED:
    setattr(module, name, _surrounded(name, getattr(module, name)))
ledger.extend = _extend
hand_over = getattr(Handing, "_hand_over")  # noqa: B009  no name that the module exports
setattr(Handing, "_hand_over", _hand_over)  # noqa: B010
setattr(execution, "send", _send)  # noqa: B010  no name that the module exports

if __name__ == "__main__":
    worker.main()
