"""As whom a command acts. In development as anybody; elsewhere a person's token says who."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app.cli.failing import RefusedByRule
from app.cli.place import Place
from app.db import governance
from app.domain.errors import Forbidden, NotFound
from app.domain.request import Level
from app.governance.files import Governance, load
from app.identity.tokens import Authenticator
from app.use_cases.actors import Actor, actor, person_id

ISSUER_WITHIN = 5.0


async def acting(place: Place, as_: str | None, token_file: Path | None) -> str:
    """The person as whom a command acts on what is installed. Raises as `acting_as`."""
    return person_id(await acting_as(place, as_, token_file))


async def acting_as(place: Place, as_: str | None, token_file: Path | None) -> Actor:
    """As `acting`, with the account by which it is them: that of the token, else this machine's.

    Raises `NotFound` for a person who is not there, `RefusedByRule` where ``as_`` does not count and there is no
    token, `Unauthenticated` and `Forbidden` for a token that is nobody's.
    """
    if token_file is not None:
        return await _of_token(place, token_file)
    if not place.development:
        raise RefusedByRule("outside development a command that writes needs a person's token: give --token-file")
    async with place.ctx.database.transaction() as session:
        person = await (_first(place, session) if as_ is None else _active(session, as_))
    return Actor("person", person, this_account(), Level.LOGIN, "cli")


async def acting_in_person(place: Place, as_: str | None, token_file: Path | None) -> Actor:
    """As `acting_as`, for what is a person's own: it is nobody's by default. Raises also `RefusedByRule` for that."""
    if place.development and as_ is None and token_file is None:
        raise RefusedByRule("whose decisions? Give --as PERSON, or --token-file")
    return await acting_as(place, as_, token_file)


def this_account() -> str:
    """Whoever runs this here: ``os:user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that has no name
        user = str(os.getuid())
    return f"os:{user}@{socket.gethostname()}"


async def _active(session: AsyncSession, wanted: str) -> str:
    found = await governance.person(session, wanted)
    if found is None or not found.active:
        raise NotFound(f"There is no active person {wanted!r}; see `interlock people list`.")
    return wanted


async def _first(place: Place, session: AsyncSession) -> str:
    """Who installed the rules in force: by default that was the first of the people, whose order is not stored."""
    may = (await place.ctx.rules.in_force(session)).groups_that_may("administer")
    by = (await place.ctx.rules.source(session))["installed_by"]
    active = [p.id for p in await governance.persons(session) if p.active and p.id in may]
    if not active:
        raise RefusedByRule("nobody may administer under the rules in force: give --as")
    return by if by in active else active[0]


async def _of_token(place: Place, token_file: Path) -> Actor:
    bearer = (await asyncio.to_thread(token_file.read_text)).strip()
    services = await place.services(lazy=True)
    async with httpx.AsyncClient(timeout=ISSUER_WITHIN) as http:
        authenticator = Authenticator(
            base_url=place.settings.api.base_url,
            tokens=place.rings.tokens,
            issuers=place.settings.identity.issuers,
            http=http,
            dev=place.rings.dev_issuer if place.settings.identity.dev_issuer else None,
        )
        caller = await authenticator.caller(bearer, datetime.now(UTC))
    found = await actor(services, caller, via="cli")
    person_id(found)
    return found


def acting_on(files: Path, environment: str, as_: str | None) -> str:
    """As whom a folder of rules is installed: in development a person of its own, elsewhere whoever runs this here.

    Raises `GovernanceInvalid`, `NotFound`, `Forbidden`, and `RefusedByRule` where ``as_`` does not count.
    """
    if environment != "development":
        if as_ is not None:
            raise RefusedByRule("--as counts in development only")
        return this_account()
    rules = load(files)
    people = [person.id for person in rules.people]
    if as_ is not None and as_ not in people:
        raise NotFound(f"The files of {files} know no person {as_!r}.")
    may = _administrators(rules)
    if as_ is not None and as_ not in may:
        raise Forbidden(f"{as_} may not administer.")
    return as_ or next(person for person in people if person in may)  # the files' check wants two at least


def _administrators(rules: Governance) -> set[str]:
    groups = rules.document.get("groups", [])
    return {member for group in groups if "administer" in group.get("may", ()) for member in group.get("members", ())}
