"""Who calls: a bot, a target, a person, or an account that is no single active person's."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, links
from app.db.tables import Person
from app.domain.errors import Forbidden, Unauthenticated
from app.domain.request import Level
from app.domain.separation import violation
from app.identity.tokens import Caller, dev_issuer
from app.use_cases.services import Services


@dataclass(frozen=True, slots=True)
class Actor:
    """``kind``: bot, target, person or unlinked; ``id``: of bot, target or person; ``identity``: the account."""

    kind: str
    id: str | None
    identity: str
    level: Level
    via: str = "api"
    client_id: str | None = None

    @property
    def key(self) -> str:
        """One name for who this is: a bot and a person of the same id are two, all accounts of nobody are apart."""
        return f"{self.kind}:{self.id or self.identity}"


async def actor(services: Services, caller: Caller, *, via: str = "api", urgent: bool = False) -> Actor:
    """Resolve a caller to a bot or a person. Raises Unauthenticated when a bot's credential was taken back.

    ``urgent``: whatever the pool is busy with.
    """
    database = services.ctx.database
    async with database.urgent() if urgent else database.transaction() as session:
        if caller.kind != "identity":
            return await _client(session, caller, via)
        return await _person(session, services, caller, via)


async def _client(session: AsyncSession, caller: Caller, via: str) -> Actor:
    known = await governance.credential(session, caller.client_id or "")
    if known is None or known.revoked_at is not None:
        raise Unauthenticated("This token's client credential is no longer valid; get a new one.")
    return Actor(caller.kind, caller.subject, f"client:{caller.client_id}", caller.level, via, caller.client_id)


async def _person(session: AsyncSession, services: Services, caller: Caller, via: str) -> Actor:
    identity = f"oidc:{caller.issuer}#{caller.subject}"
    found = await governance.person_of_identity(session, "oidc", caller.issuer, caller.subject)
    if found is None and caller.issuer == dev_issuer(services.base_url):
        found = await governance.person(session, caller.subject)
    if found is None or not found.active:
        return Actor("unlinked", None, identity, caller.level, via)
    return Actor("person", found.id, identity, caller.level, via)


@dataclass(frozen=True, slots=True)
class SlackAccount:
    """A Slack account, as Slack signed it: team and user. ``email``: only one that Slack says is confirmed."""

    team: str
    user: str
    email: str | None = None

    @property
    def name(self) -> str:
        """``"slack:TEAM/USER"``."""
        return f"slack:{self.team}/{self.user}"


async def slack_actor(services: Services, account: SlackAccount) -> Actor:
    """Resolve a Slack account to the one active person that it is linked to, or else is by a confirmed address.

    An account of nobody, or of somebody who left, is unlinked. However they come, it is no more than a click.
    """
    async with services.ctx.database.transaction() as session:
        found = await governance.person_of_identity(session, "slack", account.team, account.user)
        address = _address(services.email_domains, account.email)
        if found is None and address is not None:
            found = await links.person_of_address(session, address)
    return _by_slack(account, found)


def _by_slack(account: SlackAccount, found: Person | None) -> Actor:
    if found is None or not found.active:
        return Actor("unlinked", None, account.name, Level.CLICK, "slack")
    return Actor("person", found.id, account.name, Level.CLICK, "slack")


def _address(domains: frozenset[str], email: str | None) -> str | None:
    """The address in lower case if its domain is one that counts. ASCII only: no letter looks like another there."""
    if email is None or not (email.isascii() and email.isprintable()):
        return None
    local, at, domain = email.lower().rpartition("@")
    plain = bool(local and at) and "@" not in local and domain in domains
    return email.lower() if plain else None


def person_id(who: Actor) -> str:
    """The person behind an actor. Raises Forbidden for bots, targets and accounts of nobody in particular."""
    if who.kind == "person" and who.id is not None:
        return who.id
    broken = violation("unlinked-identity" if who.kind == "unlinked" else "not-human")
    raise Forbidden(broken.sentence, [broken])


def bot_id(who: Actor) -> str:
    """The bot behind an actor. Raises Forbidden for anybody else."""
    if who.kind == "bot" and who.id is not None:
        return who.id
    raise Forbidden("Only a bot may do this, with its own access token.")
