"""Linking a Slack account to a person: the account asks for a code, the person sends it with their own token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, links
from app.db.slack_tables import LinkCode as StoredCode
from app.db.tables import Person
from app.domain.errors import Forbidden, InterlockError, Malformed, NotOpenToThis, RateLimited
from app.domain.request import Level, word
from app.domain.separation import violation
from app.identity.secrets import hash_secret
from app.steps.context import Context
from app.steps.persons import note_of_person
from app.use_cases.actors import Actor, SlackAccount, person_id
from app.use_cases.services import Services

GOOD_FOR = timedelta(minutes=10)
AN_HOUR = 5
"""Codes that one account gets in an hour."""

WRONG_A_MINUTE = 10
"""Wrong codes of one person that are answered as such; what comes on top is turned away unread."""

NO_SUCH_CODE = "This code is not good, or not any more: send /interlock link in Slack again for a new one."
"""One sentence for every code that links nothing: nobody learns whether it ever was one, or whose."""

SOMEBODY_ELSES = "This Slack account is somebody else's already; ask an administrator to change that."

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # base32 of RFC 4648: five bits each
_GROUPS, _GROUP = 7, 4

Linked = dict[str, str]
"""``{team, user, person}``: the account, and whose it is now."""


@dataclass(frozen=True, slots=True)
class LinkCode:
    """A one-time code, as its owner is shown it once, and when it ends."""

    code: str
    expires_at: datetime


async def ask_code(services: Services, account: SlackAccount) -> LinkCode:
    """A new code for a Slack account, in place of any before it; only its hash is kept.

    Raises RateLimited, Unavailable.
    """
    code = _new_code()
    async with services.ctx.database.transaction() as session:
        await links.lock(session, account.name)
        now = await services.ctx.clock.now(session)
        ends = await links.counted(session, account.team, account.user, now)
        if len(ends) >= AN_HOUR:
            raise RateLimited(f"At most {AN_HOUR} codes an hour; try again later.", retry_after=_seconds(ends[0] - now))
        expires_at = now + GOOD_FOR
        await links.replace_code(
            session, code_hash=_hash(code), team=account.team, user=account.user, now=now, expires_at=expires_at
        )
    return LinkCode(code, expires_at)


async def link(services: Services, who: Actor, code: str) -> Linked:
    """Link the Slack account that asked for this code to the person who sends it; the same again is answered the same.

    Raises Forbidden with violations, Malformed for a code that links nothing, NotOpenToThis when the account is
    somebody else's, RateLimited, Unavailable, Unconfirmed.
    """
    person = _surely(who)
    async with services.own.of(("link", who.key)), services.ctx.database.transaction() as session:
        done = await _judged(services.ctx, session, who, person, code)
    if isinstance(done, InterlockError):  # raised only now: a wrong code is counted though it is refused
        raise done
    return done


def _surely(who: Actor) -> str:
    """The person who sends the code. Raises Forbidden unless they have signed in: a click can come from Slack."""
    person = person_id(who)
    if who.level < Level.LOGIN:
        broken = violation("weak-authentication", want=word(Level.LOGIN), have=word(who.level))
        raise Forbidden(broken.sentence, [broken])
    return person


async def _judged(ctx: Context, session: AsyncSession, who: Actor, person: str, code: str) -> Linked | InterlockError:
    """Whose the account is then, or why it is not theirs."""
    await links.lock(session, f"person:{person}")
    found = await links.locked_code(session, _hash(code))
    now = await ctx.clock.now(session)
    wrong = await links.wrong_codes(session, person, now)
    if len(wrong) >= WRONG_A_MINUTE:
        return RateLimited("Too many wrong codes; wait a minute.", retry_after=_seconds(wrong[0] - now))
    known = await governance.person(session, person)
    if known is None or not known.active:  # they were when their token was read, and have left since
        broken = violation("unlinked-identity")
        return Forbidden(broken.sentence, [broken])
    if found is None or found.expires_at <= now or found.used_by not in (None, person):
        await links.note_wrong_code(session, person, now)
        return Malformed(NO_SUCH_CODE, where="code")
    return await _claimed(ctx, session, who, found, known)


async def _claimed(
    ctx: Context, session: AsyncSession, who: Actor, found: StoredCode, person: Person
) -> Linked | InterlockError:
    if found.used_by is not None:
        return await _said_again(session, found, person)
    mine, new = await links.claim(session, found.team, found.user, person.id)
    if not mine:
        return NotOpenToThis(SOMEBODY_ELSES)
    found.used_by = person.id
    if new:
        account = {"team": found.team, "user": found.user, "identity": who.identity}
        pid, level = str(person.pid), word(who.level)
        await note_of_person(ctx, session, "identity-linked", pid, account, by=pid, via=who.via, assurance=level)
    return _linked(found, person)


async def _said_again(session: AsyncSession, found: StoredCode, person: Person) -> Linked | InterlockError:
    """What was said before, while it is still so: a code that has done its work links nothing again."""
    holder = await governance.person_of_identity(session, "slack", found.team, found.user)
    if holder is None or holder.id != person.id:
        return Malformed(NO_SUCH_CODE, where="code")
    return _linked(found, person)


def _linked(found: StoredCode, person: Person) -> Linked:
    return {"team": found.team, "user": found.user, "person": person.id}


def _new_code() -> str:
    """140 random bits, to be read and typed: ``ABCD-EFGH-...``."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _hash(code: str) -> str:
    """The hash of a code, however it was typed: case, dashes and blanks do not count."""
    return hash_secret("".join(code.split()).replace("-", "").upper())


def _seconds(left: timedelta) -> int:
    return max(1, ceil(left.total_seconds()))
