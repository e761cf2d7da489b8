"""Logs and metrics. Neither ever holds a body, a token, a query string or what an exception quotes of them."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

METRICS_TYPE = CONTENT_TYPE_LATEST
"""Content type of `metrics`."""

_requests = Counter("interlock_http_requests_total", "Answers of the HTTP API.", ("method", "route", "status"))
_seconds = Histogram("interlock_http_request_seconds", "Time to answer, long polls included.", ("method", "route"))
_slack_calls = Counter("interlock_slack_calls_total", "Calls to Slack.", ("method", "result"))
_redemptions = Counter("interlock_grant_redemptions_total", "Calls of targets to redeem a grant.", ("result",))
_webhooks = Counter("interlock_webhooks_total", "Events sent by webhook.", ("kind", "name", "result"))
_context: ContextVar[dict[str, Any]] = ContextVar("interlock_log_context", default={})  # noqa: B039  never changed


def answered(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer. ``route``: the template, never the path: a label per request id would never end."""
    _requests.labels(method, route, str(status)).inc()
    _seconds.labels(method, route).observe(seconds)


def called_slack(method: str, result: str) -> None:
    """Count one call to Slack. ``result``: ok, refused, limited, unreachable or lost."""
    _slack_calls.labels(method, result).inc()


def redeemed(result: str) -> None:
    """Count one call to redeem a grant. ``result``: redeemed, redeemed-again, or why not."""
    _redemptions.labels(result).inc()


def sent_webhook(kind: str, name: str, result: str) -> None:
    """Count one event. ``kind``: export or bot; ``name``: which; ``result``: taken, refused or given-up."""
    _webhooks.labels(kind, name, result).inc()


def metrics() -> bytes:
    """All metrics of this process in the text format of Prometheus."""
    return generate_latest()


@contextmanager
def log_context(**fields: Any) -> Iterator[None]:
    """Fields that every line logged inside the block carries; None is left out."""
    token = _context.set({**_context.get(), **{name: value for name, value in fields.items() if value is not None}})
    try:
        yield
    finally:
        _context.reset(token)


def configure_logging(level: int = logging.INFO) -> None:
    """One JSON object a line, on stderr, for all loggers. Call once, from a root."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole URLs at INFO


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, the context, ``extra={"fields": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_context.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__qualname__
            line["traceback"] = _frames(record.exc_info[1], record.exc_info[2])
        return json.dumps(line, default=str)


def _frames(error: BaseException | None, trace: TracebackType | None) -> str:
    """Where it went wrong, causes first, without the exceptions' messages: those quote parameters and statements."""
    lines = [f"{type(error).__qualname__}\n", *traceback.format_tb(trace)]
    cause = error and (error.__cause__ or (None if error.__suppress_context__ else error.__context__))
    if cause is not None:
        lines = [_frames(cause, cause.__traceback__), "\nthen\n", *lines]
    return "".join(lines)
