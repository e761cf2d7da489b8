"""What the people do and see in Slack, told and checked: cards, what is said to one of them, threads."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.demo.actors import Json
from app.demo.expect import Narrator, expect
from app.demo.slack import APPROVERS, Shown, Slack

DECIDING = ("Approve", "Deny", "Details")
BRIEF = 8
"""How much of a request's id people type."""
_INVARIANT = re.compile(r"[.!?] \(([a-z-]+)\)")
"""The name of a rule after the sentence on it."""


class Cards:
    """Tells of the workspace."""

    def __init__(self, slack: Slack, narrator: Narrator) -> None:
        self._slack, self._narrator = slack, narrator

    async def appears(self, request: Json, channel: str = APPROVERS, *, buttons: tuple[str, ...] = DECIDING) -> Shown:
        """The card of what is held; checks its buttons, and says nothing."""
        card = await self._slack.card(request, channel, "Held: it waits for people to decide")
        expect(f"the buttons of the card of {request['action']}", card.buttons, buttons)
        expect(f"mentions and links on the card of {request['action']}", card.mentions, ())
        return card

    def whole(self, card: Shown) -> None:
        """Print a card."""
        self._narrator.tell("card", f"is in Slack, in {card.channel}; in brackets, its buttons:")
        self._print(card.lines)

    def line(self, card: Shown, *words: str) -> None:
        """Print the lines of a card that hold one of these."""
        self._print(line for line in card.lines if any(word in line for word in words))

    async def refused(self, name: str, card: Shown, who: str, *invariants: str) -> None:
        """A click on Approve that is refused for exactly these reasons."""
        told = await self._slack.click(name, card, "approve")
        expect(f"why {name}'s click is refused", sorted(_INVARIANT.findall(told)), sorted(invariants))
        self._narrator.tell("refused", f"{name} ({who}) clicks Approve, and alone is told:")
        self._print([told])

    async def approved(self, name: str, card: Shown) -> None:
        """A click on Approve that counts."""
        told = await self._slack.click(name, card, "approve")
        expect(f"what {name} is told", told.split(".")[0], "Approved")
        self._narrator.tell("approved", f"{name} clicks Approve in Slack: {told}")

    async def denied(self, name: str, card: Shown, reason: str) -> None:
        """A click on Deny, and a reason in the form that opens."""
        form = await self._slack.fill_in(name, card, "deny", reason)
        expect("inputs of the form", [line.partition(":")[0] for line in form.split("\n")][-1:], ["Reason"])
        self._narrator.tell("denied", f'{name} clicks Deny; the form asks for a reason: "{reason}"')

    async def rollback_asked(self, name: str, who: str, request: Json, reason: str, *words: str) -> None:
        """/interlock rollback: the form says all these words, and then that it is asked for."""
        command = f"rollback {request['id'][:BRIEF]}"
        form, told = await self._slack.command(name, APPROVERS, command, reason)
        shown = [line for line in form.split("\n") if any(word in line for word in words)]
        expect("what the form does not say", [word for word in words if word not in form], [])
        expect(f"what {name} is told", told.split(",")[0], "Asked for")
        self._narrator.tell(
            "asked", f'{name} ({who}) types /interlock {command} in Slack; the form, and the reason: "{reason}"'
        )
        self._print(shown)
        self._print([told])

    async def undone(self, request: Json, before: Shown) -> None:
        """The card of what was rolled back says so, and its thread."""
        card = await self._slack.card(request, before.channel, "Reversed by", "(succeeded)")
        expect("which message it is", card.ts, before.ts)
        replies = await self._slack.replies(card, 2)
        self._narrator.tell("card", "that of the cancellation, and its thread:")
        self.line(card, "Reversed by")
        self._print(replies[-1].lines)

    async def changed(self, request: Json, before: Shown, *words: str) -> None:
        """The same card says these words now and has no buttons to decide with; its thread begins with the first."""
        card = await self._slack.card(request, before.channel, *words)
        expect("which message it is", card.ts, before.ts)
        expect("the buttons of a card that is decided", card.buttons, ("Details",))
        self._narrator.tell("card", "the same card; new on it:")
        self._print(line for line in card.lines if line not in before.lines)
        replies = await self._slack.replies(card)
        expect("replies in its thread", len(replies), 1)
        expect("how its reply begins", replies[0].lines[0][: len(words[0])], words[0])
        self._narrator.detail("in its thread:")
        self._print(replies[0].lines)

    async def says(self, request: Json, before: Shown, *words: str) -> None:
        """The same card has lines with all of these words now; print them."""
        card = await self._slack.card(request, before.channel, *words)
        expect("which message it is", card.ts, before.ts)
        self._narrator.tell("card", "the same card says so:")
        self.line(card, *words)

    async def by_the_rules(self) -> None:
        """Whatever was called, Slack had nothing to complain of."""
        calls, complaints = await self._slack.called()
        expect("what the strict fake complains of", complaints, {})
        self._narrator.tell("checked", f"{calls} calls of Slack's API; the fake, as strict as Slack, found no fault")

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._narrator.detail(f"| {line}")
