"""Bundles as they go out, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_ID = "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11"
_BODY: dict[str, Any] = {
    "v": 1,
    "stream": f"request:{_ID}",
    "n": 1,
    "prev": "0" * 64,
    "kind": "admitted",
    "at": "2026-01-05T09:30:00.000000Z",
    "facts": {"action": "orders.cancel", "status": "held"},
}
_NOTE = "shop.example/interlock\n1\nY2FyZWZ1bGx5IGhhc2hlZCwgYXMgYWx3YXlzIGlzLiE=\n\n— shop.example/interlock c2lnbmVk\n"


class BundleEntry(BaseModel):
    """An entry, and its place in the tree."""

    leaf: int
    body: dict[str, Any]


class BundleOpenings(BaseModel):
    """What is sealed in the entries, and the keys by which that can be checked; both empty where nothing is opened."""

    keys: dict[str, dict[str, str]]
    values: list[dict[str, Any]]


class Bundle(BaseModel):
    """Evidence to be checked offline: `interlock ledger verify BUNDLE --key VKEY`. RFC 8785 bytes."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "v": 1,
                "kind": "request",
                "id": _ID,
                "entries": [{"leaf": 0, "body": _BODY}],
                "proofs": [[]],
                "checkpoint": _NOTE,
                "openings": {"keys": {}, "values": []},
                "policy": [],
                "catalogue": [],
                "cards": [],
                "grant": [],
                "outcome": {_ID: "held"},
            }
        }
    )

    v: Literal[1]
    kind: Literal["request", "rollback", "governance", "incident", "span"]
    id: str
    entries: list[BundleEntry] = Field(description="In the order of their leaves.")
    proofs: list[list[str]] = Field(description="Of each entry, in the same order: hashes in base64 (RFC 9162 2.1.3).")
    checkpoint: str = Field(description="A signed note (C2SP tlog-checkpoint) over all entries.")
    openings: BundleOpenings
    policy: list[dict[str, Any]] = Field(description="The rules that the entries name, persons as random ids.")
    catalogue: list[dict[str, Any]]
    cards: list[dict[str, Any]] = Field(description="What decisions were made on, where it was in Slack.")
    grant: list[dict[str, Any]] = Field(description="Hashes of the grants.")
    outcome: dict[str, str] = Field(description="Of each request, its status at its last entry.")
