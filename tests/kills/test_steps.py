"""SIGKILL between a step's commit and the end of its workflow task, in part while the next thing becomes due."""

from __future__ import annotations

import asyncio
import uuid

from app.domain.digest import request_id
from tests.kills.callers import Callers
from tests.kills.place import Figure, Place, Since


async def test_admitted_and_expiring(here: Place, callers: Callers, figure: Figure) -> None:
    """The caller hears of an admission whose time is over when the next worker comes."""
    key, since = uuid.uuid4().hex, Since()
    async with here.fuse("admit", str(request_id("action", "bot", "bot", key))):
        shown = await callers.ask("do.brief", key=key)
        answered = str(since)
    found = await here.check(callers)
    assert [entry["kind"] for entry in found[shown["id"]].entries] == ["admitted", "expired"]
    figure(f"worker killed after admit, a second to live: answered after {answered}, expired and closed after {since}")


async def test_expired(here: Place, callers: Callers, figure: Figure) -> None:
    """The tick has recorded the expiry; the workflow task that was to end with it is gone."""
    shown, since = await callers.ask("do.brief"), Since()
    async with here.fuse("tick", shown["id"]):
        await here.closed(callers.ids)
    found = await here.check(callers)
    assert [entry["kind"] for entry in found[shown["id"]].entries] == ["admitted", "expired"]
    figure(f"worker killed after tick at expiry: workflow closed {since} after the admission")


async def test_decided_while_time_runs_out(here: Place, callers: Callers, figure: Figure) -> None:
    """Approved, and one of two approvals: both recorded and acknowledged, and over, for nobody worked meanwhile."""
    half, whole = await callers.ask("do.short-two"), await callers.ask("do.short")
    await callers.approve(half)
    async with here.fuse("decide", whole["id"]):
        async with here.nobody_restarts():
            deciding = asyncio.create_task(callers.approve(whole))
            await here.expired(callers.ids)
            assert [await here.status(one["id"]) for one in (half, whole)] == ["held", "approved"]
        since = Since()
        await deciding
        answered = str(since)
    found = await here.check(callers)
    assert [found[one["id"]].status for one in (half, whole)] == ["expired", "lapsed"]
    assert found[whole["id"]].calls == []
    figure(f"worker killed after decide, down until both had expired: answered {answered}, all over {since} after that")


async def test_cancelled(here: Place, callers: Callers, figure: Figure) -> None:
    """Cancelled once, and the caller hears of it."""
    (shown,), since = await callers.held(1), Since()
    async with here.fuse("cancel", shown["id"]):
        answer = await callers.cancel(shown)
        assert answer.status_code == 200, answer.text
        answered = str(since)
    found = await here.check(callers)
    assert found[shown["id"]].status == "cancelled"
    figure(f"worker killed after cancel: answered after {answered}, all over after {since}")


async def test_started_and_reported_by_the_bot(here: Place, callers: Callers, figure: Figure) -> None:
    """Handing out the grant is the start: the same grant when it is asked for again. One outcome, reported once."""
    shown = await callers.ask("look.up", mode="hold")
    await callers.approve(shown)
    path, since = f"/v1/requests/{shown['id']}", Since()
    async with here.fuse("begin", shown["id"]):
        first = await callers.persist(f"{path}/grant", {}, "bot", None)
        answered = str(since)
    again = await callers.persist(f"{path}/grant", {}, "bot", None)
    assert (first.status_code, again.status_code) == (200, 200), first.text + again.text
    assert first.json() == again.json()
    async with here.fuse("report", shown["id"]):
        since = Since()
        answer = await callers.persist(f"{path}/outcome", {"status": "succeeded", "result": {"seen": 1}}, "bot", None)
        assert answer.status_code == 200, answer.text
        reported = str(since)
    found = await here.check(callers)
    assert [entry["kind"] for entry in found[shown["id"]].entries][-3:] == ["started", "reported", "succeeded"]
    figure(f"worker killed after begin: the grant after {answered}; after report: answered after {reported}")


async def test_executed(here: Place, callers: Callers, figure: Figure) -> None:
    """The outcome is recorded, its activity is not: the next worker finds nothing to do."""
    shown, since = await callers.ask("do.long-once"), Since()
    async with here.fuse("finish", shown["id"]):
        await callers.approve(shown)
    found = await here.check(callers)
    assert (found[shown["id"]].status, len(found[shown["id"]].calls)) == ("succeeded", 1)
    figure(f"worker killed after finish: the workflow closed {since} after the approval, one call")
