"""What stands in paths, queries and headers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import Depends, Header, Path, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.api.bodies import uuid_text
from app.domain.errors import IdempotencyKeyMissing, NotFound
from app.domain.request import Kind
from app.domain.states import Status

LONGEST_WAIT = 30.0
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ns|us|µs|ms|s|m|h)"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"
BOT = r"^[a-z][a-z0-9_.-]{0,99}$"
"""How the files name a bot."""


def seconds(text: str) -> float:
    """A Go-like duration, ``30s``, ``500ms``, ``1m30s``, cut to 30 s. Raises ValueError."""
    if not re.fullmatch(f"(?:{_PART})+", text):
        raise ValueError("a duration looks like 30s, 500ms or 1m")
    return min(LONGEST_WAIT, sum(float(n) * _UNITS[unit] for n, unit in re.findall(_PART, text)))


def statuses(text: str) -> tuple[str, ...]:
    """Statuses, separated by commas. Raises ValueError."""
    named = tuple(text.split(","))
    if unknown := [name for name in named if name not in set(Status)]:
        raise ValueError(f"{unknown[0]!r:.40} is not a status: {', '.join(Status)}")
    return named


def _a_duration(text: str) -> str:
    seconds(text)
    return text


def _some_statuses(text: str) -> str:
    statuses(text)
    return text


class Wait(BaseModel):
    """How long to wait for a change, and since when."""

    model_config = ConfigDict(extra="forbid")

    wait: Annotated[str, AfterValidator(_a_duration)] | None = Field(
        None,
        description="Answer when the version exceeds `since`, or after this long: `30s`, `500ms`. "
        "More than 30 s is cut to 30 s.",
        examples=["30s"],
    )
    since: Annotated[int, Field(ge=0, lt=2**53)] | None = Field(
        None, description="The `version` that you have; without it, the one that stands when you call."
    )


class Listing(BaseModel):
    """Which requests, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[str, AfterValidator(_some_statuses)] | None = Field(
        None, description="One or several, separated by commas.", examples=["held,approved"]
    )
    kind: Kind | None = None
    bot: Annotated[str, Field(pattern=NAME)] | None = None
    action: Annotated[str, Field(pattern=NAME)] | None = None
    decidable_by: Literal["me"] | None = None
    cursor: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="`next_cursor` of the page before."
    )
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class Pages(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="`next_cursor` of the page before."
    )
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class PermissionsOf(BaseModel):
    """Whose standing permissions."""

    model_config = ConfigDict(extra="forbid")

    bot: Annotated[str, Field(pattern=NAME)] | None = None


class Between(BaseModel):
    """Which period."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[str, Field(max_length=40)] | None = Field(
        None,
        alias="from",
        description="A day in UTC, or RFC 3339; with `to`. Without both: the last full month.",
        examples=["2026-10-01"],
    )
    until: Annotated[str, Field(max_length=40)] | None = Field(
        None,
        alias="to",
        description="As `from`; not part of the period, and at most 366 days later.",
        examples=["2026-11-01"],
    )


def id_in_path(no_such: str) -> Callable[[str], uuid.UUID]:
    """A dependency: the UUID in the path. It raises NotFound, saying ``no_such``, for what is none."""

    def read(text: Annotated[str, Path(alias="id", json_schema_extra={"format": "uuid"})]) -> uuid.UUID:
        try:
            return uuid.UUID(uuid_text(text))
        except ValueError:
            raise NotFound(no_such) from None

    return read


def bot_in_path(text: Annotated[str, Path(alias="id", json_schema_extra={"pattern": BOT})]) -> str:
    """The id of a bot in the path. Raises NotFound for what is none."""
    if not re.fullmatch(BOT, text):
        raise NotFound("There is no such bot.")
    return text


def optional_key(
    request: Request,
    _documented: Annotated[
        str | None, Header(alias="Idempotency-Key", description="1 to 255 visible ASCII characters.")
    ] = None,
) -> str | None:
    """The Idempotency-Key, if one was sent. Raises IdempotencyKeyMissing for two, or one that cannot be taken."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise IdempotencyKeyMissing("Idempotency-Key takes 1 to 255 visible ASCII characters, once.")
    return given[0]


def needed_key(key: Annotated[str | None, Depends(optional_key)]) -> str:
    """The Idempotency-Key. Raises IdempotencyKeyMissing."""
    if key is None:
        raise IdempotencyKeyMissing("Send an Idempotency-Key: the same one again makes the same call count once.")
    return key


RequestId = Annotated[uuid.UUID, Depends(id_in_path("There is no such request."))]
BotId = Annotated[str, Depends(bot_in_path)]
OptionalKey = Annotated[str | None, Depends(optional_key)]
NeededKey = Annotated[str, Depends(needed_key)]
