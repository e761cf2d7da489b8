"""The Temporal server and PostgreSQL go, under callers at work; and come again, over the same data.

PostgreSQL is killed; with ``FULL_ROUNDS=1`` it is stopped fast, too.
"""

from __future__ import annotations

import asyncio
import signal
import time
import uuid

import pytest

from tests.kills.callers import Callers, View
from tests.kills.outage import Load, load
from tests.kills.place import Figure, Place, Since, until
from tests.races.stopping import rounds


async def test_temporal_killed(here: Place, callers: Callers, figure: Figure) -> None:
    """While it is down: reads and the fast path work, everything else is 503. What was under way goes on."""
    at_work = await load(here, callers)
    temporal = here.running.pid("temporal")
    async with here.nobody_restarts():
        here.running.signal("temporal", signal.SIGKILL)
        await without_temporal(here, callers)
        at_work.release()
        await here.closed([shown["id"] for shown in at_work.executing])
    figure(f"Temporal killed during {at_work}: {await recovered(here, callers, at_work, 'temporal', temporal)}")


async def recovered(here: Place, callers: Callers, at_work: Load, part: str, pid: int) -> str:
    """A server is back: all is answered, executed once and in order. How long that took, as a sentence."""
    since = Since()
    await here.running.replaced(part, pid)
    restarted = str(since)
    await at_work.answered()
    answered = str(since)
    await here.closed(callers.ids, but=["held"])
    executed = str(since)
    found = await here.check(callers)
    assert {record.status for record in found.values()} == {"succeeded"}
    assert {len(found[shown["id"]].calls) for shown in at_work.executing} == {1}
    return (
        f"from its restart, it answers after {restarted}, all acknowledged after {answered}, what was approved "
        f"executed after {executed}; nothing lost, nothing twice in {len(found)}"
    )


async def without_temporal(here: Place, callers: Callers) -> None:
    """What works without Temporal, and what does not."""
    ready = await here.running.http.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    known = next(iter(callers.ids))
    assert (await callers.read(known))["id"] == known
    listed = await here.running.http.get("/v1/requests?limit=1", headers=callers.bot)
    assert listed.status_code == 200
    fast = await callers.ask("look.up")
    assert (fast["status"], fast["execution"]["mode"]) == ("executing", "bot")
    assert fast["grant"]["grant"]
    said = {"status": "succeeded", "result": {"seen": 1}}
    reported = await callers.post(f"/v1/requests/{fast['id']}/outcome", said, "bot")
    assert reported.status_code == 200, reported.text
    body = {"action": "do.moderate", "parameters": {"thing": "a"}, "on_behalf_of": "customer:carl"}
    asked = await callers.post("/v1/requests", body, "bot", uuid.uuid4().hex)
    assert (asked.status_code, asked.headers["retry-after"]) == (503, "1"), asked.text


async def test_an_update_that_temporal_forgets(here: Place, callers: Callers, figure: Figure) -> None:
    """Recorded, and neither worker nor server lived to tell its workflow: it must not sleep on beside a closed row."""
    (shown,) = await callers.held(1)
    temporal = here.running.pid("temporal")
    async with here.fuse("cancel", shown["id"]):
        async with here.nobody_restarts():
            cancelling = asyncio.create_task(callers.post(f"/v1/requests/{shown['id']}/cancel", {}, "bot"))
            await here.closed(callers.ids)
            here.running.signal("temporal", signal.SIGKILL)
            first = await cancelling
            assert first.status_code == 503, first.text
        since = Since()
        await here.running.replaced("temporal", temporal)
    assert (await callers.cancel(shown)).status_code == 200
    found = await here.check(callers)
    assert found[shown["id"]].status == "cancelled"
    figure(f"worker and Temporal killed after cancel: acknowledged, and its workflow closed {since} after the restart")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT][: rounds(1, 2)], ids=lambda how: how.name)
async def test_postgres_gone(here: Place, callers: Callers, figure: Figure, how: signal.Signals) -> None:
    """While it is down nothing is acknowledged. What had been, stands; a target's answer waits for the database."""
    at_work = await load(here, callers)
    postgres = here.running.pid("postgres")
    async with here.nobody_restarts():
        here.running.signal("postgres", how)
        await gone(here)
        without = time.monotonic()
        await without_postgres(here, callers, at_work.executing[0])
        at_work.release()
        acknowledged = [sent for sent, _ in callers.successes if sent > without]
        assert acknowledged == [], "something was acknowledged without a database"
    figure(f"PostgreSQL {how.name} during {at_work}: {await recovered(here, callers, at_work, 'postgres', postgres)}")


async def gone(here: Place) -> None:
    """Wait until no server process is left that could commit."""

    async def nobody() -> None:
        assert not here.database_processes(), "its processes are still there"

    await until(nobody)


async def without_postgres(here: Place, callers: Callers, shown: View) -> None:
    """Every write, and every read, is 503."""
    body = {"action": "do.moderate", "parameters": {"thing": "a"}, "on_behalf_of": "customer:carl"}
    asked = await callers.post("/v1/requests", body, "bot", uuid.uuid4().hex)
    said = {"decision": "deny", "reason": "no", "digest": shown["digest"]}
    decided = await callers.post(f"/v1/requests/{shown['id']}/decisions", said, "marco", uuid.uuid4().hex)
    cancelled = await callers.post(f"/v1/requests/{shown['id']}/cancel", {}, "bot")
    read = await here.running.http.get(f"/v1/requests/{shown['id']}", headers=callers.bot)
    ready = await here.running.http.get("/readyz")
    assert [answer.status_code for answer in (asked, decided, cancelled, read, ready)] == [503] * 5
