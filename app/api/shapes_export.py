"""Sealed entries as they go out, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

_LINE: dict[str, Any] = {
    "leaf": 0,
    "stream": "installation",
    "n": 1,
    "kind": "policy-installed",
    "at": "2026-01-05T09:00:00.000000Z",
    "leaf_hash": "5f0b7c4f6a5d9d2c0a6a1f8c3b7e4d9f0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "body": {
        "v": 1,
        "stream": "installation",
        "n": 1,
        "prev": "0" * 64,
        "kind": "policy-installed",
        "at": "2026-01-05T09:00:00.000000Z",
        "facts": {"policy_version": "sha256:5b1f"},
    },
}


class SealedEntry(BaseModel):
    """One entry of the ledger, at its place in the tree; the same for ever."""

    leaf: int = Field(description="Its index in the tree: from 0 on, none left out.")
    stream: str
    n: int = Field(description="Its number in its stream.")
    kind: str
    at: Time
    leaf_hash: str = Field(description="Hex of SHA-256 over 0x00 and the RFC 8785 bytes of `body` (RFC 6962).")
    body: dict[str, Any] = Field(description="The entry. What is `sealed` in it stays sealed.")


class SealedEntries(BaseModel):
    """A page of the ledger."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_LINE], "next": 1, "sealed": 1}]})

    items: list[SealedEntry]
    next: int = Field(description="What to ask for `from` next, now or later.")
    sealed: int = Field(description="How many leaves there are: below this index nothing changes any more.")


ANSWERS: tuple[type[BaseModel], ...] = (SealedEntries,)
"""All that an operation answers with."""
