"""A person who leaves: everywhere that the rules have them sit, and the rules without them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import Finding, GovernanceInvalid
from app.governance.catalogue import PersonFile
from app.governance.check_people import people_findings
from app.governance.check_references import reference_findings
from app.governance.check_seats import seat_findings
from app.governance.entries import fit
from app.governance.files import Governance
from app.governance.tree import document_tree

DEPLOYED_BY = "deployed_by"
_IN_FORCE = "the rules"


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody sits. ``section``: bots, actions or groups; ``name``: which of them; ``seat``: None in a group.

    ``by``: the group through which a seat is held; it goes with their place in that.
    """

    section: str
    name: str
    seat: str | None = None
    by: str | None = None

    @property
    def key(self) -> str:
        """How a hand-over names it: ``bots.support-bot.business``, ``groups.leads``."""
        return ".".join(filter(None, (self.section, self.name, self.seat)))


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who leaves, and who sits there then. ``to``: on every seat that ``seats`` does not name.

    A place in a group is handed over only where ``seats`` names it: to decide or to administer is nobody's by the way.
    """

    person: str
    to: str | None = None
    seats: Mapping[str, str] = field(default_factory=dict)

    def successor(self, place: Place) -> str | None:
        """Who takes a place; None: nobody does."""
        return self.seats.get(place.key, self.to if place.section != "groups" else None)

    @property
    def successors(self) -> frozenset[str]:
        """Everybody who is named to take something."""
        return frozenset(self.seats.values()) | ({self.to} if self.to is not None else frozenset())


def leaving(parameters: Mapping[str, Any]) -> Leaving:
    """The wish in the parameters of a request."""
    return Leaving(parameters["person"], parameters.get("to"), parameters.get("seats", {}))


def places(document: Mapping[str, Any], person: str) -> tuple[Place, ...]:
    """Everywhere that the rules have a person sit, in person or by a group."""
    member_of = {group["name"] for group in document.get("groups", ()) if person in group["members"]}
    return (*_seats(document, person, member_of), *(Place("groups", name) for name in sorted(member_of)))


def _seats(document: Mapping[str, Any], person: str, member_of: set[str]) -> Iterator[Place]:
    for section, named_by in (("bots", "id"), ("actions", "name")):
        for entry in document.get(section, ()):
            if entry.get(DEPLOYED_BY) == person:
                yield Place(section, entry[named_by], DEPLOYED_BY)
            for seat, holder in entry.get("owners", {}).items():
                group = holder.removeprefix("group:")
                if holder == person or (group != holder and group in member_of):
                    yield Place(section, entry[named_by], seat, None if holder == person else group)


def without(rules: Governance, wish: Leaving) -> Governance:
    """The rules and people without this person, whose successors sit in their places.

    Raises `GovernanceInvalid` with everything that would not be in order then and is now, and every place that is named
    and not theirs.
    """
    mine = {place.key: place for place in places(rules.document, wish.person) if place.by is None}
    findings = [Finding(key, f"{wish.person} does not sit there") for key in wish.seats if key not in mine]
    findings += [
        Finding(key, "the seat would be empty: say who takes it")
        for key, place in mine.items()
        if place.seat is not None and wish.successor(place) is None
    ]
    if findings:
        raise GovernanceInvalid(findings)
    left = tuple(person for person in rules.people if person.id != wish.person)
    after = Governance(left, _handed_over(rules.document, wish))
    findings = sorted(_findings(after) - _findings(rules), key=lambda finding: (finding.where, finding.what))
    findings += _too_few(rules.document, after.document)
    if findings:
        raise GovernanceInvalid(findings)
    return after


def _handed_over(document: Mapping[str, Any], wish: Leaving) -> dict[str, Any]:
    return {
        **document,
        "bots": [_entry("bots", bot["id"], bot, wish) for bot in document.get("bots", ())],
        "actions": [_entry("actions", action["name"], action, wish) for action in document.get("actions", ())],
        "groups": [{**group, "members": _members(group, wish)} for group in document.get("groups", ())],
    }


def _entry(section: str, name: str, entry: dict[str, Any], wish: Leaving) -> dict[str, Any]:
    changed = dict(entry)
    if entry.get(DEPLOYED_BY) == wish.person:
        changed[DEPLOYED_BY] = wish.successor(Place(section, name, DEPLOYED_BY))
    if "owners" in entry:
        changed["owners"] = {
            seat: wish.successor(Place(section, name, seat)) if holder == wish.person else holder
            for seat, holder in entry["owners"].items()
        }
    return changed


def _members(group: Mapping[str, Any], wish: Leaving) -> list[str]:
    """Without them; a successor who is not in it already takes their place in the order."""
    successor = wish.successor(Place("groups", group["name"]))
    instead = [successor] if successor is not None and successor not in group["members"] else []
    return [one for member in group["members"] for one in (instead if member == wish.person else [member])]


def _findings(rules: Governance) -> set[Finding]:
    """What `policy check` says of people, names and seats: all that a hand-over can put out of order."""
    people = [_as_entry(person) for person in rules.people]
    known, _ = fit(document_tree({**rules.document, "people": people}, _IN_FORCE))
    return {*people_findings(known), *reference_findings(known), *seat_findings(known)}


def _as_entry(person: PersonFile) -> dict[str, Any]:
    identities = [
        {"slack": f"{one.issuer}/{one.subject}"}
        if one.provider == "slack"
        else {"oidc": {"iss": one.issuer, "sub": one.subject}}
        for one in person.identities
    ]
    return {
        "id": person.id,
        "name": person.name,
        "emails": list(person.emails),
        "time_zone": person.time_zone,
        "subjects": sorted(person.subjects),
        "identities": identities,
    }


def _too_few(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    """Groups that nobody is left in, and stages that ask for more than are left."""
    then = {group["name"]: len(group["members"]) for group in before.get("groups", ())}
    now = {group["name"]: len(group["members"]) for group in after.get("groups", ())}
    for group in sorted(now):
        if now[group] == 0 < then[group]:
            yield Finding(f"groups.{group}", "nobody would be left in it: say who takes the place")
    for plan, content in sorted(after.get("plans", {}).items()):
        for stage in content["stages"]:
            group, quorum = stage["group"], stage.get("quorum", 1)
            if 0 < now.get(group, 0) < quorum <= then[group]:
                what = f"the plan {plan} asks {quorum} of them, and {now[group]} would be left: say who takes the place"
                yield Finding(f"groups.{group}", what)
