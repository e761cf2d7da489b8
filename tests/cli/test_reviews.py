"""``interlock reviews``, on an installation of the test's own."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping

from sqlalchemy import text

from app.db.session import Database
from tests.cli.command import done, fails

Installed = Mapping[str, str]

OPENED = """insert into owner_review values
    (:id, 'bot', 'gone', 'sha256:0', clock_timestamp(), clock_timestamp() + interval '14 days', 604800, '["olivia"]',
    '{"since": null}', null, '[]')"""


async def opened(environ: Installed) -> str:
    """A row as its workflow would leave it."""
    database, id_ = Database(environ["INTERLOCK_DATABASE__URL"]), uuid.uuid4()
    try:
        async with database.transaction() as session:
            await session.execute(text(OPENED), {"id": id_})
    finally:
        await database.close()
    return str(id_)


def test_listed_and_made(installed: Installed) -> None:
    review = asyncio.run(opened(installed))
    [one] = [json.loads(line) for line in done(installed, "reviews", "list", "--open", "--as", "olivia").splitlines()]
    assert (one["id"], one["status"], one["reviewers"]) == (review, "open", ["olivia"])
    assert done(installed, "reviews", "list", "--as", "dana") == ""
    words = ("reviews", "attest", review, "--reason", "It does what it should")
    assert "there is no such review" in fails(installed, 2, *words, "--as", "dana").lower()
    assert "business seat" in fails(installed, 3, *words, "--as", "sam")
    assert "attested or changed" in fails(installed, 2, *words, "--found", "justified", "--as", "olivia")
    made = json.loads(done(installed, *words, "--as", "olivia"))
    assert (made["status"], made["finding"], made["done_by"]) == ("done", "attested", "olivia")
    assert done(installed, "reviews", "list", "--open", "--as", "olivia") == ""
