"""A bundle as a page that people read: one HTML document with all in it, for the screen and for paper.

It shows what the bundle says and adds nothing. Every text in it is inert: escaped, and under a policy that lets no
script run and nothing load.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from app.ledger.bundle import Bundle

MEDIA_TYPE = "text/html"

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1b1f24; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
h1 { font-size: 1.4rem }
h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid #ccd }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem;
border-bottom: 1px solid #e3e6ea } td.at { white-space: nowrap; color: #57606a }
code, pre { font: 12px/1.4 ui-monospace,
monospace;
white-space: pre-wrap; overflow-wrap: anywhere }
pre { background: #f6f8fa; padding: .6rem; margin: .2rem 0 }
.kind { font-weight: 600 } .note { color: #57606a } tr { break-inside: avoid }
@media print { body { margin: 0; max-width: none } a { color: inherit } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_SAID = ("sealed", "keys", "plan", "members")
"""Facts that stand elsewhere on the page, or are for machines."""


def page(bundle: Bundle) -> str:
    """The page of a bundle, as HTML."""
    title = f"Evidence: {bundle['kind']} {bundle['id']}"
    body = "".join(
        f"<section><h2>{escape(name)}</h2>{content}</section>" for name, content in _sections(bundle) if content
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{_head(bundle)}{body}</body></html>"
    )


def _head(bundle: Bundle) -> str:
    ended = "".join(
        f"<tr><td><code>{escape(id_)}</code></td><td>{escape(status)}</td></tr>"
        for id_, status in bundle["outcome"].items()
    )
    return (
        '<p class="note">This page shows a bundle; the bundle is what can be checked: '
        "<code>interlock ledger verify BUNDLE --key VKEY</code>. Persons stand as random ids, and by the account that "
        f"they used where that is opened.</p><table><tr><th>Request</th><th>Stood at the last entry</th></tr>{ended}"
        "</table>"
    )


def _sections(bundle: Bundle) -> Iterator[tuple[str, str]]:
    opened = {one["leaf"]: one["value"] for one in bundle["openings"]["values"]}
    yield "What was asked", "".join(_asked(bundle, opened))
    yield "Timeline", _timeline(bundle, opened)
    yield "What was put before people", "".join(_card(card) for card in bundle["cards"])
    yield "Grants, as hashes", _pre(bundle["grant"]) if bundle["grant"] else ""
    yield "The catalogue's entries", "".join(_named(one["action"], one) for one in bundle["catalogue"])
    yield "The rules", "".join(_named(one["version"], one["document"]) for one in bundle["policy"])
    yield "The checkpoint", f"<pre>{escape(bundle['checkpoint'])}</pre>"


def _asked(bundle: Bundle, opened: Mapping[int, Any]) -> Iterator[str]:
    for entry in bundle["entries"]:
        body = entry["body"]
        if body["kind"] == "admitted":
            facts, personal = body["facts"], opened.get(entry["leaf"])
            told = {"action": facts["action"], "asker": facts["asker"], "verdict": facts["verdict"]}
            yield _named(body["stream"], {**told, **(personal or {"sealed": "not opened in this bundle"})})


def _timeline(bundle: Bundle, opened: Mapping[int, Any]) -> str:
    rows = "".join(_row(entry, opened.get(entry["leaf"])) for entry in bundle["entries"])
    return f"<table><tr><th>When</th><th>What</th><th>Facts</th></tr>{rows}</table>"


def _row(entry: Mapping[str, Any], personal: Any) -> str:
    body = entry["body"]
    facts = {name: value for name, value in body["facts"].items() if name not in _SAID and value not in (None, [], {})}
    told = facts if body["kind"] != "admitted" else {name: facts[name] for name in ("status", "digest")}
    more = personal if body["kind"] != "admitted" else None
    where = f"{body['stream']}#{body['n']}, leaf {entry['leaf']}"
    return (
        f'<tr><td class="at">{escape(body["at"])}</td><td><span class="kind">{escape(body["kind"])}</span><br>'
        f'<span class="note">{escape(where)}</span></td><td>{_facts(told)}{_facts(more or {})}</td></tr>'
    )


def _facts(facts: Mapping[str, Any]) -> str:
    return "".join(f"<div>{escape(name)}: <code>{escape(_text(value))}</code></div>" for name, value in facts.items())


def _card(card: Mapping[str, Any]) -> str:
    words = "\n".join(_words(card["content"]))
    return f"<p><code>{escape(card['card'])}</code></p><pre>{escape(words)}</pre>"


def _words(value: Any) -> Iterable[str]:
    """The texts of a card's blocks, in their order."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


def _named(name: str, value: Any) -> str:
    return f"<p><code>{escape(name)}</code></p>{_pre(value)}"


def _pre(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=1, ensure_ascii=False))}</pre>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
