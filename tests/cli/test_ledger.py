"""``interlock ledger``: shows entries, and finds what an owner of the database has changed."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.cli.command import RULES, done, fails, interlock

TAMPERINGS = (
    "UPDATE entry SET body = overlay(body placing 'X'::bytea from 20) WHERE stream = 'bot:bot' AND n = 1",
    "UPDATE entry SET body = body || ' '::bytea WHERE stream = 'bot:other-bot' AND n = 3",
    "DELETE FROM entry WHERE stream = 'target:desk' AND n = 1",
)
FINDINGS = [
    "bot:bot#2: it is not chained to the entry before it",
    "bot:other-bot#3: the body is not in RFC 8785 form",
    "target:desk#2: number 1 is missing",
    "target:desk#2: it is not chained to the entry before it",
]


async def tamper(url: str) -> None:
    """Change the ledger as a superuser could."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE entry DISABLE TRIGGER entry_refuses_change"))
        for statement in TAMPERINGS:
            await connection.execute(text(statement))
    await engine.dispose()


async def test_what_was_changed_is_found(empty: dict[str, str]) -> None:
    done(empty, "init", str(RULES))
    for holder in (("bots", "bot"), ("bots", "other-bot"), ("targets", "desk")):
        for _ in range(2):
            done(empty, holder[0], "credentials", holder[1])
    told = done(empty, "ledger", "verify").splitlines()
    assert told == [
        "verified: 9 entries, 0 of them sealed, 0 checkpoints, 0 requests",
        "anchored: 0 entries (0 checkpoints); open: 9, for which no anchor vouches yet",
    ]
    await tamper(empty["INTERLOCK_DATABASE__URL"])
    ended = interlock(empty, "ledger", "verify")
    assert (ended.returncode, ended.stdout.splitlines(), ended.stderr) == (1, FINDINGS, "")


def test_a_stream_is_shown(installed: dict[str, str]) -> None:
    assert "policy-installed" in done(installed, "ledger", "show", "installation")


def test_a_stream_that_is_not_there(installed: dict[str, str]) -> None:
    assert fails(installed, 2, "ledger", "show", "bot:nobody") == "The ledger has no stream 'bot:nobody'."


def test_an_empty_ledger_verifies(empty: dict[str, str]) -> None:
    assert done(empty, "ledger", "verify").startswith("verified: 0 entries, 0 of them sealed")


def test_a_database_that_is_not_there(empty: dict[str, str]) -> None:
    elsewhere = {**empty, "INTERLOCK_DATABASE__URL": empty["INTERLOCK_DATABASE__URL"].replace("/t", "/no_t", 1)}
    assert "the database says no" in fails(elsewhere, 2, "ledger", "verify")
