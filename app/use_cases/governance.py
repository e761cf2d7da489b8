"""Installing rules: the first version, or in development the next one in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger, links, outbox
from app.db.links import Taken
from app.db.tables import Request
from app.domain.errors import Misconfigured
from app.domain.states import OPEN
from app.governance.catalogue import PersonFile
from app.governance.files import load
from app.governance.version import swap_persons, version_of
from app.steps.context import Context
from app.steps.rules import Rules
from app.use_cases.links import note_unlinked


async def install(ctx: Context, folder: Path, *, replace: bool, by: str) -> str:
    """Put the rules of a folder in force; their version. The same rules and people again change nothing.

    ``replace``: also when others are in force, which only development allows. ``by``: who does it, for the record.
    Raises GovernanceInvalid with all findings, Misconfigured when other rules are in force.
    """
    rules = load(folder)
    async with ctx.database.transaction() as session:
        await ledger.lock_stream(session, "installation")
        before = await _people(session)
        taken = await _put_people(session, rules.people)
        changed = before != await _people(session)
        now, pids = await ctx.clock.now(session), await governance.pids(session)
        document = swap_persons(rules.document, pids)
        version = version_of(document)
        active = (await governance.installation(session)).active_policy
        if active != version or changed:
            _may_replace(ctx, active, replace=replace)
        if changed and active is not None:
            await _note(session, "people-changed", now, by=pids.get(by, by), persons=sorted(pids.values()))
        if active != version:
            await governance.add_bots(session, [bot["id"] for bot in rules.document.get("bots", [])])
            await governance.activate(session, version=version, document=document, at=now, by=pids.get(by, by))
            await _note(session, "policy-installed", now, by=pids.get(by, by), policy_version=version)
        if active is not None and (active != version or changed):
            await _show_anew(session, active, version)
        await note_unlinked(ctx, session, taken, by=pids.get(by, by))
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


async def _people(session: AsyncSession) -> Any:
    """Everybody as they stand: names, addresses and accounts, who is active, as which subjects."""
    persons = [(p.id, p.active, p.name, p.emails, p.time_zone) for p in await governance.persons(session)]
    subjects = {(row.subject, row.person_id) for row in await governance.subjects(session)}
    return persons, subjects, await governance.identities(session)


async def _put_people(session: AsyncSession, people: Sequence[PersonFile]) -> Sequence[Taken]:
    """Bring people, accounts and subjects up to date; the links that the files took from somebody."""
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
    taken = await links.take(session, identities)
    await governance.replace_accounts(session, identities, subjects)
    await governance.deactivate_others(session, [person.id for person in people])
    return taken


async def _show_anew(session: AsyncSession, old: str, new: str) -> None:
    """Who may decide, where they are asked, and what is masked may be others now, on cards that stand."""
    rules = Rules()  # not the process's own, which must not know what may yet be rolled back
    before, after = await rules.version(session, old), await rules.version(session, new)
    masked = [
        name
        for name, action in after.actions.items()
        if name in before.actions and action.sensitive != before.actions[name].sensitive
    ]
    await outbox.again(session, "slack", Request.status.in_(sorted(OPEN)) | Request.action.in_(masked))


async def _note(session: AsyncSession, kind: str, at: datetime, **facts: Any) -> None:
    await ledger.append(session, "installation", kind, at, facts)
