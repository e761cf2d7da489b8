from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    """A data directory of its own: pytest's are closed to the account that PostgreSQL runs as when we are root."""
    with tempfile.TemporaryDirectory(prefix="interlock-test-") as directory:
        yield Path(directory)
