"""People: one subject, identity and address is one person's; and enough of them administer."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.errors import Finding
from app.domain.subjects import subject
from app.governance import models
from app.governance.entries import Known
from app.governance.literals import zone_exists
from app.governance.tree import Entry


def people_findings(known: Known) -> Iterator[Finding]:
    """Every finding about people."""
    taken: dict[tuple[str, ...], str] = {}
    for entry, person in known.of("people", models.Person):
        if not zone_exists(person.time_zone):
            yield Finding(entry.where("time_zone"), f"the time zone {person.time_zone!r} is unknown")
        for path, key, what in _claims(entry, person):
            if key is None:
                yield Finding(path, what)
            elif taken.setdefault(key, person.id) != person.id:
                yield Finding(path, f"{what} is {taken[key]}'s already")
    yield from _administrators(known)


def _claims(entry: Entry, person: models.Person) -> Iterator[tuple[str, tuple[str, ...] | None, str]]:
    """Where, what is claimed (None: it is none), and the words for it."""
    for number, email in enumerate(person.emails):
        yield entry.where("emails", number), ("email", email.casefold()), f"the address {email}"
    for number, text in enumerate(person.subjects):
        where = entry.where("subjects", number)
        try:
            yield where, ("subject", subject(text)), f"the subject {text}"
        except ValueError as error:
            yield where, None, str(error)
    for number, identity in enumerate(person.identities):
        yield entry.where("identities", number), _identity(identity), "this identity"


def _identity(identity: models.Identity) -> tuple[str, ...]:
    if identity.oidc is not None:
        return "oidc", identity.oidc.iss, identity.oidc.sub
    return "slack", str(identity.slack)


def _administrators(known: Known) -> Iterator[Finding]:
    groups = [(entry, group) for entry, group in known.of("groups", models.Group) if "administer" in group.may]
    persons = {member for _, group in groups for member in group.members}
    if len(persons) < 2:
        where = groups[0][0].where("members") if groups else "groups"
        yield Finding(where, "at least two distinct persons must be in groups that may: [administer]")
