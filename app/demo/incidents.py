"""Many small changes that nobody wanted: undone together, newest first, under one signature."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from app.demo.actors import Ask, Json
from app.demo.chapter import Chapter, what
from app.demo.expect import expect
from app.demo.sample import BOT, asks
from app.demo.stack import EXAMPLE
from app.domain.clocks import rfc3339

CUSTOMERS = ("amara_okonjo_37", "jonas_lindqvist_24", "tadeo_marchetti_58", "wren_halloway_63")
NOWHERE = {
    "address1": "1 Nowhere Road",
    "address2": "",
    "city": "Anytown",
    "state": "KS",
    "country": "USA",
    "zip": "66002",
}
AMISS = "It sends everybody to Nowhere Road"
WHY = "Nobody asked for these addresses"
SUMMARY = "A prompt had an example address in it; all that were changed are as before"
MINUTE = timedelta(minutes=1)


class UndoingMany(Chapter):
    """The bot changes addresses that nobody wants changed; a responder has all of it undone at once."""

    async def tell(self) -> None:
        """All of it. Raises `Unexpected` at the first step that goes otherwise."""
        since, before = datetime.now(UTC), await self._shop.addresses()
        made = await self._amiss()
        expect("what the shop holds of the old addresses", len({*before} - {*await self._shop.addresses()}), 5)
        incident = await self._opened(since, made)
        rollback = await self._asked_for(incident, made)
        names = ("rollback-approver", "not-eligible")
        await self._refused("marco", rollback, "approved one of them", *names, digest=rollback["digest"])
        await self._undone(incident, rollback)
        after = await self._shop.addresses()
        expect("accounts and orders in the shop's database", after, before)
        self._say("checked", f"all {len(after)} rows of accounts and orders in the shop's database are as before")
        await self._closed(incident)
        await self._recorded(rollback, "admitted", "refused", "decided", "started", "attempt-finished", "succeeded")

    async def _amiss(self) -> list[Json]:
        """Four that are allowed, and one that a lead lets pass; the oldest first."""
        made = [await self._cast.bot.until_final(await self._cast.bot.ask(_move(who))) for who in CUSTOMERS]
        expect("changes of accounts", {one["status"] for one in made}, {"succeeded"})
        self._say("allowed", f"{len(made)} customers move, says {BOT}: their own accounts, so nobody is asked")
        ask = asks(EXAMPLE / "sample")["2_2"]
        ask = Ask(ask.action, {**ask.parameters, **NOWHERE}, ask.customer, ask.prompt, ask.conversation)
        request = await self._held(ask, "lead", ["lead"])
        await self._approved("marco", request, reason="Why not", level="leads support")
        await self._ran_once(request, f"{what(ask)} is done", self._cast.bot)
        return [*made, request]

    async def _opened(self, since: datetime, made: list[Json]) -> Json:
        about = {"bots": [BOT], "actions": ["*.modify_address"], "from": rfc3339(since - MINUTE)}
        about["to"] = rfc3339(datetime.now(UTC) + MINUTE)
        incident = await self._cast.person("ivan").open_incident(AMISS, about)
        found = [one["request_id"] for one in incident["candidates"] if one["reversible"]]
        expect("what it is about, newest first", found, [one["id"] for one in reversed(made)])
        self._say("opened", f'ivan (a responder) opens an incident: "{AMISS}"; {len(found)} can all be undone')
        return incident

    async def _asked_for(self, incident: Json, made: list[Json]) -> Json:
        rollback = await self._cast.person("ivan").roll_back(incident, WHY)
        expect(
            "kind, status and plan",
            (rollback["kind"], rollback["status"], rollback["plan"]["name"]),
            ("incident_rollback", "held", "rollback"),
        )
        order = [item["request"] for item in rollback["parameters"]["items"]]
        expect("what would run, in which order", order, [one["id"] for one in reversed(made)])
        self._say("held", f"one request undoes {len(order)}, newest first: one digest -> waits for rollback-signers")
        for item in rollback["parameters"]["items"]:
            self._narrator.detail(f"| {item['action']} undoes {item['of']}, request {item['request']}")
        return rollback

    async def _undone(self, incident: Json, rollback: Json) -> None:
        await self._approved("rita", rollback, reason="Put them all back", level="signed in, with a reason")
        since, ivan = time.monotonic(), self._cast.person("ivan")
        ended = await ivan.until_final(rollback)
        seen = await ivan.look_at(incident)
        progress = seen["progress"]
        expect("how many of how many are undone", (progress["succeeded"], ended["status"]), (5, "succeeded"))
        undone = [item["rollback"] for item in seen["items"]]
        once = [await self._shop.effects({"id": id_}) for id_ in undone]
        expect("effects in the shop's database", once, [1] * len(undone))
        waited = time.monotonic() - since
        self._say("succeeded", f"{len(undone)} of {progress['total']} are undone, each once ({waited:.2f} s)")

    async def _closed(self, incident: Json) -> None:
        closed = await self._cast.person("ivan").close(incident, SUMMARY)
        expect("the incident", (closed["status"], closed["closed_by"]), ("closed", "ivan"))
        self._say("closed", f'ivan closes it: "{SUMMARY}"')


def _move(customer: str) -> Ask:
    return Ask(
        action="users.modify_address",
        parameters={"user_id": customer, **NOWHERE},
        customer=f"customer:{customer}",
        prompt="Which address do you have of me?",
        conversation=f"amiss-{customer}",
    )
