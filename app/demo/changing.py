"""The rules change: another administrator must agree, and what is asked for next needs more. Somebody is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property

from app.demo.actors import Ask, Json
from app.demo.chapter import Chapter, what
from app.demo.expect import Unexpected, expect
from app.demo.sample import BOT, asks
from app.demo.stack import EXAMPLE

TWO_LEADS = (
    "{name: lead, group: support-leads, quorum: 1, within: 1h",
    "{name: lead, group: support-leads, quorum: 2, within: 1h",
)
LESS_MONEY = ("at_most: 2000000, over: 24h}  # 20,000.00", "at_most: 100000, over: 24h}  # 1,000.00")
"""A change of the example's rules: what stands there, and what instead of it."""
BUDGETS = ("cancellations", "waiting", "refunds")
NO_LESS = False
WHY = "Last week one lead alone let too much pass"
HOLIDAYS = timedelta(days=3)


class Changing(Chapter):
    """Two leads instead of one, and a smaller budget; then a delegate decides for who is away."""

    async def tell(self) -> None:
        """All of it. Raises `Unexpected` at the first step that goes otherwise."""
        await self._published()
        await self._dana_is_away()
        await self._needs_two()
        await self._over_budget()

    @cached_property
    def _asks(self) -> dict[str, Ask]:
        return asks(EXAMPLE / "sample")

    async def _published(self) -> None:
        ada, draft = self._cast.person("ada"), _draft()
        changes = await ada.compare(draft)
        self._say("compared", "ada has a draft; what it changes, as interlock policy diff says it:")
        for sentence in (sentence for change in changes for sentence in change["sentences"]):
            self._narrator.detail(f"| {sentence}")
        found = {change["name"]: change["loosens"] for change in changes}
        expect("what it changes", [*found], [BOT, "lead"])
        expect("that two leads are no less than one", found["lead"], NO_LESS)
        request = await ada.ask_to_publish(draft, WHY)
        expect("status and plan", (request["status"], request["plan"]["name"]), ("held", "interlock.publish"))
        self._say("held", f'ada asks to put it in force: "{WHY}" -> waits for another administrator')
        await self._refused("ada", request, "asked for it", "governance-change", "self-approval")
        await self._approved("ben", request, reason="As agreed", level="administers")
        ended = await ada.until_final(request)
        expect("the publication", ended["status"], "succeeded")
        version = ended["execution"]["result"]["policy_version"]
        self._say(
            "succeeded", f"in force is {version[:19]}, instead of {ended['execution']['result']['replaced'][:19]}"
        )

    async def _dana_is_away(self) -> None:
        given = await self._cast.person("dana").away("felix", datetime.now(UTC) + HOLIDAYS, "Holidays")
        expect("who decides for whom", (given["person"], given["delegate"]), ("dana", "felix"))
        self._say("away", "dana (leads support) is, for three days: felix, of finance, decides in her place")

    async def _needs_two(self) -> None:
        """What waited for one lead when it was denied."""
        request = await self._held(self._asks["1_4"], "lead", ["lead"])
        (stage,) = request["plan"]["stages"]
        expect("how many must sign", stage["quorum"], 2)
        card = await self._cards.appears(request)
        self._say("card", "two must approve now, and who is away stands on it:")
        self._cards.line(card, "approvals", "away")
        await self._approved("felix", request, reason="The exchange is fine", level="for dana")
        shown = await self._cast.person("felix").see(request)
        expect("in whose right, and where it stands", _right(shown), ("held", [["dana"]]))
        await self._refused("dana", request, "looks in from the beach", "one-person-one-vote")
        await self._approved("priya", request, reason="So do I think", level="leads support")
        await self._ran_once(request, f"{what(self._asks['1_4'])} is done", self._cast.bot)

    async def _over_budget(self) -> None:
        ask = self._asks["4_2"]
        request = await self._cast.bot.ask(ask)
        verdict = request["verdict"]
        expect("another refund", (request["status"], verdict["code"]), ("denied", "over-budget"))
        expect("the budget that is named", [name for name in BUDGETS if name in verdict["reason"]], ["refunds"])
        self._say("denied", f"{BOT} asks for {what(ask)} again: {verdict['reason']}")
        expect("what the shop did", await self._shop.effects(request), 0)


def _draft() -> dict[str, str]:
    """The example's files, changed."""
    files = {path.name: path.read_text() for path in sorted(EXAMPLE.glob("*.yaml"))}
    for old, new in (TWO_LEADS, LESS_MONEY):
        if sum(text.count(old) for text in files.values()) != 1:
            raise Unexpected(f"the example's rules do not say {old!r}, once")
        files = {name: text.replace(old, new) for name, text in files.items()}
    return files


def _right(shown: Json) -> tuple[str, list[list[str]]]:
    return shown["status"], [made["stands_for"] for made in shown["decisions"] if made["standing"]]
