"""How errors end a command: lines on stderr, and an exit code."""

from __future__ import annotations

import asyncpg
import httpx
import typer
from sqlalchemy.exc import SQLAlchemyError

from app.db.session import DatabaseRefused
from app.demo.expect import Unexpected
from app.devstack.errors import StackError
from app.domain.errors import Forbidden, GovernanceInvalid, InterlockError
from app.keys import KeysInvalid

FINDINGS, MISSING, REFUSED, HELD = 1, 2, 3, 4


class RefusedByRule(Exception):
    """What was asked for is not allowed here; the sentence says why and what to do."""


DATABASE = (SQLAlchemyError, asyncpg.PostgresError, DatabaseRefused)
"""How the database says no, by way of each library between it and us."""

TOLD = (
    InterlockError,
    StackError,
    KeysInvalid,
    RefusedByRule,
    Unexpected,
    *DATABASE,
    httpx.HTTPError,
    OSError,
    RuntimeError,
)
"""What a command may raise and `tell` makes lines of. RuntimeError: how Temporal's client says that it is not there."""


def tell(error: BaseException) -> int:
    """Say what went wrong on stderr; the exit code."""
    match error:
        case GovernanceInvalid():
            _say(*(f"{finding.where}: {finding.what}" for finding in error.findings))
            return FINDINGS
        case Unexpected():
            _say(str(error))
            return FINDINGS
        case Forbidden():
            _say(*([f"{v.invariant}: {v.sentence}" for v in error.violations] or [str(error)]))
            return REFUSED
        case RefusedByRule():
            _say(str(error))
            return REFUSED
        case SQLAlchemyError() | asyncpg.PostgresError() | DatabaseRefused():
            _say(f"the database says no: {_first_line(error)}; see `interlock doctor`")
        case _:
            _say(str(error) or type(error).__name__)
    return MISSING


def _first_line(error: BaseException) -> str:
    return (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]


def _say(*lines: str) -> None:
    for line in lines:
        typer.echo(f"interlock: {line}", err=True)
