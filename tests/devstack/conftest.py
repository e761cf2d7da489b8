from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    """A data directory of its own: pytest's are closed to the account that PostgreSQL runs as when we are root."""
    # a server that had to be killed on a busy machine may still write while it dies
    with tempfile.TemporaryDirectory(prefix="interlock-test-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)
