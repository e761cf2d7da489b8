"""Use cases for tests: drafts that change them, and approvals by the steps alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.ask import Ask
from app.governance.built_in import APPROVE, PUBLISH
from app.steps.start import start
from app.use_cases.views import View
from tests.drafts import draft
from tests.steps.words import admitted, id_of, sql, vote
from tests.world import World

ASKER, FIRST, SECOND = "petra", "olivia", "sam"
"""Of tests/rules: the permissions seat asks, the business seat signs, then the security seat."""

CASE = "{purpose: Tests, data: [personal], review_by: 2030-01-01}"
PURPOSE = (CASE, CASE.replace("Tests", "Something else"))
DATA = (CASE, CASE.replace("[personal]", "[personal, health]"))
LESS_DATA = (CASE, CASE.replace("[personal]", "[]"))
NO_CASE = (f"    use_case: {CASE}\n", "")
TITLE = ("title: A bot\n", "title: A better bot\n")
OTHER_ENTITLED = ('entitlements: ["do.moderate"]', 'entitlements: ["do.moderate", "do.high"]')
NOT_MODERATE = '"look.*", "do.high", "do.o*", "do.s*", "do.t*", "do.g*", "do.f*", "do.b*", "do.e*", "do.p*", "do.d*"'
FEWER = ('entitlements: ["do.*", "look.*"]', f"entitlements: [{NOT_MODERATE}]")
MODEL = ('version: "1"', 'version: "2"')
NO_MODEL = ('    model: {provider: example, name: chat, version: "1"}\n', "")
MODERATE = "    title: Something moderate\n    risk: moderate\n    reversibility: "
ONLY_READS = (f"{MODERATE}reversible\n", f"{MODERATE}read_only\n")
ACTION_DATA = (MODERATE, f"    data: [health]\n{MODERATE}")
_LOOK = "name: look.anew, title: Look, risk: low, reversibility: read_only, parameters: *thing, run: *once"
NEW_READ = ("windows:\n", f"  - {{{_LOOK}}}\nwindows:\n")
_NEW = "id: new-bot, use_case: {purpose: New}, entitlements: [do.moderate], deployed_by: tom, owners: *owners"
NEW_BOT = ("actions:\n", f"  - {{{_NEW}}}\nactions:\n")
ALLOWED = 'has(parameters.mode) && parameters.mode == "allow"'
ANOTHER_ALLOW = (ALLOWED, f"{ALLOWED} && true")
RENAMED = ("name: allowed", "name: fine")


def day(**span: float) -> str:
    """The day so long from now, as UTC counts days."""
    return (datetime.now(UTC) + timedelta(**span)).date().isoformat()


async def case_asked(world: World, who: str = ASKER, bot: str = "bot", **fields: Any) -> View:
    """A person's ask to approve a use case, as `lost`."""
    parameters = {"bot": bot, "review_by": day(days=300), **fields}
    return await admitted(world, Ask("governance", "person", who, None, APPROVE, parameters, reason="It is time"))


async def run(world: World, shown: View) -> View:
    """What comes of a request when it is started."""
    await start(world.ctx, id_of(shown), "one")
    return await world.look(shown)


async def case_signed(world: World, shown: View) -> View:
    """What comes of it once both have signed."""
    for who in (FIRST, SECOND):
        await vote(world, who, shown)
    return await run(world, shown)


async def case_approved(world: World, bot: str = "bot", **fields: Any) -> View:
    """Asked for, signed twice, and in force."""
    ended = await case_signed(world, await case_asked(world, bot=bot, **fields))
    assert ended["status"] == "succeeded", ended["ended_why"]
    return ended


async def put_out(world: World, *edits: tuple[str, str]) -> View:
    """Other rules, published: asked for by ada, approved by ben."""
    ask = Ask("governance", "person", "ada", None, PUBLISH, {"files": draft(*edits)}, reason="It is time")
    shown = await admitted(world, ask)
    await vote(world, "ben", shown)
    ended = await run(world, shown)
    assert ended["status"] == "succeeded", ended["ended_why"]
    return ended


async def overdue(world: World, bot: str = "bot") -> None:
    """Let the day of the review be yesterday."""
    await sql(world, "update use_case set review_by = :day where bot = :bot", bot=bot, day=yesterday())


def yesterday() -> Any:
    return (datetime.now(UTC) - timedelta(days=1)).date()
