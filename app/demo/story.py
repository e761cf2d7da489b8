"""The main job, step by step, each step checked as it is told."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from dataclasses import replace
from typing import Any

from app.db import ledger
from app.db.session import Database
from app.demo.actors import Ask, Cast, Json
from app.demo.cards import Cards
from app.demo.expect import Narrator, expect
from app.demo.sample import LOUD, MIA, TRANSFER, asks
from app.demo.shop import Shop
from app.demo.slack import FINANCE, Shown
from app.demo.stack import EXAMPLE, Running, command_line
from app.domain.ledger import GENESIS, leaf_hash, verify_stream
from app.domain.request import Level
from app.settings import DatabaseSettings

SHORT = 12


class Story:
    """What happens between the bot, the people and the shop."""

    def __init__(self, where: Running, cast: Cast, shop: Shop, cards: Cards, narrator: Narrator) -> None:
        self._where, self._cast, self._shop, self._cards, self._narrator = where, cast, shop, cards, narrator
        self._asks = asks(EXAMPLE / "sample")

    async def tell(self) -> None:
        """All of it. Raises `Unexpected` at the first step that goes otherwise."""
        handed_over, its_card = await self._asks_for_a_human()
        await self._reads()
        await self._customer_and_owner_are_refused()
        await self._double_click()
        await self._two_signatures()
        await self._denied()
        await self._too_late(handed_over, its_card)
        await self._cards.by_the_rules()

    async def _asks_for_a_human(self) -> tuple[Json, Shown]:
        """First, so that its five seconds pass while the rest is told."""
        request = await self._held(TRANSFER, "transfer", ["takeover"], "; nobody will come within its 5 s")
        return request, await self._cards.appears(request)

    async def _reads(self) -> None:
        ask = self._asks["0_1"]
        request = await self._cast.bot.ask(ask)
        expect("the read's verdict", request["verdict"]["outcome"], "allow")
        expect("a plan that the read must wait for", request["plan"], None)
        self._say("allowed", f"{_what(ask)} ({request['verdict']['code']}) -> a grant for one call; nobody is asked")
        order = await self._shop.read("get_order_details", request)
        expect("what the shop answers to the grant", order["order_id"], ask.parameters["order_id"])
        reported = await self._cast.bot.report(request, {"status": order["status"]})
        expect("the read's end", reported["status"], "succeeded")
        self._say("succeeded", f"the bot reads it at the shop under the grant and reports: {order['status']}")

    async def _customer_and_owner_are_refused(self) -> None:
        order = MIA.parameters["order_id"]
        request = await self._held(MIA, "lead", ["lead"])
        card = await self._cards.appears(request)
        self._cards.whole(card)
        await self._cards.refused("olivia", card, "owns the bot", "bot-owner")
        await self._cards.refused("mia", card, "leads support, and is the customer", "on-behalf-of", "beneficiary")
        await self._cards.approved("dana", card)
        await self._decided(request, "dana", "approve", "slack")
        await self._ran_once(request, f"{order} is cancelled")
        expect(f"{order} in the shop's database", await self._shop.status(order), "cancelled")
        await self._cards.changed(request, card, "Succeeded", "Dana Hale approved stage lead in Slack")
        await self._recorded(request)

    async def _double_click(self) -> None:
        ask = self._asks["0_2"]
        request = await self._held(ask, "lead", ["lead"])
        card = await self._cards.appears(request)
        names = ("bot-owner", "on-behalf-of", "beneficiary")
        await self._refused("olivia", request, "owns the bot, and is the customer", *names)
        person, key = self._cast.person("marco"), uuid.uuid4().hex
        answers = await asyncio.gather(*(person.say(request, "approve", key=key) for _ in range(2)))
        expect("the answers to a double click", [answer.status_code for answer in answers], [200, 200])
        self._say("approved", "marco clicks twice at once in the web API: both are answered 200")
        await self._ran_once(request, f"{ask.parameters['order_id']} is cancelled")
        seen = await person.see(request)
        expect("standing decisions", [d["person"] for d in seen["decisions"] if d["standing"]], ["marco"])
        expect("attempts to run it", len(seen["execution"]["attempts"]), 1)
        await self._cards.changed(request, card, "Succeeded", "Marco Bianchi approved stage lead over the web API")

    async def _two_signatures(self) -> None:
        ask = self._asks["4_2"]
        order, amount = ask.parameters["order_id"], ask.parameters["amount_minor"]
        before = await self._shop.refunded(order)
        request = await self._held(ask, "two-person", ["lead", "finance"])
        card = await self._cards.appears(request)
        await self._refused("fiona", request, "finance, before the lead", "not-eligible")
        await self._cards.approved("priya", card)
        await self._decided(request, "priya", "approve", "slack")
        await self._counts_once("priya", request)
        second = await self._cards.appears(request, FINANCE, buttons=("Details",))
        self._say("card", f"another is in {FINANCE} now, without Approve:")
        self._cards.line(second, "sign-in level login;")
        await self._refused("fiona", request, "by a mere click", "weak-authentication", level=Level.CLICK)
        await self._approved("fiona", request, reason="The photo shows the crack", level="signed in, with a reason")
        await self._ran_once(request, f"{amount / 100:.2f} USD of {order} are paid back")
        expect(f"cents paid back of {order}", await self._shop.refunded(order) - before, amount)

    async def _denied(self) -> None:
        """The customer's words try to call everybody and to show a button of their own."""
        request = await self._held(replace(self._asks["1_4"], prompt=LOUD), "lead", ["lead"])
        card = await self._cards.appears(request)
        self._say("card", "the bot repeats its customer's words; nobody is called, nothing becomes a link:")
        self._cards.line(card, LOUD)
        reason = "The brass lamp is sold out"
        await self._cards.denied("dana", card, reason)
        await self._decided(request, "dana", "deny", "slack")
        shown = await self._cast.bot.until_final(request)
        expect("the request after a denial", shown["status"], "denied")
        expect("what the shop did", await self._shop.effects(request), 0)
        await self._cards.changed(request, card, "Denied by Dana Hale", reason)

    async def _too_late(self, request: Json, card: Shown) -> None:
        ended = await self._cast.bot.until_final(request)
        expect("a hold that nobody decided", ended["status"], "expired")
        expect("what the shop did", await self._shop.effects(request), 0)
        late = await self._cast.person("dana").say(request, "approve")
        expect("an approval after the end", late.status_code, 409)
        self._say("expired", f"{request['action']}: silence ends in refusal; dana's approval now: 409 closed")
        await self._cards.changed(request, card, "Expired: it did not get its approvals in time")

    async def _held(self, ask: Ask, plan: str, stages: list[str], more: str = "") -> Json:
        request = await self._cast.bot.ask(ask)
        expect(f"{ask.action} after the ask", request["status"], "held")
        expect("its plan and stages", [request["plan"]["name"], *_stages(request)], [plan, *stages])
        groups = ", then ".join(stage["group"] for stage in request["plan"]["stages"])
        self._say("held", f"{_what(ask)} for {ask.customer} -> waits for {groups} (plan {plan}){more}")
        return request

    async def _refused(self, name: str, request: Json, who: str, *invariants: str, level: Level = Level.LOGIN) -> None:
        sentence = await self._cast.person(name).refused(request, *invariants, level=level)
        self._say(
            "refused", f"{name} ({who}): {', '.join(invariants)}{f': {sentence}' if len(invariants) == 1 else ''}"
        )

    async def _decided(self, request: Json, name: str, decision: str, via: str) -> None:
        shown = await self._cast.person(name).see(request)
        mine = [(d["decision"], d["via"]) for d in shown["decisions"] if d["person"] == name and d["standing"]]
        expect(f"{name}'s standing decision", mine, [(decision, via)])

    async def _counts_once(self, name: str, request: Json) -> None:
        shown = await self._cast.person(name).approve(request)
        expect("where it stands", (shown["status"], _open_stage(shown)), ("held", "finance"))
        expect("votes by stage", [stage["approvals"] for stage in shown["plan"]["stages"]], [1, 0])
        self._say("held", f"{name} approves again, over the web API: counts once, and not for finance")

    async def _approved(self, name: str, request: Json, *, reason: str, level: str) -> None:
        await self._cast.person(name).approve(request, reason)
        await self._decided(request, name, "approve", "api")
        self._say("approved", f"{name} ({level}), over the web API")

    async def _ran_once(self, request: Json, what: str) -> None:
        since = time.monotonic()
        ended = await self._cast.bot.until_final(request)
        expect(f"the end of {request['action']}", (ended["status"], ended["execution"]["error"]), ("succeeded", None))
        expect("effects in the shop's database", await self._shop.effects(request), 1)
        waited = time.monotonic() - since
        self._say("succeeded", f"{what} in the shop's database, once ({waited:.2f} s after the approval)")

    async def _recorded(self, request: Json) -> None:
        stream = f"request:{request['id']}"
        database = Database(DatabaseSettings(url=self._where.database_url).url.get_secret_value())
        async with database.transaction() as session:
            entries = await ledger.read(session, stream)
        await database.close()
        expect("what is wrong with its ledger stream", verify_stream(stream, entries), [])
        bodies = [json.loads(entry.body) for entry in entries]
        kinds = [body["kind"] for body in bodies]
        told = {"admitted", "refused", "decided", "started", "succeeded"}
        expect("kinds of entries that are missing", told - set(kinds), set())
        self._say("recorded", f"{stream}: {len(entries)} entries, each chained to the one before")
        for body, entry in zip(bodies, entries, strict=True):
            self._narrator.detail(_line(body, leaf_hash(entry.body)))

    def _say(self, word: str, sentence: str) -> None:
        self._narrator.tell(word, sentence)


async def verified(where: Running, narrator: Narrator) -> None:
    """The whole ledger, by the command that anybody would use."""
    narrator.tell("verified", await command_line(where, "ledger", "verify"))


def _what(ask: Ask) -> str:
    order = ask.parameters.get("order_id")
    return f"{ask.action} {order}" if order else ask.action


def _stages(request: Json) -> list[str]:
    return [stage["name"] for stage in request["plan"]["stages"]]


def _open_stage(request: Json) -> str | None:
    return next((stage["name"] for stage in request["plan"]["stages"] if stage["status"] == "open"), None)


def _line(body: dict[str, Any], digest: str) -> str:
    prev = "start" if body["prev"] == GENESIS else body["prev"][:SHORT]
    violations = " ".join(body["facts"].get("violations", ()))
    return f"{body['n']:>3}  {body['kind']:<17} {digest[:SHORT]}  <- {prev:<12}  {violations}".rstrip()
