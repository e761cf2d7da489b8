"""Putting other rules in force: judged under those before it, and made in one transaction (DESIGN.md section 9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from app.db import governance, ledger
from app.domain.errors import GovernanceInvalid
from app.domain.outcome import Answer, Sent
from app.domain.verdict import Verdict, denied
from app.governance.files import Governance
from app.steps.admission import Asked
from app.steps.difference import difference
from app.steps.drafts import draft, patiently
from app.steps.handler import Handler
from app.steps.installing import prepare, put_in_force, stood, subjects_taken
from app.steps.scene import Scene

NOT_AN_ADMINISTRATOR = denied("not-entitled", "Only who may administer asks to put other rules in force.")
MOST_CHANGES = 300
"""Changes that are told; of more, only how many they are."""

OTHER_BASE = denied("rules-changed", "Other rules are in force by now than those that these were made from.")


async def _refusal(asked: Asked) -> Verdict | None:
    if not asked.policy.may(asked.ask.asker_id, "administer"):
        return NOT_AN_ADMINISTRATOR
    if asked.ask.parameters.get("base", asked.policy.version) != asked.policy.version:
        return OTHER_BASE
    await patiently(asked.session)
    try:
        await draft(asked.ask.parameters["files"])
    except GovernanceInvalid as error:
        return denied("not-in-order", str(error).splitlines()[0])
    return None


async def _ground(asked: Asked) -> dict[str, Any]:
    return await ground_of(asked, await draft(asked.ask.parameters["files"]))


async def ground_of(asked: Asked, rules: Governance) -> dict[str, Any]:
    """What it was made from, and what it changes of that: who approves it need not read two versions of all files."""
    changes = [change.as_json() for change in await difference(asked.ctx, asked.session, rules)]
    left = max(0, len(changes) - MOST_CHANGES)
    return {
        "stood": await stood(asked.session),
        "changes": changes[:MOST_CHANGES],
        "changes_left": left,
        "subjects_taken": await subjects_taken(asked.session, rules),
    }


async def ground_gone(found: Scene) -> str | None:
    """Who asked may not any more, or others have been put in force since."""
    asker, ground = found.row.asker_id, found.row.ground or {}
    if not (found.crowd.active.get(asker, False) and found.policy.may(asker, "administer")):
        return "not-entitled"
    return None if await stood(found.session) == ground.get("stood") else "rules-changed"


async def _apply(found: Scene) -> Answer:
    await patiently(found.session)
    files = found.row.parameters["files"]
    await draft(files)
    return await put(found, partial(draft, files))


async def put(found: Scene, rules: Callable[[], Awaitable[Governance]]) -> Answer:
    """Put them in force, as they are made under the lock.

    Two that were signed at once do not undo each other: the second finds other rules.
    """
    await ledger.lock_stream(found.session, "installation")
    if await stood(found.session) != (found.row.ground or {}).get("stood"):
        return Answer(Sent.FAILED, None, None, {"status": None, "body": "Others have been put in force meanwhile."})
    made = await prepare(found.session, await rules())
    by = (await governance.pids(found.session))[found.row.asker_id]
    await put_in_force(found.ctx, found.session, made, by=by, request=str(found.row.id))
    return Answer(Sent.SUCCEEDED, None, {"policy_version": made.version, "replaced": made.active}, None)


PUBLISHING = Handler(_refusal, _ground, ground_gone, _apply)
