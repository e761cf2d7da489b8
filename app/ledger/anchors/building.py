"""The anchors that the settings name."""

from __future__ import annotations

from collections.abc import Sequence

from app.ledger.anchors.anchor import Anchor
from app.ledger.anchors.file import FileAnchor
from app.ledger.anchors.git import GitAnchor
from app.settings_ledger import FileAnchorSettings, GitAnchorSettings


def build_anchors(settings: Sequence[FileAnchorSettings | GitAnchorSettings]) -> list[Anchor]:
    """One for each."""
    return [_anchor(one) for one in settings]


def _anchor(one: FileAnchorSettings | GitAnchorSettings) -> Anchor:
    match one:
        case FileAnchorSettings():
            return FileAnchor(one.name, one.dir)
        case GitAnchorSettings():
            return GitAnchor(one.name, one.dir, one.branch, one.remote)
