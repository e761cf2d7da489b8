"""Working with policy: what is in force and was, and what a draft changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.db import governance, ledger
from app.db.asked import versions_that_begin
from app.domain.clocks import rfc3339
from app.domain.errors import GovernanceInvalid, Malformed, NotFound
from app.governance.files import Governance
from app.governance.version import swap_persons
from app.steps.context import Context
from app.steps.difference import difference as compared
from app.steps.drafts import draft as draft_of
from app.use_cases.access import for_people, require_to
from app.use_cases.actors import Actor
from app.use_cases.services import Services

IN_FORCE = "policy-installed"
"""The kind of the entry that each activation of a version leaves on the stream ``installation``."""


async def loaded(files: Mapping[str, str]) -> Governance:
    """A draft that came as text. Raises Malformed with what is wrong with it."""
    try:
        return await draft_of(files)
    except GovernanceInvalid as error:
        raise Malformed(f"files: {error.told()}.", where="files") from error


async def history_for(services: Services, who: Actor) -> dict[str, Any]:
    """``{items}``, for people: see `history`."""
    for_people(who)
    return {"items": await history(services.ctx)}


async def history(ctx: Context) -> list[dict[str, Any]]:
    """Every time that a version was put in force, newest first: when, by whom, by which request."""
    async with ctx.database.transaction() as session:
        entries = await ledger.read(session, "installation")
        by_pid = {pid: person for person, pid in (await governance.pids(session)).items()}
    bodies = [body for body in (json.loads(entry.body) for entry in entries) if body["kind"] == IN_FORCE]
    found = [_activation(body, by_pid) for body in reversed(bodies)]
    return [{**one, "in_force": number == 0} for number, one in enumerate(found)]


def _activation(body: Mapping[str, Any], by_pid: Mapping[str, str]) -> dict[str, Any]:
    facts = body["facts"]
    by = facts.get("by")
    return {
        "version": facts["policy_version"],
        "at": body["at"],
        "by": by_pid.get(by, by),
        "request": facts.get("request"),
        "entry": body["n"],
    }


async def version_for(services: Services, who: Actor, version: str) -> dict[str, Any]:
    """``{version, installed_at, installed_by, document}``, for people. Raises NotFound."""
    for_people(who)
    return await version_of(services.ctx, version)


async def version_of(ctx: Context, version: str) -> dict[str, Any]:
    """A stored version, its persons by their ids. Raises NotFound."""
    async with ctx.database.transaction() as session:
        row = await governance.policy_version(session, version)
        by_pid = {pid: person for person, pid in (await governance.pids(session)).items()}
    if row is None:
        raise NotFound(f"There is no policy version {version}.")
    return {
        "version": row.id,
        "installed_at": rfc3339(row.installed_at),
        "installed_by": by_pid.get(row.installed_by, row.installed_by),
        "document": swap_persons(row.document, by_pid),
    }


async def version_named(ctx: Context, begins: str | None) -> str:
    """The version in force, or the one stored version whose hash begins so. Raises NotFound, also for several."""
    async with ctx.database.transaction() as session:
        if begins is None:
            return (await ctx.rules.in_force(session)).version
        found = await versions_that_begin(session, begins)
    if len(found) != 1:
        which = "is no policy version that begins" if not found else "are several policy versions that begin"
        raise NotFound(f"There {which} with {begins!r:.80}; see `interlock policy history`.")
    return found[0]


async def diff_for(services: Services, who: Actor, files: Mapping[str, str]) -> dict[str, Any]:
    """``{policy_version, changes}`` against what is in force, for who may administer or audit.

    Not for everybody: who offers guesses at addresses and customers' names would learn from it which are people's.
    """
    await require_to(services, who, "compare")
    async with services.own.of(("policy-diff", who.key)):
        draft = await loaded(files)
        return await difference(services.ctx, draft)


async def difference(ctx: Context, draft: Governance) -> dict[str, Any]:
    """``{policy_version, changes}``: what a draft changes of what is in force."""
    async with ctx.database.transaction() as session:
        version = (await ctx.rules.in_force(session)).version
        changes = await compared(ctx, session, draft)
    return {"policy_version": version, "changes": [change.as_json() for change in changes]}
