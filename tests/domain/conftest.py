"""Hypothesis without a deadline: a busy machine is no defect of a rule."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("interlock", deadline=None)
settings.load_profile("interlock")
