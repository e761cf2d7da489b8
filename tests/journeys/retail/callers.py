"""The bot, sixteen conversations at a time: looks things up by itself, asks for what changes something, and waits."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from app.domain.digest import sha256
from tests.journeys.retail.conversations import Call, Conversation, Json
from tests.journeys.retail.place import Client

CALLERS = 16
TWICE = 3
"""Every third call is sent twice, under its key."""
OPEN = ("held", "approved", "executing")


@dataclass(slots=True)
class Said:
    """What the bot has heard, by request: answers, seconds, and every token that it was given."""

    first: dict[str, Json] = field(default_factory=dict)
    last: dict[str, Json] = field(default_factory=dict)
    shop: dict[str, tuple[int, Json]] = field(default_factory=dict)
    submit_seconds: list[float] = field(default_factory=list)
    final_at: dict[str, float] = field(default_factory=dict)
    grants: list[str] = field(default_factory=list)
    sent: int = 0


class Office(Protocol):
    """Who decides."""

    async def take(self, shown: Json) -> None:
        """See to a held request."""


class Bot:
    """The chatbot. ``apart``: customers for whom one write must be over before the next is asked for."""

    def __init__(self, api: Client, token: str, shop: httpx.AsyncClient, office: Office, apart: frozenset[str]) -> None:
        self._api, self._shop, self._office = api, shop, office
        self._headers = {"Authorization": f"Bearer {token}"}
        self._apart = {customer: asyncio.Lock() for customer in apart}
        self._counts: dict[bool, int] = defaultdict(int)
        self.said = Said()

    async def serve(self, waiting: asyncio.Queue[Conversation]) -> None:
        """Hold one conversation after the other until none waits."""
        while not waiting.empty():
            await self._converse(waiting.get_nowait())

    async def _converse(self, talk: Conversation) -> None:
        """Its calls in their order. In every other conversation the next call does not wait for the last one's end."""
        waits = int(talk.id.rpartition("-")[2]) % 2 == 0
        async with asyncio.TaskGroup() as pending:
            for call in talk.calls:
                if not call.tool.writes:
                    await self._look_up(call)
                elif call.customer in self._apart:
                    async with self._apart[call.customer]:
                        await self._until_final(await self._ask_for(call))
                else:
                    following = pending.create_task(self._until_final(await self._ask_for(call)))
                    if waits:
                        await following

    async def _look_up(self, call: Call) -> None:
        """The fast path: a grant in the answer, the call, the report."""
        shown = await self._submit(call)
        assert (shown["status"], shown["verdict"]["code"]) == ("executing", "read-only"), shown
        grant = await self._grant(call, shown)
        answer = await self._call_shop(call, grant)
        found = {"status": "succeeded", "result": answer.json()}
        missed = {"status": "failed", "detail": answer.text}
        outcome = found if answer.status_code == 200 else missed
        path = f"/v1/requests/{call.request_id}/outcome"
        reported = await self._api("POST", path, json=outcome, headers=self._headers)
        assert reported.status_code == 200, reported.text
        self.said.shop[call.request_id] = (answer.status_code, answer.json())
        self.said.last[call.request_id] = reported.json()

    async def _grant(self, call: Call, shown: Json) -> str:
        """From the answer; asked for again it is the same, and may be asked for when the answer was lost."""
        given: list[Json] = [shown["grant"]] if shown.get("grant") else []
        if not given or self._counts[False] % TWICE == 0:
            path = f"/v1/requests/{call.request_id}/grant"
            given.append((await self._api("POST", path, headers=self._headers)).json())
        assert all(one == given[0] for one in given)
        self.said.grants.append(given[0]["grant"])
        return str(given[0]["grant"])

    async def _call_shop(self, call: Call, grant: str) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {grant}",
            "Interlock-Request": call.request_id,
            "Interlock-Parameters-Digest": sha256(call.arguments),
        }
        return await self._shop.post(call.tool.path, json=call.arguments, headers=headers)

    async def _ask_for(self, call: Call) -> Call:
        shown = await self._submit(call)
        assert (shown["verdict"]["outcome"], shown.get("grant")) == ("hold", None), shown
        await self._office.take(shown)
        return call

    async def _submit(self, call: Call) -> Json:
        """Send it; every third one twice at once. Whichever is first creates the request, the other finds it."""
        self._counts[call.tool.writes] += 1
        times = 2 if self._counts[call.tool.writes] % TWICE == 0 else 1
        before = time.monotonic()
        headers = {**self._headers, "Idempotency-Key": call.key}
        answers = await asyncio.gather(
            *(self._api("POST", "/v1/requests", json=call.body, headers=headers) for _ in range(times))
        )
        if times == 1:
            self.said.submit_seconds.append(time.monotonic() - before)
        self.said.sent += times
        return self._same(call, answers)

    def _same(self, call: Call, answers: Sequence[httpx.Response]) -> Json:
        assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
        shown: list[Json] = [answer.json() for answer in answers]
        assert {one["id"] for one in shown} == {call.request_id}
        created = [one for one in shown if one.get("grant")] or shown
        self.said.first[call.request_id] = created[0]
        return created[0]

    async def _until_final(self, call: Call) -> None:
        seen = self.said.first[call.request_id]
        while seen["status"] in OPEN:
            query = {"wait": "30s", "since": str(seen["version"])}
            answer = await self._api("GET", f"/v1/requests/{call.request_id}", params=query, headers=self._headers)
            assert answer.status_code == 200, answer.text
            seen = answer.json()
        self.said.final_at[call.request_id] = time.monotonic()
        self.said.last[call.request_id] = seen


async def converse(bot: Bot, talks: Sequence[Conversation], callers: int = CALLERS) -> None:
    """Every conversation, ``callers`` at a time."""
    waiting: asyncio.Queue[Conversation] = asyncio.Queue()
    for talk in talks:
        waiting.put_nowait(talk)
    async with asyncio.TaskGroup() as lines:
        for _ in range(callers):
            lines.create_task(bot.serve(waiting))
