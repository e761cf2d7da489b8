"""What the chapters of the story share: who is in it, and the steps that are told more than once."""

from __future__ import annotations

import json
import time
from typing import Any

from app.db import ledger
from app.db.session import Database
from app.demo.actors import Ask, Bot, Cast, Json, Person
from app.demo.cards import Cards
from app.demo.expect import Narrator, expect
from app.demo.shop import Shop
from app.demo.stack import Running
from app.domain.ledger import GENESIS, leaf_hash, verify_stream
from app.domain.request import Level
from app.settings_database import DatabaseSettings

SHORT = 12


class Chapter:
    """A part of what happens between the bot, the people and the shop."""

    def __init__(self, where: Running, cast: Cast, shop: Shop, cards: Cards, narrator: Narrator) -> None:
        self._where, self._cast, self._shop, self._cards, self._narrator = where, cast, shop, cards, narrator

    async def _held(self, ask: Ask, plan: str, stages: list[str], more: str = "") -> Json:
        request = await self._cast.bot.ask(ask)
        expect(f"{ask.action} after the ask", request["status"], "held")
        expect("its plan and stages", [request["plan"]["name"], *_stages(request)], [plan, *stages])
        groups = ", then ".join(stage["group"] for stage in request["plan"]["stages"])
        self._say("held", f"{what(ask)} for {ask.customer} -> waits for {groups} (plan {plan}){more}")
        return request

    async def _refused(
        self,
        name: str,
        request: Json,
        who: str,
        *invariants: str,
        level: Level = Level.LOGIN,
        digest: str | None = None,
    ) -> None:
        """``digest``: as of `Person.say`. The sentence is the first one's."""
        sentence = await self._cast.person(name).refused(request, *invariants, level=level, digest=digest)
        told = f": {sentence}" if len(invariants) == 1 or digest else ""
        self._say("refused", f"{name} ({who}): {', '.join(invariants)}{told}")

    async def _decided(self, request: Json, name: str, decision: str, via: str) -> None:
        shown = await self._cast.person(name).see(request)
        mine = [(d["decision"], d["via"]) for d in shown["decisions"] if d["person"] == name and d["standing"]]
        expect(f"{name}'s standing decision", mine, [(decision, via)])

    async def _approved(self, name: str, request: Json, *, reason: str, level: str) -> None:
        await self._cast.person(name).approve(request, reason)
        await self._decided(request, name, "approve", "api")
        self._say("approved", f"{name} ({level}), over the web API")

    async def _ran_once(self, request: Json, what: str, reader: Bot | Person) -> None:
        since = time.monotonic()
        ended = await reader.until_final(request)
        expect(f"the end of {request['action']}", (ended["status"], ended["execution"]["error"]), ("succeeded", None))
        expect("effects in the shop's database", await self._shop.effects(request), 1)
        waited = time.monotonic() - since
        self._say("succeeded", f"{what} in the shop's database, once ({waited:.2f} s after the approval)")

    async def _recorded(self, request: Json, *kinds: str) -> None:
        """Its stream is whole, and has entries of these kinds among others."""
        stream = f"request:{request['id']}"
        database = Database(DatabaseSettings(url=self._where.database_url).url.get_secret_value())
        async with database.transaction() as session:
            entries = await ledger.read(session, stream)
        await database.close()
        expect("what is wrong with its ledger stream", verify_stream(stream, entries), [])
        bodies = [json.loads(entry.body) for entry in entries]
        expect("kinds of entries that are missing", {*kinds} - {body["kind"] for body in bodies}, set())
        self._say("recorded", f"{stream}: {len(entries)} entries, each chained to the one before")
        for body, entry in zip(bodies, entries, strict=True):
            self._narrator.detail(_line(body, leaf_hash(entry.body)))

    def _say(self, word: str, sentence: str) -> None:
        self._narrator.tell(word, sentence)


def what(ask: Ask) -> str:
    """An ask in few words."""
    order = ask.parameters.get("order_id")
    return f"{ask.action} {order}" if order else ask.action


def _stages(request: Json) -> list[str]:
    return [stage["name"] for stage in request["plan"]["stages"]]


def _line(body: dict[str, Any], digest: str) -> str:
    prev = "start" if body["prev"] == GENESIS else body["prev"][:SHORT]
    violations = " ".join(body["facts"].get("violations", ()))
    return f"{body['n']:>3}  {body['kind']:<17} {digest[:SHORT]}  <- {prev:<12}  {violations}".rstrip()
