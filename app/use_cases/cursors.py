"""Where a page of a list ends: opaque to whoever gets it, and nothing but what a page gave out is taken."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime

from app.domain.clocks import moment
from app.domain.errors import Malformed


def behind(at: str, id_: str) -> str:
    """The cursor behind an item. ``at``: RFC 3339."""
    return base64.urlsafe_b64encode(json.dumps([at, id_]).encode()).decode()


def position(text: str) -> tuple[datetime, uuid.UUID]:
    """The place in a list that `behind` stands for. Raises Malformed."""
    try:
        at, id_ = json.loads(base64.urlsafe_b64decode(text.encode()))
        return moment(at).astimezone(UTC), uuid.UUID(id_)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise Malformed("The cursor is not one that a page gave out.", where="cursor") from error
