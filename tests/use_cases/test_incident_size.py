"""An incident about as much as one rollback may undo: all of it is seen, and the rest is said to be there."""

from __future__ import annotations

import time
import uuid
from typing import Any

from app.db.tables import Base, ExecutionAttempt, Request
from app.use_cases import incident_reading
from tests.steps.incidents import opened
from tests.steps.words import id_of, sql
from tests.workflows.test_rollback import done
from tests.world import World

OTHERS = "select id from request where id <> :id and cast(parameters as jsonb) ->> 'thing' = :thing"


def copied(table: type[Base], key: str, ids: str) -> str:
    """The statement that copies the rows of a request, for each of these ids."""
    kept = [column.name for column in table.__table__.columns if column.computed is None and column.name != key]
    names = ", ".join(f'"{name}"' for name in kept)
    these = f"select new, {names} from {table.__tablename__}, ({ids}) as ids (new) where {key} = :id"  # noqa: S608  ours
    return f"insert into {table.__tablename__} ({key}, {names}) {these}"


async def test_a_thousand_candidates(world: World, record_property: Any) -> None:
    thing = uuid.uuid4().hex
    original = await done(world, "do.high", thing=thing, parameters={"amount": 7, "mode": "hold"})
    id_ = id_of(original)
    await sql(world, copied(Request, "id", "select gen_random_uuid() from generate_series(1, 1000)"), id=id_)
    await sql(world, copied(ExecutionAttempt, "request_id", OTHERS), id=id_, thing=thing)
    incident = await opened(world)
    begun = time.perf_counter()
    shown = await incident_reading.read(world.services, world.person("ivan"), incident.id)
    took = time.perf_counter() - begun
    assert (len(shown["candidates"]), shown["more_candidates"]) == (1000, True)
    assert all(one["reversible"] and one["value"] == 7 for one in shown["candidates"])
    record_property("figure", f"an incident about 1,000 requests is read in {took * 1000:.0f} ms")
