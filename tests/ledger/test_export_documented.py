"""docs/export.md: its examples do what it says, on what really goes out."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from app.api.shapes_export import SealedEntry as Shape
from app.db.export import SealedEntry
from app.domain.digest import canonical
from app.domain.ledger import GENESIS, entry_body, leaf_hash
from app.domain.webhooks import Event, key_of, signed
from app.ledger.lines import line_of
from app.settings import load
from tests.fakes.receiver import OTHER_SECRET, SECRET
from tests.ledger.test_sequencer import NOW

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def example(has: str) -> Any:
    """The function of the one example that has this in it."""
    [code] = [code for code in EXAMPLES if f"def {has}(" in code]
    found: dict[str, Any] = {}
    exec(compile(code, "docs/export.md", "exec"), found)  # noqa: S102  it is ours
    return found[has]


def lines() -> list[bytes]:
    made, prev = [], {"request:1": GENESIS, "bot:bot": GENESIS}
    for leaf, (stream, n) in enumerate([("request:1", 1), ("bot:bot", 1), ("request:1", 2), ("request:1", 3)]):
        body = entry_body(stream=stream, n=n, prev=prev[stream], kind="noted", at=NOW, facts={"n": n, "é": 1.0})
        prev[stream] = leaf_hash(body)
        made.append(line_of(SealedEntry(leaf, stream, n, body, bytes.fromhex(leaf_hash(body)))))
    return made


def changed(line: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(line) | changes).encode()


def test_lines_are_checked() -> None:
    good = lines()
    checked = example("checked")
    assert [body["n"] for body in checked(good)] == [1, 1, 2, 3]
    assert len(checked(good[2:], first=2)) == 2
    body = json.loads(good[1])["body"] | {"kind": "other"}
    forgeries = [
        [good[0], good[2], good[3]],
        [good[0], good[1], changed(good[3], leaf=2)],
        [good[0], changed(good[1], kind="other")],
        [good[0], changed(good[1], body=body, kind="other")],
        [changed(good[2], leaf=0)],
        [good[0], changed(good[1], leaf_hash=leaf_hash(canonical(body)))],
        [good[1], good[0]],
    ]
    for forged in forgeries:
        with pytest.raises(ValueError, match="is not what it says"):
            checked(forged)


def test_signatures_are_checked() -> None:
    received, what, now = example("received"), Event("a/1", b'{"id":"a/1"}'), int(time.time())
    headers = signed(what, [key_of(OTHER_SECRET), key_of(SECRET)], now)
    for secret in (SECRET, OTHER_SECRET):
        assert received(secret, headers, what.body) == {"id": "a/1"}
    wrong = "whsec_" + "A" * 44
    for secret, sent, body in (
        (wrong, headers, what.body),
        (SECRET, headers, what.body + b" "),
        (SECRET, headers | {"webhook-id": "evt_0"}, what.body),
        (SECRET, headers | {"webhook-timestamp": str(now + 1)}, what.body),
        (SECRET, signed(what, [key_of(SECRET)], now - 301), what.body),
        (SECRET, signed(what, [key_of(SECRET)], now + 302), what.body),
        (SECRET, headers | {"webhook-signature": "v1,"}, what.body),
    ):
        with pytest.raises(ValueError, match=r"no signature|too old"):
            received(secret, sent, body)


def test_a_receiver_keeps_each_entry_once_and_in_order() -> None:
    store, kept = example("store"), list[Any]()
    items = [json.loads(line) for line in lines()]
    said = [store({"data": items[leaf]}, len(kept), kept.append) for leaf in (0, 0, 2, 1, 1, 2, 3)]
    assert said == [204, 200, 409, 204, 200, 204, 204]
    assert kept == items


def test_the_line_on_the_page_has_the_fields_that_there_are() -> None:
    [shown] = re.findall(r"```json\n(.*)\n```", PAGE)
    assert json.loads(shown).keys() == json.loads(lines()[0]).keys() == Shape.model_fields.keys()
    assert json.loads(shown)["body"].keys() == json.loads(lines()[0])["body"].keys()


def test_the_settings_on_the_page_are_settings() -> None:
    names = set(re.findall(r"INTERLOCK_[A-Z0-9_]+(?==)", PAGE))
    assert len(names) == 3
    given = {name: "https://siem.example/" if name.endswith("URL") else SECRET for name in names}
    base = {
        "INTERLOCK_DATABASE__URL": "postgresql://db/interlock",
        "INTERLOCK_KEYS__DIR": "/keys",
        "INTERLOCK_API__BASE_URL": "https://interlock.example",
    }
    made = load(base | given)
    assert made.exports["siem"].keys == made.webhook_keys("support-bot") == (key_of(SECRET),)
