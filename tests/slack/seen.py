"""What a reader of blocks meets, and the checks that hold for every surface."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from tests.fakes.slack.block_kit import mentions_and_links, message_problems, view_problems

Json = dict[str, Any]


def fine(message: Json) -> None:
    """Slack takes the message, posted and updated, and nothing in it mentions, links, hides or reorders."""
    text, blocks = message["text"], message["blocks"]
    assert message_problems(text, blocks, message.get("metadata")) == []
    assert message_problems(text, blocks, message.get("metadata"), update=True) == []
    assert mentions_and_links(text, blocks) == []
    assert hidden_characters(message) == []


def fine_view(view: Json) -> None:
    """Slack takes the view, and nothing in it mentions, links, hides or reorders."""
    assert view_problems(view) == []
    assert mentions_and_links(None, view["blocks"]) == []
    assert hidden_characters(view) == []


def strings(value: Any) -> Iterator[str]:
    """Every string that a reader meets, in order."""
    if isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, str) and key in {"text", "fallback"}:
                yield one
            elif key != "private_metadata":
                yield from strings(one)


def hidden_characters(value: Any) -> list[str]:
    """Characters in the texts that show nothing, or turn round what is beside them."""
    return sorted(
        {
            f"U+{ord(char):04X}"
            for text in strings(value)
            for char in text
            if (char not in " \n\t" and unicodedata.category(char)[0] in "CZ") or "\ufe00" <= char <= "\ufe0f"
        }
    )


def buttons(blocks: list[Json]) -> list[Json]:
    """All buttons, in order."""
    found = [one for block in blocks for one in (*block.get("elements", []), block.get("accessory", {}))]
    return [one for one in found if one.get("type") == "button"]


def actions(blocks: list[Json]) -> list[str]:
    """The action_ids of all buttons, in order."""
    return [button["action_id"] for button in buttons(blocks)]


def framed(blocks: list[Json], label: str) -> str:
    """What stands in the frames under this label, all its parts joined."""
    found = ""
    for block in blocks:
        if block["type"] != "rich_text" or block["elements"][-1]["type"] != "rich_text_preformatted":
            continue
        head = block["elements"][0]["elements"][0]["text"]
        if head == label or head.startswith(f"{label}, part "):
            found += "".join(one["text"] for one in block["elements"][-1]["elements"])
    return found
