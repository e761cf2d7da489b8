"""Publishing rules: what an ask for it must be before it is stored."""

from __future__ import annotations

from app.domain.ask import Ask
from app.domain.errors import Forbidden, GovernanceInvalid, NotOpenToThis, OffSchema
from app.governance.files import Governance
from app.steps.context import Context
from app.steps.drafts import draft
from app.steps.installing import differs


async def check_publication(ctx: Context, ask: Ask) -> None:
    """Raises Forbidden for who does not administer, OffSchema with what is wrong in the files, NotOpenToThis.

    The last: nothing would change, or they were made from other rules than those in force. No transaction is open while
    the files are read.
    """
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
    if not policy.may(ask.asker_id, "administer"):
        raise Forbidden("Only who may administer asks to put other rules in force.")
    base = ask.parameters.get("base", policy.version)
    if base != policy.version:
        raise NotOpenToThis(f"In force is {policy.version}; these were made from {base}: look at what has changed.")
    rules = await _read(ask)
    async with ctx.database.transaction() as session:
        if not await differs(session, rules):
            raise NotOpenToThis("These rules and people are in force already: there is nothing to change.")


async def _read(ask: Ask) -> Governance:
    try:
        return await draft(ask.parameters["files"])
    except GovernanceInvalid as error:
        raise OffSchema(error.told(), where="parameters.files") from error
