"""The stack of processes and its fuses do what the tests that stand on them take for granted."""

from __future__ import annotations

import signal
import uuid

from tests.fakes.desk import Desk
from tests.processes.stack import stack
from tests.world import RULES


async def test_a_part_that_is_killed_is_replaced_and_a_fuse_blows_once(a_desk: Desk) -> None:
    async with stack(RULES, targets={"desk": a_desk.url}, worker="tests.processes.fused") as running:
        bot = running.bot(await running.credential("bot"), "bot")
        body = {"action": "do.moderate", "parameters": {"thing": "a"}, "on_behalf_of": "customer:carl"}
        answer = await running.http.post("/v1/requests", json=body, headers=bot | {"Idempotency-Key": uuid.uuid4().hex})
        assert answer.status_code == 201, answer.text
        shown = answer.json()

        worker = running.pid("worker")
        fuse = running.lay_fuse("decide", shown["id"])
        said = {"decision": "approve", "digest": shown["digest"]}
        answer = await running.http.post(
            f"/v1/requests/{shown['id']}/decisions", json=said, headers=running.person("dana")
        )
        assert answer.status_code == 200, answer.text
        assert not fuse.exists()
        assert await running.replaced("worker", worker) == running.pid("worker")

        api = running.signal("api", signal.SIGKILL)
        await running.replaced("api", api)
        answer = await running.http.get(f"/v1/requests/{shown['id']}?wait=30s", headers=bot)
        assert answer.json()["status"] in ("approved", "executing", "succeeded")
        assert len(await a_desk.called("a")) == 1
