"""What docs/database-roles.md says is so."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from sqlalchemy import text

from app.db.hardening import differences, harden, within
from app.db.migrate import upgrade
from app.db.roles import APP, AUDITOR, LOGINS, MIGRATOR, ROLES, SEQUENCER, as_markdown
from app.devstack import Postgres
from app.settings import load
from tests.db.test_schema import connected

PAGE = (Path(__file__).parents[2] / "docs" / "database-roles.md").read_text()
ADMINISTRATOR, LOOK = [block.rstrip().rstrip(";") for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)]


def test_it_prints_the_grants_and_all_roles() -> None:
    assert as_markdown() in PAGE
    assert all(f"| `{role}` |" in PAGE for role in ROLES)


def test_it_names_variables_that_exist() -> None:
    names = set(re.findall(r"INTERLOCK_[A-Z_]+", PAGE))
    needed = {"INTERLOCK_KEYS__DIR": "x", "INTERLOCK_API__BASE_URL": "http://x", "INTERLOCK_DATABASE__URL": ""}
    assert load(needed | dict.fromkeys(names, "postgresql://x/y")).database.migrator_url is not None
    hardens = set(re.findall(r"HARDEN_([A-Z]+)_PASSWORD", PAGE))
    assert hardens <= {name.upper() for name in LOGINS}
    assert "MIGRATOR, SEQUENCER, AUDITOR" in PAGE


async def test_its_statements_do_what_it_says() -> None:
    """On a server of its own: the account of its example makes everything, and needs no superuser for it."""
    with tempfile.TemporaryDirectory(prefix="interlock-page-") as folder:
        async with Postgres.start(Path(folder)) as server:
            async with connected(server.url()) as connection:
                outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
                for statement in ADMINISTRATOR.split(";"):
                    await outside.execute(text(statement))
            url = server.url("interlock_managed", "interlock_dba")
            await within(url, lambda connection: harden(connection, {}))
            await upgrade(server.url("interlock_managed", MIGRATOR))
            assert await within(url, differences) == []
            async with connected(server.url("interlock_managed", APP)) as connection:
                rows = [tuple(row) for row in await connection.execute(text(LOOK))]
    mine = {column for role, privilege, column in rows if (role, privilege) == (APP, "INSERT")}
    assert mine == {"stream", "n", "body"}
    granted = {(role, privilege) for role, privilege, _ in rows}
    assert granted <= {(APP, "SELECT"), (APP, "INSERT"), (AUDITOR, "SELECT"), (SEQUENCER, "SELECT")}
