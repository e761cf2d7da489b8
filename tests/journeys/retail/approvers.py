"""The people: eligible ones decide, by hand or off their list, at the same time; others try and are refused."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator

import httpx

from tests.journeys.retail.conversations import Json
from tests.journeys.retail.place import MIA_SHOPS_AS, Client, Place

LEADS, LISTING, FINANCE = ("dana", "marco"), "priya", ("fiona", "felix")
ELIGIBLE = {"lead": frozenset({*LEADS, LISTING}), "finance": frozenset(FINANCE)}
"""Who decides which stage in this journey. Mia and Olivia are leads too, and excluded: for her own orders, as owner."""
INTRUDES, TWICE = 3, 5
"""Before every third decision somebody tries who may not; every fifth decision is sent twice."""
ON_LIST = 5
"""How many of the newest who works off her list looks at before she asks for it again."""
OVER = frozenset({"closed", "violations"})
"""What somebody hears who may decide and comes second: the request, or the stage, is over."""


class Office:
    """Leads who are handed requests, one lead who works off her list, finance for the second stage."""

    def __init__(self, where: Place, api: Client) -> None:
        self._api, bot = api, {"Authorization": f"Bearer {where.bot_token}"}
        people = (*LEADS, LISTING, *FINANCE, "mia", "olivia", "anya")
        self._headers = {name: where.running.person(name) for name in people} | {"bot": bot}
        self._desks: dict[str, asyncio.Queue[Json | None]] = {name: asyncio.Queue() for name in (*LEADS, *FINANCE)}
        self._leads, self._finance = itertools.cycle(LEADS), itertools.cycle(FINANCE)
        self._rest = itertools.cycle(("anya", "bot", "olivia", "fiona"))
        self._listed, self._open, self._passed_on = asyncio.Event(), True, set[str]()
        self._attempts = itertools.count(1)
        self.counted: Counter[str] = Counter()
        self.refused: list[tuple[str, str]] = []
        self.decided_at: dict[str, float] = {}
        self.reasons: list[str] = []

    @property
    def tokens(self) -> list[str]:
        """Every bearer token of a person here."""
        return [header["Authorization"].removeprefix("Bearer ") for header in self._headers.values()]

    async def take(self, shown: Json) -> None:
        """Hand a held request to as many leads as its first stage needs; it also stands on a list."""
        for _ in range(shown["plan"]["stages"][0]["quorum"]):
            self._desks[next(self._leads)].put_nowait(shown)
        self._listed.set()

    async def work(self) -> None:
        """Decide until `close`, and until every desk is empty."""
        async with asyncio.TaskGroup() as people:
            people.create_task(self._at_list())
            for name in self._desks:
                people.create_task(self._at_desk(name))

    def close(self) -> None:
        """Nothing more comes."""
        self._open = False
        self._listed.set()
        for desk in self._desks.values():
            desk.put_nowait(None)

    async def _at_desk(self, name: str) -> None:
        while (shown := await self._desks[name].get()) is not None:
            if name in LEADS:
                await self._intrude(shown)
            await self._decide(name, shown)

    async def _at_list(self) -> None:
        seen: set[str] = set()
        while self._open:
            await self._listed.wait()
            self._listed.clear()
            answer = await self._api(
                "GET", "/v1/requests", params={"decidable_by": "me", "limit": ON_LIST}, headers=self._headers[LISTING]
            )
            assert answer.status_code == 200, answer.text
            for shown in (item for item in answer.json()["items"] if item["id"] not in seen):
                seen.add(shown["id"])
                await self._decide(LISTING, shown)

    async def _decide(self, name: str, asked: Json) -> None:
        """Look at it, and approve what is seen."""
        read = await self._api("GET", f"/v1/requests/{asked['id']}", headers=self._headers[name])
        shown = read.json()
        assert (read.status_code, shown["parameters"]) == (200, asked["parameters"])
        assert not {who for who, _ in excluded(shown)} & {*shown["may_decide"]}
        times = 2 if next(self._attempts) % TWICE == 0 else 1
        before = time.monotonic()
        answers = await asyncio.gather(*(self._approve(name, shown) for _ in range(times)))
        if times == 2:
            assert len({answer.status_code for answer in answers}) == 1, [answer.text for answer in answers]
        self._hear(name, answers[0], before)

    async def _approve(self, name: str, shown: Json) -> httpx.Response:
        reason = f"{name.title()} has read what {shown['on_behalf_of']} wrote: {shown['reason']}"
        self.reasons.append(reason)
        body = {"decision": "approve", "digest": shown["digest"], "reason": reason}
        headers = {**self._headers[name], "Idempotency-Key": f"{name}-{shown['id']}"}
        return await self._api("POST", f"/v1/requests/{shown['id']}/decisions", json=body, headers=headers)

    def _hear(self, name: str, answer: httpx.Response, before: float) -> None:
        told = answer.json()
        if answer.status_code != 200:
            assert answer.status_code in (403, 409), answer.text
            kind = told["type"].rpartition(":")[2]
            assert kind in OVER, answer.text
            self.counted[f"{name} too late"] += 1
            return
        self.counted[name] += 1
        if told["status"] != "held":
            self.decided_at.setdefault(told["id"], before)
        elif told["plan"]["stages"][0]["status"] == "passed" and told["id"] not in self._passed_on:
            self._passed_on.add(told["id"])
            self._desks[next(self._finance)].put_nowait(told)

    async def _intrude(self, shown: Json) -> None:
        for who, invariant in self._intruders(shown):
            answer = await self._approve(who, shown)
            if answer.status_code == 409:  # decided meanwhile: an owner of low risk is told no more than that
                assert (who, answer.json()["type"].rpartition(":")[2]) == ("olivia", "closed"), answer.text
                continue
            assert answer.status_code == 403, answer.text
            assert invariant in {broken["invariant"] for broken in answer.json()["violations"]}, answer.text
            self.refused.append((shown["id"], invariant))

    def _intruders(self, shown: Json) -> Iterator[tuple[str, str]]:
        never = dict(excluded(shown))
        if "mia" in never:
            yield "mia", never["mia"]
        if next(self._attempts) % INTRUDES == 0 and (who := next(self._rest)) in never:
            yield who, never[who]


def excluded(shown: Json) -> Iterator[tuple[str, str]]:
    """Who may at no time decide this request, and the invariant that says so."""
    stages = shown["plan"]["stages"]
    yield "bot", "not-human"
    yield "anya", "not-eligible"
    if len(stages) == 1:  # else Fiona is only too early
        yield "fiona", "not-eligible"
    if shown["risk"] == "high" or stages[0]["quorum"] == 1:  # else the owner may be one of several
        yield "olivia", "bot-owner"
    if shown["on_behalf_of"] == f"customer:{MIA_SHOPS_AS}":
        yield "mia", "on-behalf-of"
