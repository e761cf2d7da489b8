"""A word of the files in the place of terms: ``never``."""

from __future__ import annotations

from typing import Any

NEVER = "never"


def never(value: Any) -> Any:
    """``"never"`` as None, terms as they are. Raises ValueError for anything else."""
    if not isinstance(value, dict) and value != NEVER:
        raise ValueError("say never, or the terms: allow, review_within")
    return None if value == NEVER else value
