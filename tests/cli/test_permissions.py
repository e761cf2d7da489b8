"""``interlock bots permissions`` and ``revoke``, on an installation of the test's own."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping

from sqlalchemy import text

from app.db.session import Database
from tests.cli.command import done, fails

Installed = Mapping[str, str]

GRANTED = """insert into standing_permission values
    (:id, 'bot', 'do.moderate', 'sha256:0', 'true', 10, 3, null, null, 0, clock_timestamp() + interval '1 day', 'x',
    clock_timestamp(), '[]')"""


async def granted(environ: Installed) -> str:
    """A row as a grant would leave it, without the request that granted it."""
    database, id_ = Database(environ["INTERLOCK_DATABASE__URL"]), uuid.uuid4()
    try:
        async with database.transaction() as session:
            await session.execute(text("alter table standing_permission drop constraint standing_permission_id_fkey"))
            await session.execute(text(GRANTED), {"id": id_})
    finally:
        await database.close()
    return str(id_)


def test_listed_and_revoked(installed: Installed) -> None:
    permission = asyncio.run(granted(installed))
    [one] = [json.loads(line) for line in done(installed, "bots", "permissions", "--as", "eve").splitlines()]
    assert (one["id"], one["uses"], one["revoked_at"]) == (permission, 3, None)
    assert done(installed, "bots", "permissions", "other-bot", "--as", "eve") == ""
    words = ("bots", "revoke", permission, "--reason", "Enough")
    assert "there is no such standing permission" in fails(installed, 2, *words, "--as", "dana").lower()
    ended = json.loads(done(installed, *words, "--as", "eve"))
    assert (ended["status"], ended["revoked_by"], ended["revoke_reason"]) == ("revoked", "eve", "Enough")
    assert json.loads(done(installed, *words, "--as", "ada")) == ended
    assert "seat" in fails(installed, 3, *words, "--as", "anya")
