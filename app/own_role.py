"""Before a process works: it connects as a role that can add to the ledger, and do nothing else to it."""

from __future__ import annotations

import logging

import asyncpg
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, stop_never
from tenacity import wait_random_exponential as between
from tenacity.stop import stop_base

from app.db.own_role import dangers
from app.db.roles import APP, SEQUENCER
from app.domain.errors import Misconfigured
from app.settings import Settings

log = logging.getLogger(__name__)

SHOWN = 3
"""Reasons that are said; a superuser has them all."""
_NO_ANSWER = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


async def check_role(settings: Settings) -> None:
    """The role of the API and of the worker's steps.

    Outside development it waits for a database that does not answer, and raises Misconfigured for a role that could
    alter entries. In development that is a warning in the log.
    """
    await _check(settings, settings.database.url.get_secret_value(), APP, "INTERLOCK_DATABASE__URL")


async def check_sequencer(settings: Settings) -> None:
    """The role of the worker's sequencer, where it has one of its own; as `check_role`."""
    if settings.database.sequencer_url is not None:
        await _check(settings, settings.database.to_seal, SEQUENCER, "INTERLOCK_DATABASE__SEQUENCER_URL")


async def _check(settings: Settings, url: str, rightly: str, variable: str) -> None:
    lenient = settings.environment == "development"
    try:
        role, found = await _asked(url, stop_after_attempt(1) if lenient else stop_never)
    except _NO_ANSWER as error:
        log.warning("whether the role of %s could alter the ledger is not known: %s", variable, type(error).__name__)
        return
    if not found:
        return
    sentence = _sentence(role, found, rightly, variable)
    if not lenient:
        raise Misconfigured(sentence)
    log.warning("%s Outside development that is refused.", sentence)


async def _asked(url: str, stop: stop_base) -> tuple[str, list[str]]:
    tries = AsyncRetrying(
        retry=retry_if_exception_type(_NO_ANSWER),
        wait=between(multiplier=0.2, max=5),
        stop=stop,
        before_sleep=_say_so,
        reraise=True,
    )
    return await tries(dangers, url)


def _say_so(tried: RetryCallState) -> None:
    error = tried.outcome.exception() if tried.outcome else None
    log.warning("the database does not answer (%s): waiting for it before anything else", type(error).__name__)


def _sentence(role: str, found: list[str], rightly: str, variable: str) -> str:
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return (
        f"The ledger is not safe from the database role {role}: {'; '.join(found[:SHOWN])}{more}. Let whoever"
        f" administers the database run `interlock db harden`, then connect as {rightly}: set {variable}"
        " (docs/database-roles.md)."
    )
