"""All commands in one tree, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import os
import sys

import typer

from app.cli import credentials, doctor, ledger, people, policy, processes, stack
from app.cli.failing import TOLD, tell

interlock = typer.Typer(
    name="interlock",
    help="Holds a chatbot's sensitive action until the right people release it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for part in (policy, stack, processes, credentials, people, ledger, doctor):
    part.register(interlock)


def main() -> None:
    """Run the command line; exits with the codes of `app.cli`."""
    os.environ.pop("INTERLOCK_URL", None)  # curl's, by `interlock up`: no setting, and unknown ones are refused
    try:
        interlock()
    except TOLD as error:
        sys.exit(tell(error))
