"""What Slack accepts as a message and as a view, and how a reader meets it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.fakes.slack.kit_checks import listing, problem
from tests.fakes.slack.kit_reading import mentions_and_links, plain_of, readable
from tests.fakes.slack.kit_shapes import BLOCK, VIEW

__all__ = ["mentions_and_links", "message_errors", "message_problems", "plain_of", "readable", "view_problems"]

Object = dict[str, Any]

TEXT_POSTED, TEXT_UPDATED = 40_000, 4_000
TEXT_OF_ALL_BLOCKS = 12_000
VIEW_BYTES = 250_000
METADATA_BYTES = 16_000


def message_problems(text: Any, blocks: Any, metadata: Any = None, *, update: bool = False) -> list[str]:
    """What Slack would refuse in a message, one sentence each; empty: it takes it. `update`: as chat.update judges."""
    return [f"{error}: {sentence}" for error, sentence in message_errors(text, blocks, metadata, update=update)]


def message_errors(text: Any, blocks: Any, metadata: Any = None, *, update: bool = False) -> list[tuple[str, str]]:
    """As `message_problems`, each with Slack's error code; the first code is what Slack would answer."""
    return [
        *_text_errors(text, blocks, TEXT_UPDATED if update else TEXT_POSTED),
        *(("invalid_blocks", said) for said in _blocks_problems(blocks)),
        *_length_errors(blocks),
        *_metadata_errors(metadata),
    ]


def view_problems(view: Any) -> list[str]:
    """What Slack would refuse in a modal or a home view, one sentence each; empty: it takes it."""
    found = list(VIEW(view, "/view"))
    if not isinstance(view, dict):
        return found
    blocks = view.get("blocks")
    found += _doubled(blocks, "/view/blocks")
    if view.get("type") == "modal" and "submit" not in view and any(kind == "input" for kind in _types(blocks)):
        found.append(problem("missing required field: submit", "/view"))
    if _size(view) > VIEW_BYTES:
        found.append(problem(f"must have at most {VIEW_BYTES} bytes", "/view"))
    return found


def _text_errors(text: Any, blocks: Any, most: int) -> Iterator[tuple[str, str]]:
    if text is not None and not isinstance(text, str):
        yield "invalid_arguments", problem("must be a string", "/text")
    elif len(text or "") > most:
        yield "msg_too_long", problem(f"must be less than {most + 1} characters", "/text")
    elif not (text or "").strip() and not blocks:
        yield "no_text", problem("a message needs text or blocks", "/text")


def _blocks_problems(blocks: Any) -> Iterator[str]:
    if blocks is not None:
        yield from listing(BLOCK, 50, 0)(blocks, "/blocks")
        yield from _doubled(blocks, "/blocks")


def _length_errors(blocks: Any) -> Iterator[tuple[str, str]]:
    length = sum(len(text) for text in _texts(blocks))
    if length > TEXT_OF_ALL_BLOCKS:
        said = f"all texts together must have at most {TEXT_OF_ALL_BLOCKS} characters and have {length}"
        yield "msg_blocks_too_long", problem(said, "/blocks")


def _texts(value: Any) -> Iterator[str]:
    """Every string under a key named text."""
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "text" and isinstance(one, str):
                yield one
            else:
                yield from _texts(one)


def _types(blocks: Any) -> list[Any]:
    return [block.get("type") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []


def _doubled(blocks: Any, where: str) -> list[str]:
    """Block ids that occur twice in the blocks, action ids that occur twice in a block."""
    if not isinstance(blocks, list):
        return []
    named = [block for block in blocks if isinstance(block, dict)]
    found = [problem(f"block_id already exists: {one}", where) for one in _twice(b.get("block_id") for b in named)]
    for index, block in enumerate(named):
        parts = [block.get("accessory"), block.get("element"), *_listed(block.get("elements"))]
        twice = _twice(part.get("action_id") for part in parts if isinstance(part, dict))
        found += [problem(f"action_id already exists: {one}", f"{where}/{index}") for one in twice]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _twice(names: Iterator[Any]) -> list[str]:
    return [name for name, times in Counter(name for name in names if isinstance(name, str)).items() if times > 1]


def _metadata_errors(metadata: Any) -> Iterator[tuple[str, str]]:
    if metadata is None:
        return
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        yield "invalid_metadata_format", problem("must have event_type and event_payload, nothing else", "/metadata")
        return
    kind, payload = metadata["event_type"], metadata["event_payload"]
    if not isinstance(kind, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,255}", kind):
        yield "invalid_metadata_format", problem("must be a name of letters, digits and _", "/metadata/event_type")
    if not isinstance(payload, dict) or _has_null(payload):
        yield "invalid_metadata_format", problem("must be an object without nulls", "/metadata/event_payload")
    if _size(metadata) > METADATA_BYTES:
        yield "metadata_too_large", problem(f"must have at most {METADATA_BYTES} bytes", "/metadata")


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_null(one) for one in value.values())
    return value is None or (isinstance(value, list) and any(_has_null(one) for one in value))


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))
