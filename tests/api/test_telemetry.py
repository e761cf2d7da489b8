"""One line of JSON a record, and nothing in it that should not be."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from app.telemetry import JsonLines, log_context


def line(message: str, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("app.x", logging.WARNING, "x.py", 1, message, None, more.pop("exc_info", None))
    for name, value in more.items():
        setattr(record, name, value)
    text = JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_record_is_a_line() -> None:
    found = line("something\nhappened", fields={"route": "/healthz"})
    assert (found["level"], found["logger"], found["message"]) == ("warning", "app.x", "something\nhappened")
    assert found["route"] == "/healthz"


def test_the_context_is_on_every_line_inside() -> None:
    with log_context(trace_id="t", missing=None), log_context(request="r"):
        found = line("x")
    assert (found["trace_id"], found["request"]) == ("t", "r")
    assert "missing" not in found
    assert "trace_id" not in line("x")


def test_a_traceback_has_frames_and_classes_but_no_messages() -> None:
    try:
        try:
            json.loads("top-secret")
        except ValueError as error:
            raise LookupError(f"no {error} for top-secret") from error
    except LookupError:
        found = line("failed", exc_info=sys.exc_info())
    assert found["error"] == "LookupError"
    assert "JSONDecodeError" in found["traceback"]
    assert "test_telemetry.py" in found["traceback"]
    assert "for top-secret" not in found["traceback"].replace('f"no {error} for top-secret"', "")
