"""Installing rules: the first version, or in development the next one in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger
from app.domain.errors import Misconfigured
from app.governance.catalogue import PersonFile
from app.governance.files import Governance, load
from app.governance.version import swap_persons, version_of
from app.steps.context import Context


async def install(ctx: Context, folder: Path, *, replace: bool, by: str) -> str:
    """Put the rules of a folder in force; their version. The same rules again: nothing new but the people.

    ``replace``: also when others are in force, which only development allows. ``by``: who does it, for the record.
    Raises GovernanceInvalid with all findings, Misconfigured when other rules are in force.
    """
    rules = load(folder)
    async with ctx.database.transaction() as session:
        await _people(session, rules.people)
        now, pids = await ctx.clock.now(session), await governance.pids(session)
        document = swap_persons(rules.document, pids)
        version = version_of(document)
        active = (await governance.installation(session)).active_policy
        if active == version:
            return version
        _may_replace(ctx, active, replace=replace)
        await _activate(session, rules, document, version=version, now=now, by=pids.get(by, by))
        return version


def _may_replace(ctx: Context, active: str | None, *, replace: bool) -> None:
    if active is None:
        return
    if not replace:
        raise Misconfigured(f"The rules {active} are in force already; give --replace to put others in their place.")
    if ctx.environment != "development":
        raise Misconfigured(
            "Only development replaces rules without a sign-off; elsewhere use `interlock policy publish`."
        )


async def _people(session: AsyncSession, people: Sequence[PersonFile]) -> None:
    for person in people:
        await governance.upsert_person(
            session,
            person_id=person.id,
            name=person.name,
            emails=list(person.emails),
            time_zone=person.time_zone,
        )
    identities = [(i.provider, i.issuer, i.subject, person.id) for person in people for i in person.identities]
    subjects = [(subject, person.id) for person in people for subject in sorted(person.subjects)]
    await governance.replace_accounts(session, identities, subjects)
    await governance.deactivate_others(session, [person.id for person in people])


async def _activate(
    session: AsyncSession, rules: Governance, document: dict[str, Any], *, version: str, now: datetime, by: str
) -> None:
    await governance.add_bots(session, [bot["id"] for bot in rules.document.get("bots", [])])
    await governance.activate(session, version=version, document=document, at=now, by=by)
    await ledger.lock_stream(session, "installation")
    await ledger.append(session, "installation", "policy-installed", now, {"policy_version": version, "by": by})
