"""A database at work is upgraded: what it holds reads as it should, and the release before goes on beside it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import requests, stops
from app.db.migrate import config, upgrade
from app.db.session import Database
from app.devstack import Postgres
from tests.db.test_schema import connected
from tests.domain.strategies import NOW

TEXTS = (
    "body_hash", "action", "action_version", "mode", "risk", "reversibility", "parameters_digest", "environment",
    "nonce", "digest",
)  # fmt: skip
OBJECTS = ("windows", "verdict", "members")
LISTS = ("beneficiaries", "bot_owners")
OPEN = ("held", "approved", "executing", "unknown", "succeeded")


def row(**fields: Any) -> dict[str, Any]:
    """A request as release 0002 wrote it."""
    return {
        "id": uuid.uuid4(),
        "kind": "action",
        "asker_kind": "bot",
        "asker_id": "support-bot",
        "chain_length": 1,
        "parameters": "{}",
        "context": "{}",
        "expires_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        "has_workflow": True,
        "stop_epochs": "[0, 0]",
        "version": 1,
        "status": "held",
        "policy_version": "sha256:one",
        **dict.fromkeys(TEXTS, "x"),
        **dict.fromkeys(OBJECTS, "{}"),
        **dict.fromkeys(LISTS, "[]"),
        **fields,
    }


async def insert(connection: AsyncConnection, table: str, fields: dict[str, Any]) -> uuid.UUID | None:
    """As a release does that knows these columns alone."""
    values = ", ".join(f"cast(:{name} as jsonb)" if name in JSONB else f":{name}" for name in fields)
    await connection.execute(text(f"insert into {table} ({', '.join(fields)}) values ({values})"), fields)  # noqa: S608
    return fields.get("id")


JSONB = (*OBJECTS, *LISTS, "stop_epochs")


@pytest.fixture(scope="module")
async def at_work(postgres: Postgres) -> tuple[str, dict[str, uuid.UUID]]:
    """A database of release 0002 with a request in each state, then upgraded. Its url, and the requests by status."""
    name = f"old{uuid.uuid4().hex}"
    await postgres.create_database(name)
    url = postgres.url(name)
    await asyncio.to_thread(command.upgrade, config(url), "0002")
    async with connected(url) as connection:
        await insert(connection, "policy_version", await _policy(connection))
        made = {status: row(status=status) for status in (*OPEN, "denied")}
        for fields in made.values():
            await insert(connection, "request", fields)
        await insert(connection, "execution_attempt", _attempt(made["executing"]["id"]))
        await insert(connection, "bot", {"id": "support-bot", "stop_epoch": 0})
        await connection.commit()
    await upgrade(url)
    return url, {status: fields["id"] for status, fields in made.items()}


async def _policy(connection: AsyncConnection) -> dict[str, Any]:
    """One version, with something in every column that must have something."""
    query = "select column_name, data_type from information_schema.columns where table_name = 'policy_version' and "
    wanted = await connection.execute(text(query + "is_nullable = 'NO' and column_default is null"))
    kinds: dict[str, Any] = {"text": "x", "jsonb": "{}", "timestamp with time zone": NOW}
    return {name: "sha256:one" if name == "id" else kinds[kind] for name, kind in wanted}


def _attempt(request_id: uuid.UUID) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "n": 1,
        "owner": "one",
        "started_at": NOW,
        "grant_jti": "j",
        "grant_hash": "h",
        "grant_expires_at": NOW,
        "holds_key": True,
    }


async def test_the_bot_of_what_was_there_is_who_asked(at_work: tuple[str, dict[str, uuid.UUID]]) -> None:
    async with connected(at_work[0]) as connection:
        found = await connection.execute(text("select bot, about_bot, undoes, ended_reason from request"))
        assert {tuple(row) for row in found} == {("support-bot", None, None, None)}
        assert (await connection.execute(text("select stop_reason from bot"))).scalar_one() is None


async def test_what_was_there_can_be_stopped(at_work: tuple[str, dict[str, uuid.UUID]]) -> None:
    """Held and approved would be revoked, what executes is listed, by the product's own queries."""
    database = Database(at_work[0])
    async with database.transaction() as session:
        assert await stops.open_requests(session, "support-bot") == 2
        assert await stops.open_requests(session, None) == 2
        assert [one.request_id for one in await stops.in_flight(session, "support-bot")] == [at_work[1]["executing"]]
        assert await stops.stopped_requests(session, uuid.UUID(int=0), 10) == []
        read = await requests.by_id(session, at_work[1]["held"])
        assert read is not None
        assert (read.bot, read.undoes) == ("support-bot", None)
    await database.close()


async def test_the_release_before_goes_on_writing(at_work: tuple[str, dict[str, uuid.UUID]]) -> None:
    """It knows nothing of the new columns, and what it writes has its bot all the same."""
    async with connected(at_work[0]) as connection:
        id_ = await insert(connection, "request", row(asker_id="other-bot", status="executing"))
        assert id_ is not None
        await insert(connection, "execution_attempt", _attempt(id_))
        found = await connection.execute(text("select bot from request where id = :id"), {"id": id_})
        assert found.scalar_one() == "other-bot"


@pytest.mark.parametrize(
    ("asker_kind", "about_bot", "bot"),
    [("bot", None, "x"), ("bot", "other", "x"), ("person", "other", "other"), ("person", None, None)],
)
async def test_which_bot_a_request_is_about(
    at_work: tuple[str, dict[str, uuid.UUID]], asker_kind: str, about_bot: str | None, bot: str | None
) -> None:
    async with connected(at_work[0]) as connection:
        fields = row(asker_kind=asker_kind, asker_id="x", about_bot=about_bot)
        id_ = await insert(connection, "request", fields)
        found = await connection.execute(text("select bot from request where id = :id"), {"id": id_})
        assert found.scalar_one() == bot


@pytest.mark.parametrize("stands", OPEN)
@pytest.mark.parametrize("asked", OPEN)
async def test_one_rollback_stands_at_a_time(
    at_work: tuple[str, dict[str, uuid.UUID]], stands: str, asked: str
) -> None:
    """It is the database's word too, whatever the code says; one that failed or never ran stands in nobody's way."""
    of = at_work[1]["succeeded"]
    undoing = {"kind": "rollback", "asker_kind": "person", "asker_id": "ivan", "reverses": of}
    async with connected(at_work[0]) as connection:
        for over in ("failed", "denied", "expired", "cancelled", "lapsed", "revoked"):
            await insert(connection, "request", row(**undoing, status=over))
        await insert(connection, "request", row(**undoing, status=stands))
        await insert(connection, "request", row(**{**undoing, "reverses": at_work[1]["unknown"]}, status=asked))
        with pytest.raises(IntegrityError, match="one_live_rollback"):
            await insert(connection, "request", row(**undoing, status=asked))


async def test_upgrading_what_is_upgraded_changes_nothing(at_work: tuple[str, dict[str, uuid.UUID]]) -> None:
    await upgrade(at_work[0])
    async with connected(at_work[0]) as connection:
        assert (await connection.execute(text("select version_num from alembic_version"))).scalars().all() == ["0018"]


async def test_bots_at_work_go_on_with_what_they_are_for(postgres: Postgres) -> None:
    """Those of the rules in force, as that version says; of no other."""
    name = f"old{uuid.uuid4().hex}"
    await postgres.create_database(name)
    url = postgres.url(name)
    await asyncio.to_thread(command.upgrade, config(url), "0007")
    keep = "insert into policy_version (id, document, installed_at, installed_by) values (:id, :document, now(), 'x')"
    async with connected(url) as connection:
        for id_, document in (
            ("sha256:old", '{"bots": [{"id": "gone"}]}'),
            ("sha256:new", '{"bots": [{"id": "bot"}]}'),
        ):
            await connection.execute(text(keep.replace(":document", f"'{document}'").replace(":id", f"'{id_}'")))
        await connection.execute(text("update installation set active_policy = 'sha256:new'"))
        await connection.commit()
    await upgrade(url)
    async with connected(url) as connection:
        query = "select bot, policy_version, statement, via, review_by - current_date from use_case"
        assert [tuple(row) for row in await connection.execute(text(query))] == [
            ("bot", "sha256:new", None, "upgrade", 366)
        ]
