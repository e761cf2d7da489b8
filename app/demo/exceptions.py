"""Out of turn, and accounted for: a responder releases what is held, alone; the bot may act once without being held."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from app.demo.actors import Ask, Json
from app.demo.chapter import Chapter, what
from app.demo.expect import expect
from app.demo.sample import AMARA, BOT, asks
from app.demo.stack import EXAMPLE
from app.domain.clocks import rfc3339

URGENT = "The parcel leaves in ten minutes, and no lead answers"
MOVING = "A storm moves people out of Georgia today: their new addresses need not wait for a lead"
A_DAY = timedelta(hours=24)


class Exceptional(Chapter):
    """Break-glass with its review; a standing permission that is granted, used, and used up."""

    async def tell(self) -> None:
        """All of it. Raises `Unexpected` at the first step that goes otherwise."""
        await self._attested(await self._released())
        await self._granted()
        await self._used()

    @cached_property
    def _asks(self) -> dict[str, Ask]:
        return asks(EXAMPLE / "sample")

    async def _released(self) -> Json:
        request = await self._held(AMARA, "lead", ["lead"])
        card = await self._cards.appears(request)
        shown = await self._cast.person("ivan").break_glass(request, URGENT)
        self._say("released", f'ivan, a responder who has just signed in, breaks the glass, alone: "{URGENT}"')
        await self._ran_once(request, f"{AMARA.parameters['order_id']} is cancelled", self._cast.bot)
        await self._cards.says(request, card, "Released alone by", "To be reviewed")
        review: Json = shown["break_glass"]["review"]
        expect("who must look at it", review["reviewers"], ["eve"])
        return review

    async def _attested(self, review: Json) -> None:
        found = await self._cast.person("eve").attest(review, "justified", "I called the depot: it could not wait")
        expect("the review", (found["finding"], found["person"]), ("justified", "ivan"))
        self._say("reviewed", "eve, of the exceptions seat, finds it justified; else the bot would stop after 24 h")

    async def _granted(self) -> None:
        wish = {
            "bot": BOT,
            "action": "orders.modify_address",
            "when": 'parameters.state == "GA"',
            "max_uses": 1,
            "expires_at": rfc3339(datetime.now(UTC) + A_DAY),
        }
        request = await self._cast.person("petra").ask_for_permission(wish, MOVING)
        expect("status and plan", (request["status"], request["plan"]["name"]), ("held", "interlock.permit"))
        self._say("held", f'petra asks that {BOT} may, once, for a day: "{MOVING}" -> two must sign')
        await self._approved("eve", request, reason="For a day", level="exceptions")
        await self._approved("sam", request, reason="Only of that state", level="security")
        expect("the grant", (await self._cast.person("petra").until_final(request))["status"], "succeeded")

    async def _used(self) -> None:
        ask = self._asks["2_2"]
        request = await self._cast.bot.ask(ask)
        expect("why it is allowed", request["verdict"]["code"], "standing-permission")
        self._say("allowed", f"{what(ask)}: nobody is asked")
        await self._ran_once(request, f"{ask.parameters['order_id']} goes to another address", self._cast.bot)
        once_more = replace(ask, parameters={**ask.parameters, "address2": ""})
        await self._held(once_more, "lead", ["lead"], ": the permission is used up")
