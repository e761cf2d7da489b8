"""What a button and a modal carry to Slack and back: the request, its digest, and the hash of what was shown."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from app.domain.errors import Malformed

_PLAIN = re.compile(r"[\x20-\x7e]*")
MAX_VALUE = 2_000
MAX_METADATA = 3_000


@dataclass(frozen=True, slots=True)
class Click:
    """What a button is about. ``digest``: as it was shown; ``card``: the hash of what was shown, if it was kept."""

    request_id: str
    digest: str
    card: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """The message from which a modal was opened, by channel and timestamp; both None when there is none."""

    channel: str | None
    ts: str | None


def encode(click: Click) -> str:
    """A button's value: compact JSON of at most 2,000 characters; `decode` reads it back."""
    return packed({"request_id": click.request_id, "digest": click.digest, "card": click.card}, MAX_VALUE)


def decode(value: str) -> Click:
    """The click that `encode` wrote. Raises Malformed for anything else."""
    return click_in(parsed(value, MAX_VALUE, {"request_id", "digest", "card"}))


def metadata(click: Click, origin: Origin, **more: int | str) -> str:
    """A modal's private_metadata: the click, the origin, and what else the modal must remember."""
    kept = {"request_id": click.request_id, "digest": click.digest, "card": click.card}
    return packed({**kept, "channel": origin.channel, "ts": origin.ts, **more}, MAX_METADATA)


def metadata_of(view: dict[str, Any], *more: str) -> tuple[Click, Origin, dict[str, Any]]:
    """Click, origin and the rest of what `metadata` wrote into a view. Raises Malformed for anything else."""
    keys = {"request_id", "digest", "card", "channel", "ts", *more}
    data = parsed(view.get("private_metadata"), MAX_METADATA, keys)
    return click_in(data), origin_in(data), {name: data[name] for name in more}


def origin_in(data: dict[str, Any]) -> Origin:
    """The origin among these values. Raises Malformed."""
    return Origin(_text(data, "channel", may_lack=True), _text(data, "ts", may_lack=True))


def parsed(value: Any, most: int, keys: set[str]) -> dict[str, Any]:
    """The JSON object with exactly these keys in a string of at most ``most`` characters. Raises Malformed."""
    if not isinstance(value, str) or len(value) > most:
        raise _malformed()
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        raise _malformed() from None
    if not isinstance(data, dict) or set(data) != keys:
        raise _malformed()
    return data


def click_in(data: dict[str, Any]) -> Click:
    """The click among these values. Raises Malformed."""
    request_id = _text(data, "request_id") or ""
    try:
        canonical = str(uuid.UUID(request_id))
    except ValueError:
        raise _malformed() from None
    if canonical != request_id:
        raise _malformed()
    return Click(request_id, _text(data, "digest") or "", _text(data, "card", may_lack=True))


def _text(data: dict[str, Any], key: str, *, may_lack: bool = False) -> str | None:
    value = data[key]
    if (isinstance(value, str) and _PLAIN.fullmatch(value)) or (value is None and may_lack):
        return value
    raise _malformed()


def packed(data: dict[str, Any], most: int = MAX_METADATA) -> str:
    """Data as compact JSON of at most so many characters; `parsed` reads it back."""
    text = json.dumps(data, separators=(",", ":"))
    if len(text) > most:
        raise ValueError(f"{len(text)} characters do not fit into the {most} that Slack keeps")
    return text


def _malformed() -> Malformed:
    return Malformed("This is not a button or a form of Interlock; open the request again.")
