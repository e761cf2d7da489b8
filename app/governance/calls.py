"""Tool calls of a file, one JSON object a line, as asks to be judged.

A call: ``{"action", "parameters", "on_behalf_of"?, "triggered_by"?, "bot"?, "at"?, "context"?}``. Without ``bot`` it is
the only bot of the rules in force; without ``at`` (RFC 3339, with its offset from UTC) it is asked now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from app.domain.clocks import moment
from app.domain.errors import Malformed
from app.domain.subjects import subject
from app.governance.models import Model
from app.governance.simulate import Asked

MAX_CALLS = 50_000


def _moment(text: str) -> str:
    moment(text)
    return text


Subject = Annotated[str, AfterValidator(subject)]


class Call(Model):
    """A tool call."""

    action: Annotated[str, Field(min_length=1, max_length=200)]
    parameters: dict[str, Any]
    on_behalf_of: Subject | None = None
    triggered_by: Subject | None = None
    bot: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    at: Annotated[str, AfterValidator(_moment)] | None = None
    context: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unsaid:
    """What a call that does not say otherwise is taken for. ``bot``: None where the rules have not exactly one."""

    bot: str | None
    at: datetime
    environment: str


def calls_of_lines(lines: Iterable[str], unsaid: Unsaid) -> Iterator[Asked]:
    """The calls of a JSONL file; empty lines are passed over. Raises `Malformed` naming the line."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield call_of(_parsed(line, f"line {number}"), f"line {number}", unsaid, then=", ")


def _parsed(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep, or a number too long"
        raise Malformed(f"{where}: is not JSON: {what}.", where=where) from error


def call_of(value: Any, where: str, unsaid: Unsaid, *, then: str = ".") -> Asked:
    """One call. Raises `Malformed` that begins with ``where``; ``then``: what stands between that and a path in it."""
    try:
        call = Call.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = then.join(part for part in (where, ".".join(map(str, first["loc"]))) if part)[:300]
        raise Malformed(f"{path}: {first['msg'].removeprefix('Value error, ')}.", where=path) from error
    bot = call.bot or unsaid.bot
    if bot is None:
        raise Malformed(f"{where}: say which bot asks: the rules in force have not exactly one.", where=where)
    return Asked(
        ref=where,
        action=call.action,
        parameters=call.parameters,
        bot=bot,
        at=unsaid.at if call.at is None else moment(call.at).astimezone(UTC),
        environment=unsaid.environment,
        on_behalf_of=call.on_behalf_of,
        triggered_by=call.triggered_by,
        context=call.context,
    )
