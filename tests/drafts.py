"""Drafts of other rules: those of tests/rules, with words replaced."""

from __future__ import annotations

from tests.world import RULES


def draft(*edits: tuple[str, str]) -> dict[str, str]:
    """The files of tests/rules by name, each edit ``(old, new)`` made wherever ``old`` stands, somewhere at least."""
    files = {path.name: path.read_text() for path in sorted(RULES.glob("*.yaml"))}
    for old, new in edits:
        assert any(old in text for text in files.values()), old
        files = {name: text.replace(old, new) for name, text in files.items()}
    return files
