"""Versions of a policy: the hash of its document, in which persons are random pids (DESIGN.md section 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.digest import sha256
from app.domain.errors import Misconfigured


def version_of(document: dict[str, Any]) -> str:
    """``"sha256:"`` and the hex SHA-256 of the RFC 8785 bytes of a document whose persons are pids."""
    return sha256(document)


def swap_persons(document: dict[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    """The document with every person's name replaced: id to pid before hashing and storing, pid to id after reading.

    Raises `Misconfigured` when the mapping lacks one: a person's id must not slip into what is stored.
    """
    swapped = dict(document)
    swapped["groups"] = [
        {**group, "members": [_swap(member, mapping) for member in group["members"]]}
        for group in document.get("groups", ())
    ]
    swapped["bots"] = [
        {**swap_owners(bot, mapping), "deployed_by": _swap(bot["deployed_by"], mapping)}
        for bot in document.get("bots", ())
    ]
    swapped["actions"] = [swap_owners(action, mapping) for action in document.get("actions", ())]
    return swapped


def swap_owners(entry: dict[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    """A bot's or action's entry with the persons on its seats replaced; groups stay."""
    if "owners" not in entry:
        return entry
    owners = {
        seat: holder if holder.startswith("group:") else _swap(holder, mapping)
        for seat, holder in entry["owners"].items()
    }
    return {**entry, "owners": owners}


def _swap(name: str, mapping: Mapping[str, str]) -> str:
    try:
        return mapping[name]
    except KeyError:
        raise Misconfigured(f"The person {name} of the policy is not known; install the people first.") from None
