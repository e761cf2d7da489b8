"""What a target says is made storable, and nothing more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import digest
from app.execution.answers import Body, NotStorable, as_json, storable_text

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)


@given(anything)
def test_what_is_kept_can_be_canonicalised_and_has_no_nul(value: Any) -> None:
    try:
        kept = as_json(Body(json.dumps(value).encode(), whole=True))
    except NotStorable:
        return
    assert b"\\u0000" not in digest.canonical(kept)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (rb'{"a\u0000": "\u0000\ud800x\ud83d\ude00"}', {"a\ufffd": "\ufffd\ufffdx\U0001f600"}),
        (b"[9007199254740991, 9007199254740992, -12345678901234567890]",
         [9007199254740991, "9007199254740992", "-12345678901234567890"]),
        (b"true", True),
        (b"null", None),
        (b"[1.5, 1e3]", [1.5, 1000.0]),
    ],
)  # fmt: skip
def test_kept(said: bytes, kept: Any) -> None:
    assert as_json(Body(said, whole=True)) == kept


@pytest.mark.parametrize(
    "said",
    [b"NaN", b"[Infinity]", b"1e999", b"-1e999", b"\xff", b"\xef\xbb\xbf{}", b"[" * 60_000, b"[" * 80 + b"]" * 80,
     b"1" * 5000, b"{", b"OK"],
)  # fmt: skip
def test_not_kept(said: bytes) -> None:
    with pytest.raises(NotStorable):
        as_json(Body(said, whole=True))


def test_text_without_surrogates_stays() -> None:
    assert storable_text("größer \U0001f600\n") == "größer \U0001f600\n"
