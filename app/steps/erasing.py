"""Erasing what concerns a subject, and holding it from that: the orders, and the erasing of one request at a time.

An order is signed, and recorded with its outcome. What it is about is then erased request by request, each in a
transaction of its own (app/use_cases/erasures.py): there may be thousands. The order names the subject until that is
done, and is erased itself last of all.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import erasures, ledger, requests, retention
from app.db.erasure_tables import Erasure, Subject
from app.db.erasures import MARK, NOT_OVER
from app.db.tables import Request
from app.domain.errors import Forbidden, InterlockError, NotFound, NotOpenToThis, OffSchema
from app.domain.outcome import Answer, Sent
from app.domain.request import Kind, Say
from app.domain.subjects import subject
from app.domain.verdict import Verdict, denied
from app.governance.built_in import ERASE, HOLD, OF_SUBJECTS, PERMIT, RELEASE
from app.governance.policy import Policy
from app.steps.admission import Asked
from app.steps.context import Context
from app.steps.crowd import Crowd, crowd
from app.steps.handler import Handler
from app.steps.scene import Scene, scene

NAMING = frozenset({*OF_SUBJECTS, PERMIT})
"""Requests of kind governance that name subjects: their content goes with that of the subject."""

_SECRET = "subjects"  # noqa: S105  the id of a secret
_LOOKS_FOR = 10
"""Seconds that an ask may look for what concerns a subject."""

_KEPT = ("mode", "status", "window_s", "timeout_ms", "window_ends", "idempotent", "reads", "settled", "late")
"""Of an execution, what says nothing of whom it was for."""
_KEPT_OF_GLASS = ("by", "at", "review", "reviewers", "void_at")
_ITEM = ("request", "of", "status", "after", "action", "action_version")


async def hash_of(ctx: Context, session: AsyncSession, name: str) -> str:
    """What a subject is known by for good: a hash under a secret of this installation, which nothing else is under."""
    try:
        secret = await ctx.vault.find(session, _SECRET)
    except NotFound:
        await ledger.lock_stream(session, "installation")  # one at a time makes it
        try:
            secret = await ctx.vault.find(session, _SECRET)
        except NotFound:
            secret = await ctx.vault.create(session, _SECRET)
            await session.flush()
    return secret.commit(name)


async def fault(
    ctx: Context, session: AsyncSession, policy: Policy, people: Crowd, asked: tuple[uuid.UUID, str, str, Any]
) -> InterlockError | None:
    """Why it is not theirs to ask, or not to be had: Forbidden, OffSchema, NotOpenToThis.

    ``asked``: the request's id, who asks, for which action, with which parameters.
    """
    id_, asker, action, parameters = asked
    name = parameters["subject"]
    if not policy.may(asker, "administer"):
        return Forbidden("Only who may administer asks to erase what concerns a subject, or to hold it from that.")
    try:
        if subject(name) != name:
            return OffSchema("Write its scheme in lower case, and its value in NFC.", where="parameters.subject")
    except ValueError:
        return OffSchema("A subject is scheme:value, without spaces.", where="parameters.subject")
    if name in people.subjects.get(asker, ()):
        return Forbidden("You are this subject; somebody else must ask.")
    known = await erasures.subject_of(session, await hash_of(ctx, session, name))
    return await _not_open(session, known, id_, action, name)


async def _not_open(
    session: AsyncSession, known: Subject, id_: uuid.UUID, action: str, name: str
) -> InterlockError | None:
    if action == RELEASE:
        return None if known.held_since else NotOpenToThis("No legal hold stands on this subject.")
    if known.held_since is not None:
        then = "there is one already" if action == HOLD else "have it released first"
        return NotOpenToThis(f"A legal hold stands on this subject, placed by request {known.held_by}: {then}.")
    if await erasures.open_erasure(session, known.pid) is not None:
        return NotOpenToThis("What concerns this subject is being erased.")
    return await _in_use(session, name, id_) if action == ERASE else None


async def _in_use(session: AsyncSession, name: str, id_: uuid.UUID) -> InterlockError | None:
    await erasures.patiently(session, _LOOKS_FOR)
    still = await erasures.open_ones(session, name, NAMING, id_)
    if still:
        return NotOpenToThis(
            f"Requests that concern this subject are not over, or not reviewed: {', '.join(map(str, still))}."
        )
    live = await erasures.live_permissions(session, name)
    if live:
        return NotOpenToThis(f"Standing permissions name this subject; revoke them: {', '.join(map(str, live))}.")
    return None


async def _refusal(asked: Asked) -> Verdict | None:
    people = await crowd(asked.session, await asked.ctx.clock.now(asked.session))
    about = (asked.id, asked.ask.asker_id, asked.ask.action, asked.ask.parameters)
    wrong = await fault(asked.ctx, asked.session, asked.policy, people, about)
    if wrong is None:
        return None
    return denied("not-entitled" if isinstance(wrong, Forbidden) else "not-in-order", str(wrong))


async def _no_ground(_asked: Asked) -> None:
    return None


async def _ground_gone(found: Scene) -> str | None:
    row = found.row
    if not found.crowd.active.get(row.asker_id, False):
        return "not-entitled"
    about = (row.id, row.asker_id, row.action, row.parameters)
    wrong = await fault(found.ctx, found.session, found.policy, found.crowd, about)
    if wrong is None:
        return None
    return "not-entitled" if isinstance(wrong, Forbidden) else "not-in-order"


async def _apply(found: Scene) -> Answer:
    session, row = found.session, found.row
    key = await hash_of(found.ctx, session, row.parameters["subject"])
    known = await erasures.subject_of(session, key, lock=True)
    wrong = await _not_open(session, known, row.id, row.action, row.parameters["subject"])
    if wrong is not None:
        return Answer(Sent.FAILED, None, None, {"status": None, "body": "It is not to be had any more."})
    if row.action == ERASE:
        session.add(Erasure(id=row.id, pid=known.pid, ordered_at=found.now, done_at=None))
    else:
        held = row.action == HOLD
        known.held_since, known.held_by = (found.now, row.id) if held else (None, None)
    await session.flush()
    await _tell(found, known.pid, _ENTRY[row.action])
    return Answer(Sent.SUCCEEDED, None, {"subject": str(known.pid)}, None)


_ENTRY = {ERASE: "subject-erasure-ordered", HOLD: "subject-held", RELEASE: "subject-released"}


async def _tell(found: Scene, pid: uuid.UUID, kind: str, **facts: Any) -> None:
    """An entry of the installation: the subject by its stand-in, and who asked and signed."""
    made = await requests.decisions(found.session, found.row.id)
    signed = {said.person_id for said in made if said.standing and said.say == Say.APPROVE}
    by = sorted({str(found.pid(one)) for one in signed if one in found.crowd.pids})
    told = {"subject": str(pid), "request": str(found.row.id), "asker": found.asker()["id"], "signed_by": by, **facts}
    await ledger.lock_stream(found.session, "installation")
    await ledger.append(found.session, "installation", kind, found.now, told)


ERASING = Handler(_refusal, _no_ground, _ground_gone, _apply)


async def erase_request(ctx: Context, request_id: uuid.UUID, order: uuid.UUID | None, pid: uuid.UUID | None) -> bool:
    """Erase the content of a request, once; False while that is needed: see `_needed`.

    ``order``: the request that ordered it, and ``pid`` its subject's; None: its time was over.
    """
    async with scene(ctx, request_id) as found:
        if await _needed(found):
            return False
        if found.row.erased_at is None:
            await _erase(found, order, pid)
        else:  # on another order
            await erasures.mark_erased(found.session, request_id, order, found.row.erased_at)
        return True


async def _needed(found: Scene) -> bool:
    """True while it is not over or not reviewed, or what undoes it is not over.

    And while a legal hold stands on somebody whom it is for.
    """
    row = found.row
    if row.status in NOT_OVER or await erasures.is_needed(found.session, row.id):
        return True
    named = {row.on_behalf_of, row.triggered_by, *row.beneficiaries} - {None}
    hashes = [await hash_of(found.ctx, found.session, one) for one in sorted(map(str, named))]
    return await erasures.is_held(found.session, hashes)


async def prune(ctx: Context, request_id: uuid.UUID, what: str) -> bool:
    """Erase what was said or shown on a request whose time is over, and nothing else of it; True if there was any.

    ``what``: attempts or cards.
    """
    async with scene(ctx, request_id) as found:
        if await _needed(found):
            return False
        await retention.PRUNE[what](found.session, request_id)
        found.note("pruned", by="retention", what=what)
        await found.write_entries()
        return True


async def _erase(found: Scene, order: uuid.UUID | None, pid: uuid.UUID | None) -> None:
    await erasures.erase_around(found.session, found.row)
    forget(found.row, found.now)
    await erasures.mark_erased(found.session, found.row.id, order, found.now)
    found.note("erased", by="retention" if order is None else str(order), subject=None if pid is None else str(pid))
    await found.changed()


def forget(row: Request, now: datetime) -> None:
    """Take everything from a row that says what was asked, for whom, or what came of it."""
    execution = row.execution or {}
    row.parameters, row.context = _parameters_left(row), {}
    row.parameters_digest = row.nonce = MARK
    row.reason = row.on_behalf_of = row.triggered_by = row.conflict_key = row.ended_reason = None
    row.beneficiaries = []
    row.execution = row.execution and {
        "result": None,
        "error": None,
        **{key: execution[key] for key in _KEPT if key in execution},
    }
    row.break_glass = row.break_glass and {
        "reason": MARK,
        **{key: said for key, said in row.break_glass.items() if key in _KEPT_OF_GLASS},
    }
    row.erased_at = now


def _parameters_left(row: Request) -> dict[str, Any]:
    """Of the rollback of an incident, what it was to undo with which actions; else nothing."""
    if row.kind != Kind.INCIDENT_ROLLBACK or not isinstance(row.parameters, dict):
        return {}
    items = [{**{key: item.get(key) for key in _ITEM}, "parameters": {}} for item in row.parameters.get("items", [])]
    return {"incident": row.parameters.get("incident"), "items": items}


async def conclude_erasure(ctx: Context, order_id: uuid.UUID) -> None:
    """When nothing is left to erase: people's words elsewhere, the order's own content, and the entry that says so."""
    async with scene(ctx, order_id) as found:
        order = await found.session.get(Erasure, order_id, with_for_update=True)
        if order is None or order.done_at is not None:
            return
        words = await erasures.blank_words(found.session, found.row.parameters["subject"])
        done = [str(one) for one in await erasures.erased_by(found.session, order_id)]
        order.done_at = found.now
        await _erase(found, order_id, order.pid)
        await _tell(found, order.pid, "subject-erased", count=len(done), requests=done, words=words)
