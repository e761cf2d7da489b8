"""The survey of what may be personal has every column of every table, and what it says goes does go."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from temporalio.client import Client

from app.db.erasures import WORDS
from app.db.metadata import METADATA
from app.db.personal import PERSONAL, How, columns
from app.db.types import CanonicalJson
from app.keys import KeyRings
from app.use_cases.services import Services, Waiters
from tests.fakes.desk import Desk
from tests.properties.quiet import ended
from tests.steps.erasing import carried_out, erased, everything, ordered, quoting, somebody
from tests.steps.standing import granted
from tests.steps.words import sql
from tests.world import World, build_context

OF_REQUEST = {"request": "id", "standing_permission": "id"}
"""How a table names the request that a row is about, where not by ``request_id``."""


@pytest.fixture(name="world", scope="module")
async def _world(database_url: str, rings: KeyRings, a_desk: Desk) -> AsyncIterator[World]:
    ctx = await build_context(database_url, rings, a_desk.url)
    services = Services(ctx, cast("Client", None), "nowhere", Waiters(), rings.tokens, ctx.issuer)
    yield World(ctx, services, rings, a_desk)
    await ctx.database.close()


def test_every_column_has_one_place_in_the_survey() -> None:
    found = {table.name: sorted(column.name for column in table.columns) for table in METADATA.sorted_tables}
    said = {table: sorted(name for names in how.values() for name in names.split()) for table, how in PERSONAL.items()}
    assert said == found


def test_the_words_that_are_blanked_are_those_of_the_survey() -> None:
    said = {(table, column) for table in PERSONAL for column in columns(table, How.WORDS)}
    assert {(table, column) for table, column, _ in WORDS} == said


def _dirty(table: str, column: str, needle: str) -> Any:
    """A value that quotes, as its type has it."""
    kind = METADATA.tables[table].columns[column].type
    if isinstance(kind, JSONB):
        return json.dumps([needle] if column == "beneficiaries" else {"result": needle, "reason": needle})
    return json.dumps({"deep": [needle]}) if isinstance(kind, CanonicalJson) else needle


async def _soil(world: World, table: str, column: str, needle: str, request: str) -> int:
    """Write into a column of this request; how many rows had it."""
    kind = METADATA.tables[table].columns[column].type
    assert isinstance(kind, (Text, JSONB, CanonicalJson)), (table, column)
    cast_ = "cast(:value as jsonb)" if isinstance(kind, JSONB) else ":value"
    key = OF_REQUEST.get(table, "request_id")
    statement = f"update {table} set {column} = {cast_} where {key} = :id returning 1"  # noqa: S608  names of ours
    return len(await sql(world, statement, value=_dirty(table, column, needle), id=uuid.UUID(request)))


async def test_what_is_cleared_with_a_request_is_all_of_it(world: World) -> None:
    """Each such column is written into, whatever stood there."""
    subject = somebody()
    permission = await granted(world, when=f'on_behalf_of == "{subject}"')
    shown = await ended(world, behalf=subject)
    await sql(world, "insert into settlement values (:id, 'dana', 'succeeded', 'x', now())", id=uuid.UUID(shown["id"]))
    review = "insert into review (id, kind, request_id, bot, opened_at, due_at, reviewers, done_at, done_by, finding, "
    review += "reason) values (:id, 'break-glass', :id, 'bot', now(), now(), '[]', now(), 'ben', 'justified', 'x')"
    await sql(world, review, id=uuid.UUID(shown["id"]))
    await sql(world, "update standing_permission set revoked_at = clock_timestamp()")
    order = await ordered(world, subject)
    needle, soiled = f"needle-{uuid.uuid4().hex}", 0
    for table in PERSONAL:
        request = permission if table == "standing_permission" else shown["id"]
        for column in columns(table, How.CLEARED):
            wrote = await _soil(world, table, column, needle, request)
            assert wrote, (table, column)
            soiled += wrote
    assert len(quoting(await everything(world.ctx.database), needle)) == soiled
    await sql(
        world,
        "insert into erased_request (request_id, erasure) values (:id, :o)",
        id=uuid.UUID(shown["id"]),
        o=uuid.UUID(order["id"]),
    )
    await carried_out(world)
    assert quoting(await everything(world.ctx.database), needle) == set()


async def test_words_that_name_them_elsewhere_are_blanked_and_others_stay(world: World) -> None:
    subject = somebody()
    value = subject.partition(":")[2]
    await sql(world, "update bot set stop_reason = :reason where id = 'bot'", reason=f"It wrote to {value}.")
    await sql(world, "update bot set stop_reason = :reason where id = 'other-bot'", reason=f"It wrote to {value}2.")
    await erased(world, subject)
    kept = dict(await sql(world, "select id, stop_reason from bot"))
    assert (kept["bot"], kept["other-bot"]) == ("(erased)", f"It wrote to {value}2.")
