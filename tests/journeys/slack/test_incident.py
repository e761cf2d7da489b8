"""An incident in Slack, through processes: a dozen are undone by one click, with a pause, a failure and a doubt."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.devstack.dev import DEV_BOT_TOKEN
from tests.fakes.slack.block_kit import readable
from tests.fakes.slack.server import SlackFake
from tests.fakes.slack.state import Message
from tests.journeys.slack.agreement import disagreements, rows, settled, went_back
from tests.journeys.slack.board import Board, kind, payload
from tests.journeys.slack.hands import Hands, Plan
from tests.journeys.slack.journey import introduce
from tests.journeys.slack.reviewers import slack_user
from tests.kills.callers import Callers, View
from tests.kills.place import Place, place, until
from tests.slack.office import LEADS, fake_slack

WITHIN = 60.0
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Scene:
    """The stack and its Slack."""

    here: Place
    fake: SlackFake
    callers: Callers

    async def done(self, thing: str | None = None) -> View:
        """A request that Dana has approved and that has succeeded."""
        shown = await self.callers.ask("do.once", thing=thing)
        await self.callers.approve(shown)
        await self.here.closed([shown["id"]])
        return shown

    async def by_ivan(self, path: str, **body: Any) -> View:
        """What a responder does over the API."""
        answer = await self.callers.persist(path, body, "ivan", uuid.uuid4().hex)
        assert answer.is_success, answer.text
        shown: View = answer.json()
        return shown

    def card(self, request_id: str) -> Message:
        """The one card of a request, of all that stands."""
        cards = [one for one in self.fake.workspace.posted() if kind(one) == "interlock_request"]
        [card] = [one for one in cards if payload(one)["request_id"] == request_id]
        return card

    def says(self, request_id: str) -> str:
        """What that card says."""
        return readable(self.card(request_id).blocks)

    def thread(self, request_id: str) -> list[Message]:
        """What stands under it."""
        return self.fake.workspace.replies(LEADS, self.card(request_id).ts)

    async def clicks(self, who: str, request_id: str, through: str) -> str | None:
        """What a person is told who wants to approve, beginning with this button."""
        hands = Hands(self.fake, Board(self.fake), slack_user(who))
        return await hands.carry_out(Plan(request_id, LEADS, "approve", "Undo it all", through=through))


@pytest.fixture(name="scene")
async def _scene() -> AsyncIterator[Scene]:
    async with (
        fake_slack(token=DEV_BOT_TOKEN) as fake,
        place(slack_api_url=fake.api_url, SLACK__RATE="20", SLACK__CALL_TIMEOUT="1") as here,
    ):
        introduce(fake, here.running)
        yield Scene(here, fake, here.callers())


async def test_a_dozen_are_undone_by_one_click(scene: Scene) -> None:
    thing, doubtful, slow = (uuid.uuid4().hex for _ in range(3))
    older, newer = await scene.done(thing), await scene.done(thing)
    originals = [
        older,
        newer,
        await scene.done(doubtful),
        *[await scene.done() for _ in range(7)],
        *[await scene.done(slow) for _ in range(2)],
    ]
    scene.here.desk.script(f"{slow}-undone", 0)
    scene.here.desk.script(f"{doubtful}-undone", 500)
    scene.here.desk.script(f"{thing}-undone", 400)
    now = datetime.now(UTC)
    span = {"from": (now - HOUR).isoformat(), "to": (now + HOUR).isoformat()}
    incident = await scene.by_ivan("/v1/incidents", title="It ran amok", bots=["bot"], actions=[], **span)
    here = f"/v1/incidents/{incident['id']}"
    rollback = await scene.by_ivan(f"{here}/rollbacks", requests="all", reason="Nobody asked for these")
    await settled(scene.here.running.database, WITHIN)
    assert "Undoes: 12 requests, the newest first" in scene.says(rollback["id"])
    assert "(rollback-approver)" in str(await scene.clicks("dana", rollback["id"], "approve"))
    assert str(await scene.clicks("marco", rollback["id"], "details")).startswith("Approved")
    await scene.here.desk.called(f"{slow}-undone")
    await scene.by_ivan(f"{here}/pause")
    scene.here.desk.release(f"{slow}-undone")
    await settled(scene.here.running.database, WITHIN)
    assert "Executing, but paused" in scene.says(rollback["id"])
    await scene.by_ivan(f"{here}/resume")
    await scene.here.closed([rollback["id"]])
    await settled(scene.here.running.database, WITHIN)
    assert "Progress: 9 of 12 undone, 1 failed, 1 unknown, 1 left alone" in scene.says(rollback["id"])
    thread = scene.thread(rollback["id"])
    assert [payload(one)["what"] for one in thread] == ["begun", "paused-1", "resumed-1", "failed"]
    end = readable(thread[-1].blocks)
    assert "9 of 12 undone, 1 failed, 1 unknown, 1 left alone." in end
    assert f"request {older['id'][:8]}: something that had to be undone before it was not" in end
    for original in originals[3:]:
        assert f"(succeeded, one of many in {rollback['id'][:8]})" in scene.says(original["id"])
    await undone_once(scene, originals, but=older)
    assert disagreements(scene.fake, await rows(scene.here.running.database)) == []
    assert went_back(scene.fake) == []
    assert scene.fake.complaints == []


async def undone_once(scene: Scene, originals: list[View], *, but: View) -> None:
    """The target was called once for each, and not at all for the one that was left alone."""

    async def look() -> None:
        calls = [call for called in scene.here.desk.seen.values() for call in called if call.path == "/undo-once"]
        wanted = Counter(f"{scene.callers.ids[one['id']]}-undone" for one in originals if one is not but)
        assert Counter(call.body["thing"] for call in calls) == wanted
        assert len({call.key for call in calls}) == len(calls)

    await until(look)
