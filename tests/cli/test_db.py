"""``interlock db harden`` as a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from app.db.hardening import harden, within
from app.db.roles import APP, MIGRATOR, OWNER, TABLES, as_role
from tests.cli.command import Environ, done, fails, interlock
from tests.db.test_schema import connected

SAME = "the database is as `interlock db harden` makes it\n"
PASSWORD = "a-password-that-nobody-knows"


def url_of(environ: Environ) -> str:
    return environ["INTERLOCK_DATABASE__URL"]


async def run(url: str, statement: str) -> None:
    async with connected(url) as connection:
        await connection.execute(text(statement))
        await connection.commit()


def test_from_nothing_to_a_schema(bare: dict[str, str]) -> None:
    """As a database administrator does it: harden, migrate as the migrator, check; nothing but a URL is needed."""
    url = url_of(bare)
    alone = {name: value for name, value in bare.items() if not name.startswith("INTERLOCK_")}
    said = done(alone, "db", "harden", "--url", url)
    assert "PUBLIC has CONNECT on DATABASE" in said
    assert all(name in said for name in (*TABLES, OWNER, "INSERT (stream, n, body)"))
    assert done({**bare, "INTERLOCK_DATABASE__MIGRATOR_URL": as_role(url, MIGRATOR)}, "migrate")
    assert done({**alone, "HARDEN_URL": url}, "db", "harden", "--check") == SAME
    assert done({**bare, "INTERLOCK_DATABASE__URL": as_role(url, APP)}, "db", "harden", "--check") == SAME
    assert ": GRANT" not in done(alone, "db", "harden", "--url", url)


async def test_a_grant_too_many_is_found(empty: dict[str, str]) -> None:
    await within(url_of(empty), lambda connection: harden(connection, {}))
    await run(url_of(empty), f"grant update on entry to {APP}")
    ended = interlock(empty, "db", "harden", "--check")
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        f'{APP} has UPDATE ON TABLE "entry": REVOKE UPDATE ON TABLE "entry" FROM "{APP}" CASCADE',
        "1 differences",
    ]
    done(empty, "db", "harden")
    assert done(empty, "db", "harden", "--check") == SAME


async def test_a_password_comes_from_the_environment_or_a_file(empty: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    given = {"HARDEN_APP_PASSWORD": PASSWORD, "HARDEN_AUDITOR_PASSWORD_FILE": str(file)}
    said = done(empty | given, "db", "harden")
    assert "interlock_app has a new password" in said
    assert "interlock_auditor has a new password" in said
    assert PASSWORD not in said
    query = "select rolname::text from pg_authid where rolpassword like 'SCRAM-SHA-256$%' order by 1"
    async with connected(url_of(empty)) as connection:
        assert set((await connection.execute(text(query))).scalars()) >= {"interlock_app", "interlock_auditor"}


@pytest.mark.parametrize(
    ("given", "arguments", "why"),
    [
        ({"HARDEN_APP_PASSWORD": "short"}, (), "at least 16 characters"),
        ({"HARDEN_APP_PASSWORD_FILE": "/nowhere"}, (), "HARDEN_APP_PASSWORD_FILE: cannot read /nowhere"),
        ({}, ("--url", "mysql://x:secret@y/z"), "--url must start with postgresql://"),
    ],
)
def test_what_it_does_not_take(empty: dict[str, str], given: Environ, arguments: tuple[str, ...], why: str) -> None:
    said = fails({**empty, **given}, 2, "db", "harden", *arguments)
    assert why in said
    assert "secret" not in said


async def test_who_may_not_is_told_so_by_the_database(empty: dict[str, str]) -> None:
    await within(url_of(empty), lambda connection: harden(connection, {}))
    await run(url_of(empty), "grant delete on person to interlock_auditor")
    said = fails({**empty, "INTERLOCK_DATABASE__URL": as_role(url_of(empty), APP)}, 2, "db", "harden")
    assert "the database says no" in said
