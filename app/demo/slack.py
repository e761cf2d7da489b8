"""The shop's workspace in Slack: what its people see there and where they click, at the fake's /control."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from app.demo.expect import Unexpected, expect

Json = dict[str, Any]
T = TypeVar("T")

APPROVERS, FINANCE = "C0APPROVE", "C0FINANCE"
CHANNELS = {APPROVERS: "approvers", FINANCE: "finance"}
PEOPLE = ("dana", "marco", "priya", "olivia", "mia", "fiona", "felix", "ivan", "nora")
"""Who has a Slack account in the example's rules."""
WAIT_SECONDS = 15
_LOOK_AGAIN = 0.05


def account(name: str) -> str:
    """A person's id in Slack."""
    return f"U0{name.upper()}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as its readers see it. ``mentions``: whom or what it calls or links to; ``buttons``: their labels."""

    channel: str
    ts: str
    lines: tuple[str, ...]
    buttons: tuple[str, ...]
    mentions: tuple[str, ...]

    @classmethod
    def of(cls, message: Json) -> Shown:
        """The newest version of a message of /control/messages."""
        now = message["versions"][-1]
        rows = (block["elements"] for block in now["blocks"] if block["type"] == "actions")
        buttons = tuple(button["text"]["text"] for row in rows for button in row)
        return cls(message["channel"], message["ts"], tuple(now["readable"].split("\n")), buttons, (*now["mentions"],))

    def says(self, *words: str) -> bool:
        """Whether each of these stands somewhere in it."""
        whole = "\n".join(self.lines)
        return all(word in whole for word in words)


class Slack:
    """The workspace. What its people wait for, they wait for some seconds; then `Unexpected` is raised."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def card(self, request: Json, channel: str, *words: str) -> Shown:
        """The card of a request in a channel, as soon as it says all these words."""

        async def look() -> Shown | None:
            cards = [Shown.of(one) for one in await self._messages(channel) if _about(one) == request["id"]]
            return next((card for card in cards if card.says(*words)), None)

        return await _until(f"the card of {request['action']} in {channel} that says {words}", look)

    async def replies(self, card: Shown, at_least: int = 1) -> list[Shown]:
        """What stands in a card's thread, as soon as there is that much."""

        async def look() -> list[Shown] | None:
            found = [Shown.of(one) for one in await self._messages(card.channel) if one["thread_ts"] == card.ts]
            return found if len(found) >= at_least else None

        return await _until(f"reply {at_least} under the card", look)

    async def click(self, name: str, card: Shown, action: str) -> str:
        """Click a button of a card; the sentence that only this person then sees."""
        before = len(await self._seen(name))
        await self._click(name, card, action)

        async def look() -> str | None:
            return next(iter((await self._seen(name))[before:]), None)

        return await _until(f"what {name} is told", look)

    async def fill_in(self, name: str, card: Shown, action: str, reason: str) -> str:
        """Click a button that asks for a reason, and send one; the form as it was."""
        await self._click(name, card, action)
        form = await self._form(name)
        await self._submit(name, form, reason)
        expect("forms that are still open", await self._modal(name), None)
        return str(form["text"])

    async def command(self, name: str, channel: str, text: str, reason: str) -> tuple[str, str]:
        """Type /interlock and what opens a form, and send a reason; the form as it was, and what then stands in it."""
        await self._act("command", user=account(name), channel=channel, command="/interlock", text=text)
        form = await self._form(name)
        await self._submit(name, form, reason)

        async def look() -> Json | None:
            after = await self._modal(name)
            return after if after and after["text"] != form["text"] and not after["text"].endswith("…") else None

        after = await _until(f"what {name} is told", look)
        await self._act("close", user=account(name), view_id=after["view"]["id"])
        return str(form["text"]), str(after["text"])

    async def called(self) -> tuple[int, Json]:
        """How many calls of Slack's API there were, and how often which of them was not as it should be."""
        summary = await self._get("/control/calls")
        return sum(sum(outcomes.values()) for outcomes in summary["calls"].values()), summary["complaints"]

    async def _form(self, name: str) -> Json:
        return await _until(f"the form that {name} gets", lambda: self._modal(name))

    async def _modal(self, name: str) -> Json | None:
        views = [view for view in await self._get("/control/views") if view["user"] == account(name)]
        return next((view for view in views if view["view"]["type"] == "modal"), None)

    async def _submit(self, name: str, form: Json, reason: str) -> None:
        await self._act("submit", user=account(name), view_id=form["view"]["id"], values={"reason": reason})

    async def _click(self, name: str, card: Shown, action: str) -> None:
        await self._act("click", user=account(name), channel=card.channel, ts=card.ts, action_id=action)

    async def _messages(self, channel: str) -> list[Json]:
        found: list[Json] = await self._get("/control/messages", channel=channel)
        return found

    async def _seen(self, name: str) -> list[str]:
        found: list[str] = await self._get(f"/control/seen/{account(name)}")
        return found

    async def _get(self, path: str, **query: str) -> Any:
        return (await self._http.get(path, params=query)).raise_for_status().json()

    async def _act(self, act: str, **what: Any) -> None:
        answer = await self._http.post(f"/control/{act}", json=what)
        done = answer.json()
        if answer.status_code != 200 or done.get("status", 200) != 200:  # nobody is told of a form that is closed
            raise Unexpected(f"{what['user']} cannot {act}: {done.get('error') or done['seen']}")


def _about(message: Json) -> str | None:
    """The request whose card a message is; None for a reply and for anything else."""
    metadata = message["versions"][-1]["metadata"] or {}
    if message["thread_ts"] is not None or metadata.get("event_type") != "interlock_request":
        return None
    return str(metadata["event_payload"]["request_id"])


async def _until(what: str, look: Callable[[], Awaitable[T | None]]) -> T:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not (found := await look()):  # noqa: ASYNC110  another process has no event for us
                await asyncio.sleep(_LOOK_AGAIN)
            return found
    except TimeoutError:
        raise Unexpected(f"{what}: not there after {WAIT_SECONDS} s") from None


@asynccontextmanager
async def workspace(url: str) -> AsyncIterator[Slack]:
    """The workspace of a fake that runs."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=WAIT_SECONDS) as http:
        yield Slack(http)


async def introduce(url: str, app: Mapping[str, str]) -> None:
    """Tell a fake where our app is and what signs what it sends there: ``slack`` of a dev stack's ready file."""
    async with httpx.AsyncClient(base_url=f"{url}/control", trust_env=False, timeout=WAIT_SECONDS) as http:
        (await http.post("/signing-secret", json={"secret": app["signing_secret"]})).raise_for_status()
        (await http.post("/events-url", json={"url": app["events_url"]})).raise_for_status()
