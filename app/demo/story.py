"""The main job, step by step, each step checked as it is told."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, replace
from functools import cached_property

from app.demo.actors import Ask, Json
from app.demo.chapter import Chapter, what
from app.demo.expect import Narrator, expect
from app.demo.sample import LOUD, MIA, TRANSFER, asks
from app.demo.slack import FINANCE, Shown
from app.demo.stack import EXAMPLE, Running, command_line
from app.domain.request import Level


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The cancellation of an order, its card, and the shop's rows of that order before and after."""

    request: Json
    card: Shown
    before: list[str]
    after: list[str]


class Story(Chapter):
    """What happens between the bot, the people and the shop."""

    @cached_property
    def _asks(self) -> dict[str, Ask]:
        return asks(EXAMPLE / "sample")

    async def tell(self) -> Cancelled:
        """All of it; what may be rolled back. Raises `Unexpected` at the first step that goes otherwise."""
        handed_over, its_card = await self._asks_for_a_human()
        await self._reads()
        cancelled = await self._customer_and_owner_are_refused()
        await self._double_click()
        await self._two_signatures()
        await self._denied()
        await self._too_late(handed_over, its_card)
        return cancelled

    async def _asks_for_a_human(self) -> tuple[Json, Shown]:
        """First, so that its five seconds pass while the rest is told."""
        request = await self._held(TRANSFER, "transfer", ["takeover"], "; nobody will come within its 5 s")
        return request, await self._cards.appears(request)

    async def _reads(self) -> None:
        ask = self._asks["0_1"]
        request = await self._cast.bot.ask(ask)
        expect("the read's verdict", request["verdict"]["outcome"], "allow")
        expect("a plan that the read must wait for", request["plan"], None)
        self._say("allowed", f"{what(ask)} ({request['verdict']['code']}) -> a grant for one call; nobody is asked")
        order = await self._shop.read("get_order_details", request)
        expect("what the shop answers to the grant", order["order_id"], ask.parameters["order_id"])
        reported = await self._cast.bot.report(request, {"status": order["status"]})
        expect("the read's end", reported["status"], "succeeded")
        self._say("succeeded", f"the bot reads it at the shop under the grant and reports: {order['status']}")

    async def _customer_and_owner_are_refused(self) -> Cancelled:
        order = MIA.parameters["order_id"]
        before = await self._shop.rows(order)
        request = await self._held(MIA, "lead", ["lead"])
        card = await self._cards.appears(request)
        self._cards.whole(card)
        await self._cards.refused("olivia", card, "owns the bot", "bot-owner")
        await self._cards.refused("mia", card, "leads support, and is the customer", "on-behalf-of", "beneficiary")
        await self._cards.approved("dana", card)
        await self._decided(request, "dana", "approve", "slack")
        await self._ran_once(request, f"{order} is cancelled", self._cast.bot)
        expect(f"{order} in the shop's database", await self._shop.status(order), "cancelled")
        await self._cards.changed(request, card, "Succeeded", "Dana Hale approved stage lead in Slack")
        await self._recorded(request, "admitted", "refused", "decided", "started", "succeeded")
        return Cancelled(request, card, before, await self._shop.rows(order))

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
        await self._ran_once(request, f"{ask.parameters['order_id']} is cancelled", self._cast.bot)
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
        await self._ran_once(request, f"{amount / 100:.2f} USD of {order} are paid back", self._cast.bot)
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

    async def _counts_once(self, name: str, request: Json) -> None:
        shown = await self._cast.person(name).approve(request)
        expect("where it stands", (shown["status"], _open_stage(shown)), ("held", "finance"))
        expect("votes by stage", [stage["approvals"] for stage in shown["plan"]["stages"]], [1, 0])
        self._say("held", f"{name} approves again, over the web API: counts once, and not for finance")


async def verified(where: Running, narrator: Narrator) -> None:
    """The whole ledger, by the command that anybody would use."""
    narrator.tell("verified", await command_line(where, "ledger", "verify"))


def _open_stage(request: Json) -> str | None:
    return next((stage["name"] for stage in request["plan"]["stages"] if stage["status"] == "open"), None)
