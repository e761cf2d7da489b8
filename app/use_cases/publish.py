"""Publishing rules: what an ask for it must be before it is stored."""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.ask import Ask
from app.domain.errors import Forbidden, GovernanceInvalid, NotOpenToThis, OffSchema
from app.governance.files import load_files
from app.governance.policy import Policy
from app.steps.installing import differs

MOST_FINDINGS = 20


async def check_publication(session: AsyncSession, policy: Policy, ask: Ask) -> None:
    """Raises Forbidden for who does not administer, OffSchema with what is wrong in the files, NotOpenToThis.

    The last: nothing would change, or they were made from other rules than those in force.
    """
    if not policy.may(ask.asker_id, "administer"):
        raise Forbidden("Only who may administer asks to put other rules in force.")
    base = ask.parameters.get("base", policy.version)
    if base != policy.version:
        raise NotOpenToThis(f"In force is {policy.version}; these were made from {base}: look at what has changed.")
    try:
        rules = await asyncio.to_thread(load_files, ask.parameters["files"])
    except GovernanceInvalid as error:
        found = [f"{finding.where}: {finding.what}" for finding in error.findings]
        more = [f"and {len(found) - MOST_FINDINGS} more"] if len(found) > MOST_FINDINGS else []
        raise OffSchema("; ".join([*found[:MOST_FINDINGS], *more]), where="parameters.files") from error
    if not await differs(session, rules):
        raise NotOpenToThis("These rules and people are in force already: there is nothing to change.")
