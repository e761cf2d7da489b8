"""The running stack, and everybody who acts on it over HTTP: the bots, those who decide, administrators, responders."""

from __future__ import annotations

import signal
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.domain.clocks import rfc3339
from tests.drafts import draft
from tests.fakes.desk import Desk
from tests.kills.callers import Callers
from tests.kills.place import Place, until
from tests.kills.records import Record, connected
from tests.processes.stack import Stack, stack

View = dict[str, Any]
Edit = tuple[str, str]

MINE = Path(__file__).parent / "rules"
MORE: Edit = (
    "rules:\n  - {name: allowed,",
    """rules:
  - {name: more-people, when: 'action.name == "do.alone"', hold: signed}
  - {name: two-leads, when: 'action.name == "look.later"', hold: both}
  - {name: not-any-more, when: 'action.name == "look.doomed"', deny: "Not any more"}
  - {name: allowed,""",
)
"""Rules that ask for more, and forbid one thing."""
LEADS_CHANGE: Edit = ("[dana, marco, priya, olivia, mia, tom]", "[dana, priya, olivia, mia, tom, nora]")
HEADS_CHANGE: Edit = ("{name: heads, members: [mia, max]}", "{name: heads, members: [nora, felix]}")
ZOE_LEAVES: Edit = ("  - {id: zoe, name: Zoe}\n", "")


def files(edits: Collection[Edit]) -> dict[str, str]:
    """The rules of this journey by file name, changed."""
    found = draft() | {path.name: path.read_text() for path in MINE.glob("*.yaml")}
    for old, new in edits:
        assert any(old in text for text in found.values()), old
        found = {name: text.replace(old, new) for name, text in found.items()}
    return found


@dataclass
class Office:
    """``others``: who calls for the other bot. ``in_force``: how the rules differ from those at first."""

    place: Place
    callers: Callers
    others: OtherBot
    in_force: list[Edit] = field(default_factory=list)
    stricter: set[str] = field(default_factory=set)
    """Versions of the rules that ask for more."""

    @property
    def running(self) -> Stack:
        """The stack."""
        return self.place.running

    async def post(self, path: str, body: Any, who: str, status: int) -> View:
        """Send it until it is answered, and have it answered like that; or 200, when it was sent again."""
        answer = await self.callers.persist(path, body, who, uuid.uuid4().hex)
        assert answer.status_code in (200, status), answer.text
        told: View = answer.json()
        return told

    async def look(self, shown: View) -> View:
        """A request as the auditor sees it."""
        answer = await self.running.http.get(f"/v1/requests/{shown['id']}", headers=self.running.person("anya"))
        assert answer.status_code == 200, answer.text
        seen: View = answer.json()
        return seen

    async def became(self, shown: View, status: str) -> View:
        """A request, as soon as it stands so."""
        seen: View = {}

        async def look() -> None:
            nonlocal seen
            seen = await self.look(shown)
            assert seen["status"] == status, (seen["action"], seen["status"])

        await until(look)
        return seen

    async def publish(self, *edits: Edit) -> None:
        """Put the rules in force with these changes in all: Ada asks, Ben approves."""
        parameters = {"files": files(edits)}
        body = {"action": "interlock.policy.publish", "parameters": parameters, "reason": "It is time"}
        asked = await self.post("/v1/governance-requests", body, "ada", 201)
        await self.post(f"/v1/requests/{asked['id']}/decisions", approval(asked), "ben", 200)
        published = await self.became(asked, "succeeded")
        self.in_force = list(edits)
        if MORE in edits:
            self.stricter.add(published["execution"]["result"]["policy_version"])

    async def publish_if_others(self) -> None:
        """Put the first rules in force again."""
        if self.in_force:
            await self.publish()

    async def also(self, *edits: Edit) -> None:
        """Change more of the rules."""
        await self.publish(*self.in_force, *edits)

    async def away(self, who: str, to: str) -> View:
        """Somebody has another decide for an hour."""
        until_when = {"until": rfc3339(datetime.now(UTC) + timedelta(hours=1)), "to": to, "reason": "Holidays"}
        return await self.post("/v1/delegations", until_when, who, 201)

    async def back(self, given: View) -> None:
        """They are back."""
        answer = await self.running.http.delete(
            f"/v1/delegations/{given['id']}", headers=self.running.person(given["person"])
        )
        assert answer.status_code == 200, answer.text

    async def approve(self, shown: View, who: str) -> httpx.Response:
        """Approve until it is answered, whatever the answer."""
        path = f"/v1/requests/{shown['id']}/decisions"
        return await self.callers.persist(path, approval(shown), who, uuid.uuid4().hex)

    async def approved(self, shown: View, who: str) -> None:
        """Approve, and be heard."""
        answer = await self.approve(shown, who)
        assert answer.status_code == 200, (shown["action"], who, answer.text)

    async def refused(self, shown: View, who: str, *invariants: str) -> None:
        """Try to approve, and be refused for exactly these reasons."""
        answer = await self.approve(shown, who)
        assert answer.status_code == 403, (shown["action"], who, answer.text)
        found = sorted(one["invariant"] for one in answer.json()["violations"])
        assert found == sorted(invariants), (shown["action"], who)

    async def take(self, shown: View) -> bool:
        """The bot comes for its grant, and does what it has asked for; False: there is none for it."""
        answer = await self.callers.persist(f"/v1/requests/{shown['id']}/grant", None, "bot", None)
        if answer.status_code == 409:
            return False
        assert answer.status_code == 200, answer.text
        again = await self.callers.persist(f"/v1/requests/{shown['id']}/grant", None, "bot", None)
        assert again.json() == answer.json()
        outcome = {"status": "succeeded", "result": {"done": shown["id"]}}
        await self.post(f"/v1/requests/{shown['id']}/outcome", outcome, "bot", 200)
        return True

    async def stop_the_other_bot(self) -> None:
        """A responder does."""
        await self.post("/v1/bots/other-bot/suspend", {"reason": "It runs amok"}, "ivan", 200)

    async def resume_the_other_bot(self) -> None:
        """A responder asks, an administrator approves."""
        asked = await self.post("/v1/bots/other-bot/resume", {"reason": "It is mended"}, "ivan", 201)
        await self.post(f"/v1/requests/{asked['id']}/decisions", approval(asked), "ada", 200)
        await self.became(asked, "succeeded")

    def kill_the_worker(self) -> None:
        """At once, whatever it does; another comes by itself. One that is dead still is left so."""
        with suppress(ProcessLookupError):
            self.running.signal("worker", signal.SIGKILL)

    async def pids(self) -> dict[str, str]:
        """What the ledger calls everybody."""
        async with connected(self.place.dsn) as connection:
            return {row["id"]: str(row["pid"]) for row in await connection.fetch("select id, pid from person")}

    async def record(self, shown: View) -> Record:
        """What the database and the target know of a request."""
        return (await self.place.records([shown["id"]]))[shown["id"]]


class OtherBot(Callers):
    """Who calls for the other bot."""

    @property
    def bot(self) -> dict[str, str]:
        """Its headers."""
        return self.running.bot(self.client_id, "other-bot")


def approval(shown: View) -> View:
    """The body of an approval."""
    return {"decision": "approve", "reason": "I have looked", "digest": shown["digest"]}


@asynccontextmanager
async def office(target: Desk, folder: Path) -> AsyncIterator[Office]:
    """Everything at work; removed at the end."""
    for name, text in files([]).items():
        (folder / name).write_text(text)
    async with stack(folder, targets={"desk": target.url}) as running:
        place = Place(running, target, await running.credential("bot"))
        yield Office(place, place.callers(), OtherBot(running, await running.credential("other-bot")))
