"""Linking an account that nobody has to a person, for them: what one proves oneself with a code needs nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, links
from app.domain.errors import Forbidden, InterlockError, NotOpenToThis, OffSchema
from app.domain.outcome import Answer, Sent
from app.domain.verdict import Verdict, denied
from app.governance.catalogue import PersonIdentity
from app.governance.policy import Policy
from app.steps.admission import Asked
from app.steps.handler import Handler
from app.steps.persons import note_of_person
from app.steps.publishing import NOT_AN_ADMINISTRATOR
from app.steps.scene import Scene


def account(parameters: Mapping[str, Any]) -> PersonIdentity:
    """The account in the parameters of a request."""
    said = parameters["identity"]
    if "oidc" in said:
        return PersonIdentity("oidc", said["oidc"]["iss"], said["oidc"]["sub"])
    team, _, user = said["slack"].partition("/")
    return PersonIdentity("slack", team, user)


async def fault(
    session: AsyncSession, policy: Policy, asker: str, parameters: Mapping[str, Any]
) -> InterlockError | None:
    """Why it is not theirs to ask, or not to be had: Forbidden, OffSchema, NotOpenToThis."""
    if not policy.may(asker, "administer"):
        return Forbidden("Only who may administer asks to link an account to a person.")
    person = await governance.person(session, parameters["person"])
    if person is None or not person.active:
        return OffSchema(f"There is no active person {parameters['person']!r:.100}.", where="parameters.person")
    holder = await _holder(session, account(parameters))
    return None if holder is None else NotOpenToThis(f"This account is {holder}'s already.")


async def _holder(session: AsyncSession, one: PersonIdentity) -> str | None:
    found = await governance.person_of_identity(session, one.provider, one.issuer, one.subject)
    return None if found is None else found.id


async def _refusal(asked: Asked) -> Verdict | None:
    wrong = await fault(asked.session, asked.policy, asked.ask.asker_id, asked.ask.parameters)
    if wrong is None:
        return None
    return NOT_AN_ADMINISTRATOR if isinstance(wrong, Forbidden) else denied("not-in-order", str(wrong))


async def _no_ground(_asked: Asked) -> None:
    return None


async def _ground_gone(found: Scene) -> str | None:
    row = found.row
    if not found.crowd.active.get(row.asker_id, False):
        return "not-entitled"
    wrong = await fault(found.session, found.policy, row.asker_id, row.parameters)
    if wrong is None:
        return None
    return "not-entitled" if isinstance(wrong, Forbidden) else "not-in-order"


async def _apply(found: Scene) -> Answer:
    person, one = found.row.parameters["person"], account(found.row.parameters)
    claim = await links.claim(found.session, one.issuer, one.subject, person, kind=one.provider)
    if not claim.new:
        return Answer(Sent.FAILED, None, None, {"status": None, "body": "It has become somebody's meanwhile."})
    named = {"team": one.issuer, "user": one.subject} if one.provider == "slack" else {}
    personal = named or {"iss": one.issuer, "sub": one.subject}
    by, request = str(found.pid(found.row.asker_id)), str(found.row.id)
    pid = str(found.pid(person))
    await note_of_person(found.ctx, found.session, "identity-linked", pid, personal, by=by, request=request)
    return Answer(Sent.SUCCEEDED, None, {"person": person}, None)


LINKING = Handler(_refusal, _no_ground, _ground_gone, _apply)
