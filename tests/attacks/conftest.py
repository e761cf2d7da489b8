"""Fixtures of these tests: the API over the world, and rules to change."""

from tests.api.conftest import api
from tests.steps.conftest import rules

__all__ = ["api", "rules"]
