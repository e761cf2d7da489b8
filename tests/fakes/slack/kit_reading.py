"""Blocks as a reader meets them: as plain text, and what in them Slack makes a mention, a link or a broadcast of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Object = dict[str, Any]

_TOKEN = re.compile(r"<([^<>\n]+)>")
_URL = re.compile(r"https?://[^\s<>|]+", re.IGNORECASE)
_SPOKEN = re.compile(r"(?<![\w.])@(?:here|channel|everyone)\b", re.IGNORECASE)
_RICH = {
    "user": lambda one: f"<@{one.get('user_id')}>",
    "usergroup": lambda one: f"<!subteam^{one.get('usergroup_id')}>",
    "channel": lambda one: f"<#{one.get('channel_id')}>",
    "broadcast": lambda one: f"<!{one.get('range')}>",
    "link": lambda one: f"<{one.get('url')}>",
}


def mentions_and_links(text: str | None, blocks: list[Object] | None) -> list[str]:
    """All that Slack would make a mention, a link or a broadcast of, in order, as mrkdwn writes it.

    Bare http and https addresses count where Slack links them: in `text`, and in mrkdwn that is not verbatim; there
    also ``@here`` and the like. ``<!date^...>`` is formatting and does not count, unless it carries a link.
    """
    return [*_marked(text or ""), *_bare(text or ""), *_within(blocks or [])]


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _within(one)
    elif isinstance(value, dict):
        yield from _of_object(value)
        for one in value.values():
            yield from _within(one)


def _of_object(value: Object) -> Iterator[str]:
    kind, text = str(value.get("type")), value.get("text")
    if kind == "mrkdwn" and isinstance(text, str):
        yield from _marked(text)
        if value.get("verbatim") is not True:
            yield from _bare(text)
            yield from (found.group() for found in _SPOKEN.finditer(text))
    elif kind in _RICH:
        yield _RICH[kind](value)
    elif kind == "date" and value.get("url"):
        yield f"<{value['url']}>"


def _marked(text: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        target = found.group(1).partition("|")[0]
        if target.startswith("!date^"):
            yield from (f"<{url}>" for url in _URL.findall(target))
        elif target[0] in "@#!" or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", target):
            yield found.group()


def _bare(text: str) -> Iterator[str]:
    yield from (found.group() for found in _URL.finditer(_TOKEN.sub(" ", text)))


def readable(blocks: list[Object] | None) -> str:
    """The blocks as plain text for a terminal: a line or more for each, buttons as ``[Approve]``.

    Characters that a terminal would obey instead of show come as escapes such as ``\\x1b``.
    """
    return "\n".join(
        _shown(part) for block in blocks or [] for part in _BLOCKS.get(block.get("type", ""), _other)(block)
    )


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _said(value: Any) -> str:
    """A text object's text; of mrkdwn, what its reader sees."""
    if not isinstance(value, dict):
        return ""
    text = str(value.get("text", ""))
    return plain_of(text) if value.get("type") == "mrkdwn" else text


def plain_of(text: str) -> str:
    """What a reader sees of mrkdwn or of a message's text: tokens by their label, entities as characters."""
    shown = _TOKEN.sub(_label, text)
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _label(found: re.Match[str]) -> str:
    target, _, label = found.group(1).partition("|")
    if target.startswith("!date^"):
        return label or target
    if target[0] in "@#!":
        return label or target.removeprefix("!") if target[0] != "!" else f"@{label or target[1:]}"
    return f"{label} ({target})" if label else target


def _element(one: Object) -> str:
    kind = one.get("type", "")
    if kind in {"plain_text", "mrkdwn"}:
        return _said(one)
    if kind == "image":
        return f"({one.get('alt_text', 'image')})"
    if kind == "button":
        return f"[{_said(one.get('text'))}]"
    options = " / ".join(_said(option.get("text")) for option in one.get("options", []))
    return f"[{options or _said(one.get('placeholder')) or kind}]"


def _section(block: Object) -> Iterator[str]:
    for said in (block.get("text"), *block.get("fields", [])):
        if said:
            yield _said(said)
    if accessory := block.get("accessory"):
        yield _element(accessory)


def _input(block: Object) -> Iterator[str]:
    yield f"{_said(block.get('label'))}: {_element(block.get('element', {}))}"


def _rich(block: Object) -> Iterator[str]:
    for part in block.get("elements", []):
        match part.get("type"):
            case "rich_text_list":
                ordered, first = part.get("style") == "ordered", part.get("offset", 0) + 1
                for number, item in enumerate(part.get("elements", []), first):
                    yield f"{'  ' * part.get('indent', 0)}{f'{number}.' if ordered else '•'} {_inline(item)}"
            case "rich_text_preformatted":
                yield "\n".join(f"    {line}" for line in _inline(part).split("\n"))
            case "rich_text_quote":
                yield "\n".join(f"> {line}" for line in _inline(part).split("\n"))
            case _:
                yield _inline(part)


def _inline(part: Object) -> str:
    return "".join(_inline_one(one) for one in part.get("elements", []))


def _inline_one(one: Object) -> str:
    match one.get("type"):
        case "link":
            return f"{one['text']} ({one['url']})" if one.get("text") else str(one.get("url"))
        case "emoji":
            return f":{one.get('name')}:"
        case "date":
            return str(one.get("fallback") or one.get("timestamp"))
        case "text" | "color":
            return str(one.get("text", one.get("value", "")))
        case kind if kind in _RICH:
            return plain_of(_RICH[kind](one))
        case kind:
            return f"({kind})"


def _other(block: Object) -> Iterator[str]:
    yield f"({block.get('type')})"


def _elements(block: Object) -> Iterator[str]:
    yield "  ".join(_element(one) for one in block.get("elements", []))


_BLOCKS: dict[str, Callable[[Object], Iterator[str]]] = {
    "header": lambda block: iter([f"== {_said(block.get('text'))} =="]),
    "section": _section,
    "context": _elements,
    "actions": _elements,
    "divider": lambda _block: iter(["-" * 40]),
    "rich_text": _rich,
    "input": _input,
    "image": lambda block: iter([f"({block.get('alt_text', 'image')})"]),
}
