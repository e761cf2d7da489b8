"""What is signed: the bytes of RFC 8785, ids that never move, and a digest that every field moves."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import uuid
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from app.domain.digest import NAMESPACE, canonical, derived_id, keyed, request_digest, request_id, sha256

NUMBERS = [  # RFC 8785, appendix B
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "written"), NUMBERS)
def test_numbers_of_the_rfc(bits: str, written: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number) == written.encode()


@pytest.mark.parametrize(("number", "written"), [(0, "0"), (-1, "-1"), (2**53 - 1, "9007199254740991"), (1.0, "1")])
def test_integers(number: float, written: str) -> None:
    assert canonical(number) == written.encode()


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        2**53,
        -(2**53),
        {1: 2},
        b"x",
        {"a": object()},
        "\ud800",
        {"\udfff": 1},
    ],
)
def test_what_is_not_i_json_has_no_bytes(value: Any) -> None:
    with pytest.raises((rfc8785.CanonicalizationError, UnicodeEncodeError)):
        canonical(value)


def test_keys_are_ordered_by_utf16_code_units() -> None:
    """RFC 8785 section 3.2.3: the emoji, a surrogate pair, comes before U+FB33."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]


def test_the_sample_of_the_rfc() -> None:
    """RFC 8785 sections 3.2.2 and 3.2.4."""
    sample = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical(sample) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\b\t\n\f\r", rb'"\b\t\n\f\r"'),
        ("\x00\x1f", rb'"\u0000\u001f"'),
        ("\x7f\u2028", b'"\x7f\xe2\x80\xa8"'),
        ("\u00e9", b'"\xc3\xa9"'),
        ("e\u0301", b'"e\xcc\x81"'),
    ],
)
def test_strings_are_escaped_as_little_as_may_be_and_never_normalised(text: str, written: bytes) -> None:
    assert canonical(text) == written


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc\u00e9\U0001f600", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
def test_canonical_is_json_and_its_own_canonical_form(value: Any) -> None:
    written = canonical(value)
    assert json.loads(written) == value
    assert canonical(json.loads(written)) == written


@given(st.dictionaries(st.text(max_size=3), values, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert sha256(dict(items)) == sha256(value)


def test_sha256_is_that_of_the_canonical_bytes() -> None:
    assert sha256({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert sha256({"b": 1, "a": "\u20ac"}) == "sha256:" + hashlib.sha256(b'{"a":"\xe2\x82\xac","b":1}').hexdigest()


def test_the_id_of_a_request_never_moves() -> None:
    """A changed id would make every retry of every bot a second request."""
    made = request_id("action", "bot", "support-bot", "key-1")
    named = b'["request","action","bot","support-bot","key-1"]'
    hashed = hashlib.sha1(NAMESPACE.bytes + named, usedforsecurity=False).digest()[:16]
    assert made == uuid.UUID(bytes=hashed, version=5)
    assert str(made) == "9e4923b7-d994-5b9d-a540-ef351f2f9aa3"
    assert str(NAMESPACE) == "6f0f4a52-6a64-5c1c-9f6e-0d3f5c2b7a11"


@pytest.mark.parametrize("changed", range(4))
def test_the_id_of_a_request_depends_on_each_part(changed: int) -> None:
    parts = ["action", "bot", "support-bot", "key-1"]
    other = [part + "x" if at == changed else part for at, part in enumerate(parts)]
    assert request_id(*other) != request_id(*parts)


@given(st.lists(st.text('a",[]', max_size=4), max_size=4), st.lists(st.text('a",[]', max_size=4), max_size=4))
def test_derived_ids_meet_only_for_the_same_parts(one: list[str], other: list[str]) -> None:
    assert (derived_id(*one) == derived_id(*other)) is (one == other)


@given(st.binary(min_size=1), values)
def test_keyed_is_an_hmac_of_the_canonical_bytes(secret: bytes, value: Any) -> None:
    made = hmac.new(secret, canonical(value), "sha256").hexdigest()
    assert keyed(secret, value) == f"hmac-sha256:{made}"
    assert keyed(secret + b"x", value) != keyed(secret, value)


FIELDS: dict[str, Any] = {
    "request_id": "5f0c1f0e-0000-5000-8000-000000000001",
    "kind": "action",
    "asker": {"kind": "bot", "id": "support-bot"},
    "action": "orders.cancel",
    "action_version": "sha256:00",
    "parameters": {"order_id": "#W1"},
    "on_behalf_of": "customer:mia",
    "triggered_by": None,
    "parent": None,
    "reverses": None,
    "environment": "production",
    "expires_at": "2026-07-01T12:00:00.000000Z",
    "nonce": "00ff",
}
OTHER: dict[str, list[Any]] = {
    **{name: ["x"] for name in FIELDS},
    "asker": [{"kind": "person", "id": "support-bot"}, {"kind": "bot", "id": "other-bot"}],
    "parameters": [{}, {"order_id": "#W2"}, {"order_id": "#W1", "x": None}, {"order_id": ["#W1"]}],
    "on_behalf_of": [None, "customer:tom"],
    "triggered_by": ["customer:mia", ""],
}


def test_the_digest_is_of_exactly_these_fields() -> None:
    written = json.dumps({"v": 1, **FIELDS}, sort_keys=True, separators=(",", ":"))
    assert request_digest(**FIELDS) == "sha256:" + hashlib.sha256(written.encode()).hexdigest()
    assert request_digest(**FIELDS) == "sha256:a85ada9770494a78f0380ceb219bdb62ff9b36af23f117772ff444ef7b03a5ff"


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.aisvs("9.2.8")
def test_any_field_moves_the_digest(field: str) -> None:
    made = {request_digest(**{**FIELDS, field: value}) for value in [FIELDS[field], *OTHER[field]]}
    assert len(made) == 1 + len(OTHER[field])


def test_what_moves_from_one_field_to_another_moves_the_digest() -> None:
    swapped = {**FIELDS, "on_behalf_of": FIELDS["triggered_by"], "triggered_by": FIELDS["on_behalf_of"]}
    assert request_digest(**swapped) != request_digest(**FIELDS)
