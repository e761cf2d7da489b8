"""Signing an oversight report off: by an auditor, on figures that are still what was signed (DESIGN.md section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import ledger, oversight_reports, requests
from app.domain.errors import Forbidden, InterlockError, NotOpenToThis, OffSchema
from app.domain.outcome import Answer, Sent
from app.domain.oversight import Period, digests, period
from app.domain.request import Say
from app.domain.verdict import Verdict, denied
from app.governance.policy import Policy
from app.steps.admission import Asked
from app.steps.handler import Handler
from app.steps.oversight import document
from app.steps.scene import Scene

STREAM = "installation"


@dataclass(frozen=True, slots=True)
class Wish:
    """A sign-off that is asked for, and when that is judged."""

    asker: str
    parameters: dict[str, Any]
    now: datetime

    @property
    def period(self) -> Period:
        """What the report is about. Raises ValueError."""
        return period(self.parameters["from"], self.parameters["to"])


def parameters(made: dict[str, Any]) -> dict[str, Any]:
    """What a sign-off of this report is asked for by; the head figures go along, so that a card shows them."""
    return {
        "from": made["from"],
        "to": made["to"],
        "report": digests(made).report,
        "figures": digests(made).figures,
        "head": made["figures"]["head"],
    }


def fault(policy: Policy, wish: Wish) -> InterlockError | None:
    """Why it is not to be had, before anything is counted: Forbidden, OffSchema, NotOpenToThis."""
    if not policy.may(wish.asker, "administer"):
        return Forbidden("To ask for this one must administer: an auditor signs, and who asks does not.")
    if not policy.groups_that_may("audit") - {wish.asker}:
        return NotOpenToThis("Nobody else may audit: give a group `may: [audit]`, for an auditor signs.")
    try:
        about = wish.period
    except ValueError as error:
        return OffSchema(f"{str(error).capitalize()}.", where="parameters.from")
    return None if about.over(wish.now) else NotOpenToThis("The period is not over: its figures may still change.")


async def stale(session: AsyncSession, wish: Wish) -> InterlockError | None:
    """What differs from what is to be signed; the figures are counted again. `fault` has nothing against it."""
    now = parameters(await document(session, wish.period))
    if all(now[name] == wish.parameters[name] for name in ("report", "figures", "head")):
        return None
    return NotOpenToThis(
        "The figures of that period are others by now: something was settled, decided or ended since. "
        "Prepare the report again, and ask for that to be signed off."
    )


async def _refusal(asked: Asked) -> Verdict | None:
    wish = Wish(asked.ask.asker_id, asked.ask.parameters, await asked.ctx.clock.now(asked.session))
    wrong = fault(asked.policy, wish)
    if wrong is not None:
        return denied("not-entitled" if isinstance(wrong, Forbidden) else "not-in-order", str(wrong))
    changed = await stale(asked.session, wish)
    return None if changed is None else denied("figures-changed", str(changed))


async def _no_ground(_asked: Asked) -> None:
    return None


async def _ground_gone(found: Scene) -> str | None:
    row = found.row
    wish = Wish(row.asker_id, row.parameters, found.now)
    if not found.crowd.active.get(row.asker_id, False) or isinstance(fault(found.policy, wish), Forbidden):
        return "not-entitled"
    return None if await stale(found.session, wish) is None else "figures-changed"


async def _apply(found: Scene) -> Answer:
    """Counted under the lock of the stream, once more: this is what the entry says was signed."""
    session, said = found.session, found.row.parameters
    await ledger.lock_stream(session, STREAM)
    about = Wish(found.row.asker_id, said, found.now).period
    made = await document(session, about)
    if parameters(made)["report"] != said["report"]:
        return Answer(Sent.FAILED, None, None, {"status": None, "body": "The figures are others by now."})
    row = await oversight_reports.prepare(session, about, made, found.now)
    await oversight_reports.sign(session, row, found.row.id, found.now)
    facts = {
        **about.as_json(),
        "report": said["report"],
        "figures": said["figures"],
        "request": str(found.row.id),
        "asked_by": found.pid(found.row.asker_id),
        "signed_by": await _signers(found),
    }
    await ledger.append(session, STREAM, "oversight-signed", found.now, facts)
    return Answer(Sent.SUCCEEDED, None, {"report": said["report"]}, None)


async def _signers(found: Scene) -> list[str]:
    made = await requests.decisions(found.session, found.row.id)
    signed = {
        id_ for one in made if one.standing and one.say == Say.APPROVE for id_ in (one.person_id, *one.stands_for)
    }
    return sorted(str(found.pid(person)) for person in signed)


OVERSEEING = Handler(_refusal, _no_ground, _ground_gone, _apply)
