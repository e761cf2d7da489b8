"""A call as most tests make it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.domain.outcome import Answer
from app.execution.http import Call, boottime

PARAMETERS = {"reason": "größer", "order_id": "#W2378156", "amount": 10.0}


def a_call(port: int, **changes: Any) -> Call:
    given: dict[str, Any] = {
        "request_id": "0b1f4a52-6a64-5c1c-9f6e-0d3f5c2b7a11",
        "attempt": 1,
        "url": f"http://127.0.0.1:{port}/cancel",
        "parameters": PARAMETERS,
        "timeout": timedelta(seconds=10),
        "bearer": "the-grant",
        "hosts": frozenset({"127.0.0.1", "localhost"}),
        "private": True,
        "committed_at": boottime(),
    }
    return Call(**given | changes)


def reason(answer: Answer) -> str:
    assert answer.error is not None
    return str(answer.error["reason"])
