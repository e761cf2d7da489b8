"""Installing rules: the first version, or in development the next one in its place."""

from __future__ import annotations

from pathlib import Path

from app.db import governance, ledger
from app.domain.errors import Misconfigured
from app.governance.files import load
from app.steps.context import Context
from app.steps.installing import prepare, put_in_force
from app.steps.use_cases import installed


async def install(ctx: Context, folder: Path, *, replace: bool, by: str) -> str:
    """Put the rules of a folder in force; their version. The same rules and people again change nothing.

    ``replace``: also when others are in force, which only development allows. ``by``: who does it, for the record. The
    use cases of what is installed first, and in development of all, count as approved.
    Raises GovernanceInvalid with all findings, Misconfigured when other rules are in force.
    """
    rules = load(folder)
    async with ctx.database.transaction() as session:
        await ledger.lock_stream(session, "installation")
        made = await prepare(session, rules)
        if made.new:
            _may_replace(ctx, made.active, replace=replace)
        by = (await governance.pids(session)).get(by, by)
        await put_in_force(ctx, session, made, by=by, request=None)
        if made.active is None or ctx.environment == "development":
            await installed(ctx, session, made.version, by=by)
        return made.version


def _may_replace(ctx: Context, active: str | None, *, replace: bool) -> None:
    if active is None:
        return
    if not replace:
        raise Misconfigured(f"The rules {active} are in force already; give --replace to put others in their place.")
    if ctx.environment != "development":
        raise Misconfigured(
            "Only development replaces rules without a sign-off; elsewhere use `interlock policy publish`."
        )
