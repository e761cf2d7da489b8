"""Requests as people name them in a command: by the whole id, or by its beginning."""

from __future__ import annotations

import re
import uuid

from app.domain.errors import NotFound
from app.use_cases import read
from app.use_cases.actors import Actor
from app.use_cases.services import Services

_PART = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")


async def found(services: Services, who: Actor, verb: str, named: str) -> uuid.UUID | str:
    """The id of what was named, or the sentence that says why it is none. Raises NotFound for what one may not see.

    ``verb``: the command's word, for that sentence.
    """
    named = named.lower()
    if not _PART.fullmatch(named):
        return f"Name a request: /interlock {verb} ID, with its whole id or its first eight characters or more."
    if len(named) == 36:
        return await _by_id(services, who, named)
    several = await _by_part(services, who, named)
    if len(several) > 1:
        return "More than one request begins so; write more of the id."
    if not several:
        return "No request that you may see begins so."
    return uuid.UUID(several[0])


async def _by_id(services: Services, who: Actor, named: str) -> uuid.UUID:
    try:
        request_id = uuid.UUID(named)
    except ValueError:
        raise NotFound("There is no such request.") from None
    await read.read(services, who, request_id)
    return request_id


async def _by_part(services: Services, who: Actor, named: str) -> list[str]:
    """Two at most: more than one is too many."""
    page = await read.listing(services, who, read.Filters(id_begins=named), cursor=None, limit=2)
    return [shown["id"] for shown in page["items"]]
