"""What incident responders do: they have a cancellation undone, and stop the bot."""

from __future__ import annotations

import time

from app.demo.actors import Json
from app.demo.chapter import Chapter, what
from app.demo.expect import Unexpected, expect
from app.demo.sample import BOT, LOOKS, MIA
from app.demo.slack import Shown
from app.demo.story import Cancelled

AMOK = "It cancels what its customers want to keep"


class Undoing(Chapter):
    """The order that was cancelled is as it was, once another person than those who let it happen has signed."""

    async def tell(self, cancelled: Cancelled) -> None:
        """All of it. Raises `Unexpected` at the first step that goes otherwise."""
        order = cancelled.request["parameters"]["order_id"]
        if cancelled.before == cancelled.after:
            raise Unexpected(f"the cancellation has changed nothing of {order}")
        rollback = await self._asked_for(cancelled.request)
        await self._who_let_it_happen(rollback)
        await self._approved("rita", rollback, reason="She wants the lamp after all", level="signed in, with a reason")
        await self._ran_once(rollback, f"{order} is restored", self._cast.person("ivan"))
        rows = await self._shop.rows(order)
        expect(f"{order}, its lines, payments and cards in the shop's database", rows, cancelled.before)
        self._say("checked", f"all {len(rows)} rows of {order} in the shop's database are as before the cancellation")
        await self._cards.undone(cancelled.request, cancelled.card)
        await self._says_so(cancelled.request, rollback)
        await self._recorded(rollback, "admitted", "refused", "decided", "started", "succeeded")

    async def _asked_for(self, cancelled: Json) -> Json:
        person, why = self._cast.person("ivan"), "The customer had asked about another lamp"
        words = ("It would be undone with", "Nothing runs before others")
        await self._cards.rollback_asked("ivan", "a responder", cancelled, why, *words)
        (id_,) = (await person.see(cancelled))["reversed_by"]
        rollback = await person.see({"id": id_})
        expect("kind, status and plan", _brief(rollback), ("rollback", "held", "rollback"))
        expect("what it undoes", rollback["reverses"], cancelled["id"])
        expect("its parameters", rollback["parameters"], {"order_id": cancelled["parameters"]["order_id"]})
        self._say("held", f"{rollback['action']} {rollback['parameters']['order_id']} -> waits for rollback-signers")
        return rollback

    async def _who_let_it_happen(self, rollback: Json) -> None:
        """Neither is among the signers, nor could they be: the digest they know from somebody."""
        digest = rollback["digest"]
        names = ("rollback-approver", "not-eligible")
        await self._refused("dana", rollback, "approved the cancellation", *names, digest=digest)
        await self._refused("ivan", rollback, "asked for the rollback", *names, "self-approval", digest=digest)

    async def _says_so(self, cancelled: Json, rollback: Json) -> None:
        shown = await self._cast.bot.until_final(cancelled)
        expect("the cancellation", (shown["status"], shown["reversed_by"]), ("succeeded", [rollback["id"]]))


class Stopping(Chapter):
    """The bot does it again, and is stopped: at once, and until somebody who stands apart lets it go on."""

    async def tell(self) -> None:
        """All of it. Raises `Unexpected` at the first step that goes otherwise."""
        flying = await self._cast.bot.ask(LOOKS)
        expect("the read after the ask", flying["status"], "executing")
        again = await self._held(MIA, "lead", ["lead"], ": again")
        card = await self._cards.appears(again)
        await self._stopped(flying)
        await self._revoked(again, card)
        await self._bot_is_out()
        await self._what_had_started_ends(flying)
        await self._nobody_close_lets_it_go_on()
        await self._bot_is_out("still ")

    async def _stopped(self, flying: Json) -> None:
        since = time.monotonic()
        answer = await self._cast.person("nora").stop(BOT, AMOK)
        took = time.monotonic() - since
        found = [(one["request_id"], one["attempt"], one["action"]) for one in answer["in_flight"]]
        expect("what is in flight", found, [(flying["id"], 1, flying["action"])])
        self._say("stopped", f'nora (a responder) stops {BOT}: "{AMOK}"; answered in {took * 1000:.0f} ms')
        self._narrator.detail(f"in flight: {flying['action']}, request {flying['id']}, attempt 1; nothing else can act")

    async def _revoked(self, request: Json, card: Shown) -> None:
        seen = await self._cast.person("dana").see(request)
        expect("how it reads at once", (seen["status"], seen["ended_why"]), ("revoked", "stopped"))
        late = await self._cast.person("dana").say(seen, "approve")
        expect("an approval after the stop", late.status_code, 409)
        self._say("revoked", f"{what(MIA)} reads so at once; dana's approval now: 409 closed")
        await self._cards.changed(request, card, "Revoked", AMOK)
        expect("what the shop did", await self._shop.effects(request), 0)

    async def _bot_is_out(self, still: str = "") -> None:
        refused = await self._cast.bot.want_token()
        expect("another token", (refused.status_code, refused.json()["error"]), (400, "unauthorized_client"))
        asked = await self._cast.bot.ask(LOOKS)
        expect("an ask with the token it has", (asked["status"], asked["verdict"]["code"]), ("denied", "bot-suspended"))
        expect("a grant", asked.get("grant"), None)
        why = refused.json()["error_description"]
        self._say("denied", f"{BOT} {still}gets no token, and no grant for the one that it has: {why}")

    async def _what_had_started_ends(self, flying: Json) -> None:
        order = await self._shop.read("get_order_details", flying)
        reported = await self._cast.bot.report(flying, {"status": order["status"]})
        expect("what was in flight", (reported["status"], order["status"]), ("succeeded", "pending"))
        self._say("succeeded", f"what was in flight may end: {what(LOOKS)} is {order['status']}")

    async def _nobody_close_lets_it_go_on(self) -> None:
        request = await self._cast.person("ivan").ask_to_resume(BOT, "The prompt is mended")
        expect("kind, status and plan", _brief(request), ("governance", "held", "interlock.resume"))
        self._say("held", f"ivan asks to let it go on: {request['action']} -> waits for its security seat or an admin")
        names = ("governance-change", "bot-owner", "not-eligible")
        await self._refused("tom", request, "deployed the bot", *names, digest=request["digest"])
        reason = "The same prompt is still in place"
        denied = await self._cast.person("ada").say(request, "deny", reason)
        expect("ada's denial", (denied.status_code, denied.json()["status"]), (200, "denied"))
        self._say("denied", f'ada (administers): "{reason}"')


def _brief(request: Json) -> tuple[str, str, str]:
    return request["kind"], request["status"], request["plan"]["name"]
