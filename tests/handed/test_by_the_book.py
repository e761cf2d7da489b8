"""A worker that knows nothing but docs/owners-worker.md, as one in any language would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from tests.handed.conftest import Handed


@pytest.fixture
async def by_the_book(handed: Handed) -> AsyncIterator[None]:
    """It is at work."""

    @activity.defn(name="do.it")
    async def do_it(given: dict[str, Any]) -> str:
        assert given.keys() == {"request_id", "attempt", "handle"}
        answer = await handed.fetch(given["handle"])
        if answer.status_code != 200:
            raise ApplicationError("nothing", non_retryable=True)
        found = answer.json()
        status = int(found["parameters"]["was"])
        if status == 500:
            raise ValueError("broken")
        outcome = {200: "succeeded", 409: "failed", 503: "not_sent"}[status]
        said = f'{{"outcome":"{outcome}","value":{{"status":{status}}}}}'
        key = OctKey.import_key(found["answer_key"])
        sealed = jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, said, key)
        if outcome == "succeeded":
            return sealed
        raise ApplicationError("Refused", sealed, non_retryable=True)

    async with Worker(handed.client, task_queue="desk-elsewhere", activities=[do_it]):
        yield


@pytest.mark.usefixtures("by_the_book")
@pytest.mark.parametrize(
    ("status", "became", "tries"), [(200, "succeeded", 1), (409, "failed", 1), (503, "failed", 3), (500, "unknown", 1)]
)
async def test_it_is_understood(handed: Handed, status: int, became: str, tries: int) -> None:
    shown = await handed.approved("do.elsewhere", parameters={"was": str(status)})
    done = await handed.world.until(shown, "succeeded", "failed", "unknown")
    assert (done["status"], len(done["execution"]["attempts"])) == (became, tries)
    said = {"status": status}
    expected = {"succeeded": (said, None), "failed": (None, {"status": None, "body": said})}
    if became in expected:
        assert (done["execution"]["result"], done["execution"]["error"]) == expected[became]
