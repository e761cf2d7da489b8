"""A governance folder as the rest of Interlock takes it: a document for the policy, and people beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.errors import Finding, GovernanceInvalid
from app.domain.subjects import subject
from app.governance import models
from app.governance.catalogue import PersonFile, PersonIdentity
from app.governance.check import inspect, inspect_files
from app.governance.entries import Known
from app.governance.tree import Tree


@dataclass(frozen=True, slots=True)
class Governance:
    """``people`` in the files' order; ``document``: everything else, as JSON.

    The document is the same however it is split and ordered over files, and names persons by their ids; see
    `app.governance.version` for its hash.
    """

    people: tuple[PersonFile, ...]
    document: dict[str, Any]


def load(folder: Path) -> Governance:
    """The governance of a folder. Raises `GovernanceInvalid` with every finding, and nothing else."""
    return _governance(*inspect(folder))


def load_files(files: Mapping[str, str]) -> Governance:
    """The same of files by name that came as text: ``*.yaml`` and ``*.yml``, 256 KiB together."""
    return _governance(*inspect_files(files))


def _governance(tree: Tree, known: Known, findings: Sequence[Finding]) -> Governance:
    if findings:
        raise GovernanceInvalid(findings)
    people = tuple(_person(person) for _, person in known.of("people", models.Person))
    return Governance(people, tree.document())


def _person(person: models.Person) -> PersonFile:
    return PersonFile(
        id=person.id,
        name=person.name,
        emails=tuple(person.emails),
        time_zone=person.time_zone,
        subjects=frozenset(subject(text) for text in person.subjects),
        identities=tuple(_identity(identity) for identity in person.identities),
    )


def _identity(identity: models.Identity) -> PersonIdentity:
    if identity.oidc is not None:
        return PersonIdentity("oidc", identity.oidc.iss, identity.oidc.sub)
    team, _, user = str(identity.slack).partition("/")
    return PersonIdentity("slack", team, user)
