"""A story told one line a step, and checked at every step."""

from __future__ import annotations

from typing import Any

import typer

COLOURS = {"refused": "red", "denied": "red", "expired": "yellow", "held": "yellow"}


class Unexpected(Exception):
    """A step of the demo went otherwise than expected."""


def expect(what: str, got: Any, expected: Any) -> None:
    """Raise `Unexpected` with both values unless they are equal."""
    if got != expected:
        raise Unexpected(f"{what}: expected {expected!r}, got {got!r}")


class Narrator:
    """Numbers the lines."""

    def __init__(self) -> None:
        self._told = 0

    def tell(self, word: str, sentence: str) -> None:
        """One step, as it was."""
        self._told += 1
        colour = COLOURS.get(word, "green")
        typer.echo(f"[{self._told:2}] {typer.style(f'{word:<9}', fg=colour)} {sentence}")

    def detail(self, line: str) -> None:
        """More about the step before."""
        typer.echo(f"     {line}")
