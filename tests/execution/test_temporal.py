"""What an owner's worker says, opened; and whether it may be said at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey

from app.domain.outcome import Sent
from app.execution.temporal import opened

KEY, OTHER = b"k" * 32, b"o" * 32


def sealed(said: Any, key: bytes = KEY, **header: str) -> str:
    """A compact JWE as an owner in any language would make it."""
    whole = {"alg": "dir", "enc": "A256GCM", **header}
    allowed = ["dir", "A256GCM", "A128CBC-HS256", "DEF"]
    text = said if isinstance(said, str) else json.dumps(said)
    return jwe.encrypt_compact(whole, text, OctKey.import_key(key), algorithms=allowed)


@pytest.mark.parametrize(
    ("outcome", "sent"), [("succeeded", Sent.SUCCEEDED), ("failed", Sent.FAILED), ("not_sent", Sent.NOT_SENT)]
)
def test_what_it_says(outcome: str, sent: Sent) -> None:
    answer = opened(sealed({"outcome": outcome, "value": {"id": 7}}), KEY)
    result, error = ({"id": 7}, None) if sent is Sent.SUCCEEDED else (None, {"status": None, "body": {"id": 7}})
    assert (answer.sent, answer.result, answer.error, answer.http_status) == (sent, result, error, None)


def test_a_value_may_be_left_out() -> None:
    answer = opened(sealed({"outcome": "succeeded"}), KEY)
    assert (answer.sent, answer.result, answer.note) == (Sent.SUCCEEDED, None, None)


@pytest.mark.parametrize("value", ["x" * 65_536, json.loads("[" * 70 + "]" * 70)], ids=["large", "deep"])
def test_what_cannot_be_kept_has_happened_all_the_same(value: Any) -> None:
    answer = opened(sealed({"outcome": "succeeded", "value": value}), KEY)
    assert (answer.sent, answer.result) == (Sent.SUCCEEDED, None)
    assert answer.note is not None


def test_a_large_refusal_is_cut() -> None:
    answer = opened(sealed({"outcome": "failed", "value": "x" * 65_536}), KEY)
    assert answer.error is not None
    assert (answer.sent, answer.error["truncated"]) == (Sent.FAILED, True)


def test_nul_and_surrogates_become_storable() -> None:
    assert opened(sealed({"outcome": "succeeded", "value": "a\0b\ud800"}), KEY).result == "a\ufffdb\ufffd"


NOT_ITS_WORD = {
    "nothing": None,
    "empty": "",
    "plain JSON": json.dumps({"outcome": "succeeded"}),
    "under another key": sealed({"outcome": "succeeded"}, OTHER),
    "by another cipher": sealed({"outcome": "succeeded"}, enc="A128CBC-HS256"),
    "compressed": sealed({"outcome": "succeeded"}, zip="DEF"),
    "an outcome of its own": sealed({"outcome": "unknown"}),
    "a list for an outcome": sealed({"outcome": ["succeeded"]}),
    "no outcome": sealed({"value": 1}),
    "no object": sealed([{"outcome": "succeeded"}]),
    "a text": sealed('"succeeded"'),
    "no JSON": sealed("succeeded"),
    "bottomless": sealed('{"outcome": "succeeded", "value": ' + "[" * 100_000),
    "cut": sealed({"outcome": "succeeded"})[:-2],
    "five dots": "....",
    "beyond ASCII": "é.é.é.é.é",
}


@pytest.mark.parametrize("text", NOT_ITS_WORD.values(), ids=NOT_ITS_WORD)
def test_what_is_not_sealed_as_it_must_be_says_nothing(text: str | None) -> None:
    answer = opened(text, KEY)
    assert (answer.sent, answer.result) == (Sent.UNCERTAIN, None)
