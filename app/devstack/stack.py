"""What a running stack tells others: the ready file, and the environment of commands that talk to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.db.roles import MIGRATOR, SEQUENCER, as_role
from app.devstack.errors import StackError
from app.devstack.files import write_whole
from app.devstack.lock import is_held
from app.settings import SLACK_VARIABLES

NAME = "stack.json"
KEYS = "keys"
ANCHOR = "anchor"
LEDGER_NAME = "interlock"


@dataclass(frozen=True, slots=True)
class Stack:
    """Where everything is."""

    api_url: str
    temporal_address: str
    database_url: str
    slack_signing_secret: str
    ledger_vkey: str

    def document(self, pids: Mapping[str, int]) -> dict[str, Any]:
        """The ready file."""
        return {
            "api_url": self.api_url,
            "temporal_address": self.temporal_address,
            "database_url": self.database_url,
            "pids": {name: pids[name] for name in ("api", "worker", "temporal", "postgres")},
            "slack": {"signing_secret": self.slack_signing_secret, "events_url": f"{self.api_url}/slack/events"},
            "ledger_vkey": self.ledger_vkey,
        }


class ReadyFiles:
    """``DATA/stack.json`` and the file that the caller asked for: there while, and only while, everything answers."""

    def __init__(self, data: Path, ready_file: Path | None) -> None:
        self._paths = [data / NAME] + ([ready_file] if ready_file else [])

    def write(self, document: dict[str, Any]) -> None:
        """Replace both."""
        for path in self._paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(document, indent=1) + "\n")

    def remove(self) -> None:
        """Remove both; files left by a stack that was killed, too."""
        for path in self._paths:
            path.unlink(missing_ok=True)


def environment(data: Path, *, api_url: str, temporal_address: str, database_url: str) -> dict[str, str]:
    """The settings of every process of the stack in ``data``."""
    place = urlsplit(api_url)
    return {
        "INTERLOCK_DATA": str(data),
        "INTERLOCK_ENVIRONMENT": "development",
        "INTERLOCK_DATABASE__URL": database_url,
        "INTERLOCK_DATABASE__SEQUENCER_URL": as_role(database_url, SEQUENCER),
        "INTERLOCK_DATABASE__MIGRATOR_URL": as_role(database_url, MIGRATOR),
        "INTERLOCK_TEMPORAL__ADDRESS": temporal_address,
        "INTERLOCK_KEYS__DIR": str(data / KEYS),
        "INTERLOCK_API__HOST": str(place.hostname),
        "INTERLOCK_API__PORT": str(place.port),
        "INTERLOCK_API__BASE_URL": api_url,
        "INTERLOCK_API__DOCS": "true",
        "INTERLOCK_IDENTITY__DEV_ISSUER": "true",
        "INTERLOCK_LEDGER__ORIGIN": LEDGER_NAME,
        "INTERLOCK_LEDGER__ANCHORS": json.dumps([{"name": "file", "kind": "file", "dir": str(data / ANCHOR)}]),
    }


def environment_of(data: Path) -> dict[str, str]:
    """The variables for a command that talks to the stack running in ``data``.

    Slack's are empty: no command calls it, and what this shell has of them may be half of what the stack was given.
    Raises `StackError` if none runs there, or it has not come up yet.
    """
    data = data.absolute()
    if not is_held(data):
        raise StackError(f"no stack runs in {data}: start one with interlock dev --data {data}")
    try:
        document = json.loads((data / NAME).read_text())
    except FileNotFoundError:
        raise StackError(f"the stack in {data} is not ready yet: see {data / 'logs'}") from None
    return dict.fromkeys(SLACK_VARIABLES, "") | environment(
        data,
        api_url=document["api_url"],
        temporal_address=document["temporal_address"],
        database_url=document["database_url"],
    )
