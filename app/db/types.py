"""Column types."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from app.domain.digest import canonical


class CanonicalJson(TypeDecorator[Any]):
    """A JSON value kept as its RFC 8785 text.

    jsonb would write 1e300 out in digits and so change what a digest is computed over; text gives back what it got.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        """A JSON value to text; None stays NULL."""
        return None if value is None else canonical(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's signature
        """Text to a JSON value."""
        return None if value is None else json.loads(value)
