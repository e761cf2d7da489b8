"""All commands in one tree, and the one place where they end."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

import typer

from app.cli import (
    credentials,
    db,
    doctor,
    grants,
    incidents,
    ledger,
    oversight,
    people,
    policy,
    processes,
    reviews,
    stack,
)
from app.cli.failing import TOLD, tell

interlock = typer.Typer(
    name="interlock",
    help="Holds a chatbot's sensitive action until the right people release it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for part in (policy, stack, processes, credentials, people, reviews, incidents, ledger, oversight, grants, db, doctor):
    part.register(interlock)


def main() -> NoReturn:
    """Run the command line; exits with the codes of `app.cli`."""
    try:
        interlock()
    except SystemExit as end:
        _leave(_code(end.code))
    except TOLD as error:
        _leave(tell(error))
    _leave(0)


def _code(code: object) -> int:
    """What Python itself would make of it: None is fine, words are a failure that must be said."""
    if code is None or isinstance(code, int):
        return code or 0
    typer.echo(str(code), err=True)
    return 1


def _leave(code: int) -> NoReturn:
    """End without Python's own finish: a thread of Temporal's client that is just letting go would abort it.

    Seen with temporalio 1.35 after a short call on a busy machine: "PyGILState_Release: thread state must be current".
    """
    logging.shutdown()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
