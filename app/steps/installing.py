"""Rules and people put in force, in the transaction of whoever may: the first installation, or a publication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger, links, outbox
from app.db.links import Taken
from app.db.tables import Request
from app.domain.digest import sha256
from app.domain.states import OPEN, Status
from app.governance.catalogue import PersonFile
from app.governance.files import Governance
from app.governance.version import swap_persons, version_of
from app.steps.context import Context
from app.steps.persons import note_unlinked
from app.steps.rules import Rules


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rules whose people are in place already. ``active``: the version before; ``changed``: people are others now.

    ``version``, ``document``: as they are kept, persons as pids. ``taken``: links that the files took from somebody.
    """

    active: str | None
    version: str
    document: dict[str, Any]
    changed: bool
    bots: Sequence[str]
    taken: Sequence[Taken]

    @property
    def new(self) -> bool:
        """True when anything is another than it was."""
        return self.changed or self.version != self.active


async def prepare(session: AsyncSession, rules: Governance) -> Prepared:
    """Bring the people up to date and see what else there is to do; the lock of the installation's stream is held."""
    before = await _people(session)
    taken = await _put_people(session, rules.people)
    changed = before != await _people(session)
    document = swap_persons(rules.document, await governance.pids(session))
    active = (await governance.installation(session)).active_policy
    bots = [bot["id"] for bot in rules.document.get("bots", [])]
    return Prepared(active, version_of(document), document, changed, bots, taken)


async def differs(session: AsyncSession, rules: Governance) -> bool:
    """Whether these rules or people are others than those in force: tried, and taken back."""
    tried = await session.begin_nested()
    try:
        return (await prepare(session, rules)).new
    finally:
        await tried.rollback()


async def put_in_force(ctx: Context, session: AsyncSession, made: Prepared, *, by: str, request: str | None) -> None:
    """Activate what was prepared, with its entries; what is held looks at itself anew. ``request``: that asked for it.

    ``by``: who, as the ledger names them.
    """
    now, asked = await ctx.clock.now(session), {} if request is None else {"request": request}
    if made.changed and made.active is not None:
        persons = sorted((await governance.pids(session)).values())
        await ledger.append(session, "installation", "people-changed", now, {"by": by, "persons": persons, **asked})
    if made.active != made.version:
        await governance.add_bots(session, made.bots)
        await governance.activate(session, version=made.version, document=made.document, at=now, by=by)
        facts = {"by": by, "policy_version": made.version, "replaced": made.active, **asked}
        await ledger.append(session, "installation", "policy-installed", now, facts)
    if made.active is not None and made.new:
        await _look_anew(session, made.active, made.version)
    await note_unlinked(ctx, session, made.taken, by=by)


async def stood(session: AsyncSession) -> str:
    """A hash of the rules and people that the files have put in force: what a publication is made from."""
    persons, subjects, identities = await _people(session)
    active = (await governance.installation(session)).active_policy
    return sha256({"version": active, "people": [persons, sorted(subjects), sorted(identities)]})


async def subjects_taken(session: AsyncSession, rules: Governance) -> list[list[str]]:
    """``[person, subject]`` of all that these files no longer say of somebody."""
    left = {(person.id, subject) for person in rules.people for subject in person.subjects}
    stand = {(row.person_id, row.subject) for row in await governance.subjects(session)}
    return [list(one) for one in sorted(stand - left)]


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


async def _look_anew(session: AsyncSession, old: str, new: str) -> None:
    """Who may decide, where they are asked, and what is masked may be others now: on cards that stand, and for stages.

    A stage that too few can pass any more does not wait for its deadline.
    """
    rules = Rules()  # not the process's own, which must not know what may yet be rolled back
    before, after = await rules.version(session, old), await rules.version(session, new)
    masked = [
        name
        for name, action in after.actions.items()
        if name in before.actions and action.sensitive != before.actions[name].sensitive
    ]
    await outbox.nudge_all(session, Request.status == Status.HELD)
    await outbox.again(session, "slack", Request.status.in_(sorted(OPEN)) | Request.action.in_(masked))
