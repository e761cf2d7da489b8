"""Settings of the anchors, which take checkpoints: ``INTERLOCK_LEDGER__ANCHORS``, a JSON list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

AnchorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileAnchorSettings(Group):
    kind: Literal["file"]
    name: AnchorName
    dir: Path


class GitAnchorSettings(Group):
    kind: Literal["git"]
    name: AnchorName
    dir: Path
    """Of a repository, which no work tree is needed of; a bare one is made where nothing is."""
    branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")] = "checkpoints"
    remote: Annotated[str, Field(pattern=r"^[^-\s][^\s]{0,999}$")] | None = None
    """A remote's name or URL that is pushed to, without force."""


AnchorSettings = Annotated[FileAnchorSettings | GitAnchorSettings, Field(discriminator="kind")]


def _of_one_name_each(anchors: tuple[AnchorSettings, ...]) -> tuple[AnchorSettings, ...]:
    names = [anchor.name for anchor in anchors]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two anchors are called {twice[0]}: each needs a name of its own")
    return anchors


Anchors = Annotated[tuple[AnchorSettings, ...], AfterValidator(_of_one_name_each)]


class LedgerSettings(BaseModel):
    """The sealed ledger's name, and the places that vouch for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: Annotated[str, Field(pattern=r"^[^\s+]{1,200}$")] | None = None
    """The log's name in its checkpoints, for ever: no space, no +. Default: the host of the API's base URL."""
    anchors: Anchors = ()
    """Places outside the database that take checkpoints."""
    anchor_every: Annotated[int, Field(gt=0)] = 60
    """Seconds between two checkpoints that the anchors take."""
