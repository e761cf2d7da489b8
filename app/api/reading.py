"""Reading bodies: declared, bounded, strict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from app.api import strict_json
from app.domain.errors import Malformed, NotJson, TooLarge, TooSlow

MAX_BODY = 1024 * 1024
BODY_WITHIN = 20.0
"""Seconds that a body may take to come; who stalls does not keep a connection."""

M = TypeVar("M", bound=BaseModel)


def body_of(model: type[M], *, may_be_empty: bool = False) -> Callable[[Request], Awaitable[M]]:
    """A dependency that reads a body of this shape.

    It raises NotJson, TooLarge, or Malformed with ``where``: the path to what is to blame. ``may_be_empty``: no body
    at all is taken as ``{}``.
    """

    async def read(request: Request) -> M:
        if may_be_empty and "content-type" not in request.headers:
            raw = await read_up_to(request, MAX_BODY)
            if not raw:
                return _shaped(model, {})
        refuse_unless_json(request)
        return _shaped(model, strict_json.loads(await read_up_to(request, MAX_BODY)))

    return read


async def read_up_to(request: Request, limit: int) -> bytes:
    """The body. Raises TooLarge before more than ``limit`` bytes are kept, whatever Content-Length says.

    The connection stays: the server throws away the rest unread, where closing on a caller who is still sending would
    cost them the answer.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limit):
        raise _too_large(limit)
    try:
        async with asyncio.timeout(BODY_WITHIN):
            return await _all_of(request, limit)
    except TimeoutError:
        raise TooSlow(f"The body did not come within {BODY_WITHIN:.0f} s.") from None


async def _all_of(request: Request, limit: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def refuse_unless_json(request: Request) -> None:
    """Raise NotJson unless the body is declared as ``application/json``, in UTF-8 if a charset is named."""
    media_type, _, parameters = ",".join(request.headers.getlist("content-type")).partition(";")
    named = [part.strip().lower().replace('"', "") for part in parameters.split(";") if part.strip()]
    if media_type.strip().lower() != "application/json" or any(part != "charset=utf-8" for part in named):
        raise NotJson("Send the body as Content-Type: application/json, in UTF-8.")


def _shaped(model: type[M], value: object) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise malformed(error.errors(include_url=False, include_input=False, include_context=False)) from None


def malformed(found: list[dict[str, object]] | list[object] | object, *, skip: int = 0) -> Malformed:
    """The first thing that Pydantic found wrong. ``skip``: leading parts of its path that are not the caller's."""
    first = found[0] if isinstance(found, list) and found else {}
    location = first.get("loc", ()) if isinstance(first, dict) else ()
    where = ".".join(str(part)[:100] for part in list(location)[skip:])
    said = str(first.get("msg", "not of the right shape")) if isinstance(first, dict) else ""
    sentence = said.removeprefix("Value error, ")
    return Malformed(f"{where or 'The body'}: {sentence}.", where=where or None)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is over {limit // 1024} KiB.")
