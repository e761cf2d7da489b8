"""Whoever may write to Temporal cannot make up an outcome, and finds nothing in its histories."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.codec import data_converter
from app.execution.temporal import workflow_id
from app.temporal import plain
from app.use_cases.views import View
from tests.clear_text import Needle, histories, in_clear, ledger_and_outbox, needles
from tests.handed.conftest import Handed


async def begun(handed: Handed, action: str) -> View:
    """A request whose activity hangs at the customer's system, its grant fetched."""
    shown = await handed.approved(action, 0)
    await handed.world.desk.called(shown["parameters"]["thing"])
    return shown


async def meddle(handed: Handed, shown: View, what: Any) -> None:
    """Complete, or fail, the activity in the customer's place."""
    activity = handed.client.get_async_activity_handle(
        workflow_id=workflow_id(shown["id"], 1), run_id=None, activity_id="1"
    )
    async for trial in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(10), reraise=True):
        with trial:
            await (activity.fail(what) if isinstance(what, Exception) else activity.complete(what))


FORGED = (
    json.dumps({"outcome": "succeeded", "value": "forged"}),
    {"outcome": "succeeded"},
    None,
    "eyJhbGciOiJub25lIn0..e30.e30.",
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
    ApplicationError("Refused", type="Refused", non_retryable=True),
    ApplicationError("Refused", json.dumps({"outcome": "failed"}), type="Refused", non_retryable=True),
)


@pytest.mark.parametrize("what", FORGED, ids=range(len(FORGED)))
async def test_what_is_not_sealed_is_nobodys_word(handed: Handed, what: Any) -> None:
    shown = await begun(handed, "do.handed-slowly")
    await meddle(handed, shown, what)
    done = await handed.world.until(shown, "failed", "unknown", "succeeded")
    handed.world.desk.release(shown["parameters"]["thing"])
    assert (done["status"], done["execution"]["result"]) == ("unknown", None)


async def test_an_answer_of_another_attempt_does_not_fit(handed: Handed) -> None:
    first = await handed.approved("do.handed")
    await handed.world.until(first, "succeeded")
    sealed = await handed.client.get_workflow_handle(workflow_id(first["id"], 1)).result()
    assert isinstance(sealed, str)
    second = await begun(handed, "do.handed-slowly")
    await meddle(handed, second, sealed)
    done = await handed.world.until(second, "failed", "unknown", "succeeded")
    handed.world.desk.release(second["parameters"]["thing"])
    assert done["status"] == "unknown"


async def test_histories_hold_no_grant_no_secret_and_no_parameter(handed: Handed) -> None:
    done = []
    for status in (200, 409, 503):
        shown = await handed.approved("do.handed-once", status, reason="a secret reason")
        done.append(await handed.world.until(shown, "succeeded", "failed", "unknown"))
    assert [shown["status"] for shown in done] == ["succeeded", "failed", "unknown"]
    hays = await histories(plain(handed.world.services.temporal))
    for shown in done:
        for id_ in (f"request-{shown['id']}", workflow_id(shown["id"], 1)):
            assert any(f"history {id_} " in name for name in hays)
    hays |= await ledger_and_outbox(handed.world.ctx.database)
    assert in_clear(_sought(handed, done), hays) == []


def _sought(handed: Handed, done: list[View]) -> list[Needle]:
    said = [[shown["parameters"], shown["reason"], shown["on_behalf_of"]] for shown in done]
    grants = [order.grant for order in handed.hands.orders if order.request_id in {shown["id"] for shown in done}]
    secrets = [secret for _, secret in handed.credentials.values()]
    assert grants
    return needles([said, grants, secrets], vocabulary=["do.handed-once"])


async def test_the_search_finds_what_is_there(handed: Handed) -> None:
    shown = await handed.approved("do.handed")
    await handed.world.until(shown, "succeeded")
    handle = await handed.handle(shown)
    assert in_clear(needles([handle], vocabulary=[]), await histories(handed.client, "WorkflowType = 'Execution'"))


@pytest.mark.parametrize("fails", [False, True])
async def test_an_owner_who_encrypts_with_a_key_of_their_own_is_not_understood(handed: Handed, fails: bool) -> None:
    """Nothing hangs: it is nobody's word, as if it were not sealed."""

    @activity.defn(name="do.it")
    async def do_it(given: dict[str, Any]) -> str:
        assert (await handed.fetch(given["handle"])).status_code == 200
        if fails:
            raise ApplicationError("no", "sealed", {"of": "some kind"}, non_retryable=True)
        return "sealed"

    codec = data_converter(handed.world.rings.codec, allow_plaintext=True)
    theirs = Client(handed.client.service_client, data_converter=codec)
    async with Worker(theirs, task_queue="desk-elsewhere", activities=[do_it]):
        shown = await handed.approved("do.elsewhere")
        done = await handed.world.until(shown, "failed", "unknown", "succeeded", seconds=90)
    assert done["status"] == "unknown"
    history = await handed.client.get_workflow_handle(workflow_id(shown["id"], 1)).fetch_history()
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in {event.event_type for event in history.events}


async def test_a_stranger_in_the_place_of_the_attempt_has_it_begun_anew(handed: Handed) -> None:
    """Somebody has started a workflow by the name of the attempt's: it cannot be said to have fetched anything."""
    shown = await handed.world.ask("do.handed-once")
    await handed.client.start_workflow(
        "Stranger", id=workflow_id(shown["id"], 1), task_queue="nobodys", execution_timeout=timedelta(seconds=1)
    )
    await handed.world.say("dana", shown)
    done = await handed.world.until(shown, "failed", "unknown", "succeeded")
    assert [one["outcome"] for one in done["execution"]["attempts"]] == ["not-sent", "succeeded"]
    assert len(handed.calls(shown)) == 1
