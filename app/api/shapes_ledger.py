"""Proofs over the sealed ledger as they go out, for the OpenAPI document; and what they are asked for by."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Index = Annotated[int, Field(ge=0, lt=2**53)]
Size = Annotated[int, Field(ge=1, lt=2**53)]

NOTE = (
    "interlock.example/interlock\n2\nRUNJ5CLwUpcZHq0T4h09tSDlq+9SBV5JZLgvshP1k6E=\n\n"
    "— interlock.example/interlock "
    "vmiS0yA/P9PP/WFQ2FaI/NH4vLGvYL96dsb9+UO3pIsxK0X1ndy9xbg6Gy5XNZU29wHeISal+xrISscb4fr0ocM1ag8=\n"
)
INCLUSION: dict[str, Any] = {"leaf": 0, "size": 2, "leaf_hash": "1f" * 32, "path": ["2e" * 32], "checkpoint": NOTE}
CONSISTENCY: dict[str, Any] = {"from": 1, "to": 2, "path": ["2e" * 32]}


class InclusionOf(BaseModel):
    """Of which leaf, in a tree of which size."""

    model_config = ConfigDict(extra="forbid")

    leaf: Index
    size: Size | None = Field(None, description="At most the newest checkpoint's, which it is by default.")


class ConsistencyOf(BaseModel):
    """Of which two sizes."""

    model_config = ConfigDict(extra="forbid")

    old: Size = Field(alias="from")
    size: Size | None = Field(
        None, alias="to", description="At most the newest checkpoint's, which it is by default; not below `from`."
    )


class Inclusion(BaseModel):
    """That a leaf is in the tree (RFC 9162 section 2.1.3)."""

    model_config = ConfigDict(json_schema_extra={"examples": [INCLUSION]})

    leaf: Index
    size: Size
    leaf_hash: Hash = Field(description="SHA-256(0x00 ‖ the entry's bytes).")
    path: list[Hash] = Field(description="From the leaf up.")
    checkpoint: str | None = Field(description="The signed note over a tree of just this size; null where none is.")


class Consistency(BaseModel):
    """That the larger tree goes on from the smaller (RFC 9162 section 2.1.4)."""

    model_config = ConfigDict(json_schema_extra={"examples": [CONSISTENCY]})

    from_: Size = Field(alias="from")
    to: Size
    path: list[Hash]


ANSWERS: tuple[type[BaseModel], ...] = (Inclusion, Consistency)
"""All that an operation answers with, but the checkpoint, which is text."""
