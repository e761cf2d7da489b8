"""What is JSON here, and what only looks like it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.api import strict_json
from app.domain.errors import Malformed


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "",
        None,
        True,
        {"a": {"a": [1, 2.5, -0.0, "x", None, False]}, "b": "a"},
        {"größer": "😀", "tab": "\t", "quote": '"', "backslash": "\\"},
        9007199254740991,
        -9007199254740991,
        1e-300,
    ],
)
def test_json_is_read_as_it_is(value: Any) -> None:
    assert strict_json.loads(json.dumps(value).encode()) == value
    assert strict_json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


def test_white_space_around_it_is_fine() -> None:
    assert strict_json.loads(b" \r\n\t{ } \n") == {}


def test_numbers_keep_their_kind() -> None:
    assert [type(number) for number in strict_json.loads(b"[1, 1.0, 1e2, -0]")] == [int, float, float, int]


def test_an_escaped_pair_is_one_character() -> None:
    assert strict_json.loads(b'"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize("depth", [1, 63, 64])
def test_64_levels_are_fine(depth: int) -> None:
    strict_json.loads(nested(depth))
    strict_json.loads(b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1))


@pytest.mark.parametrize("depth", [65, 500, 1_000, 10_000, 500_000])
def test_deeper_is_refused_however_deep(depth: int) -> None:
    for raw in (nested(depth), b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth):
        with pytest.raises(Malformed):
            strict_json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{} x",
        b"'a'",
        b"{'a': 1}",
        b"{a: 1}",
        b"[1,]",
        b'{"a":1,}',
        b"// c\n{}",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x1",
        b"True",
        b'"\t"',
        b'"\n"',
        b'"\\x41"',
        b'"\\u12"',
        b"\xa0{}",
        b"\x00{}",
        b"{}\x00",
    ],
)
def test_what_is_not_json(raw: bytes) -> None:
    with pytest.raises(Malformed):
        strict_json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"b":{"c":1,"c":2}}',
        b'[{"a":1,"\\u0061":2}]',
        b'{"":1,"":2}',
    ],
)
def test_duplicate_keys(raw: bytes) -> None:
    with pytest.raises(Malformed, match="same key twice"):
        strict_json.loads(raw)


@pytest.mark.parametrize("inside", [b'"\\u0000"', b'{"a\\u0000b":1}', b'[[{"a":["x\\u0000"]}]]'])
def test_nul(inside: bytes) -> None:
    with pytest.raises(Malformed, match="NUL"):
        strict_json.loads(inside)


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udfff"', '"\\ude00\\ud83d"', '"a\\ud83db"', '{"\\ud800":1}'])
def test_lone_surrogates(text: str) -> None:
    with pytest.raises(Malformed, match="surrogate"):
        strict_json.loads(text.encode())


@pytest.mark.parametrize(
    "number",
    [
        "9007199254740992",
        "-9007199254740992",
        "9" * 300,
        "9" * 1_000_000,
        "-" + "9" * 5_000,
        "1e20",
        "9007199254740993.0",
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        "-Infinity",
    ],
)
def test_numbers_that_two_parsers_may_read_apart(number: str) -> None:
    for raw in (number, f"[{number}]", f'{{"a": {{"b": {number}}}}}'):
        with pytest.raises(Malformed):
            strict_json.loads(raw.encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        "{}".encode("utf-16-le"),
        "{}".encode("utf-32"),
        b'"\xff"',
        b'"\xc0\x80"',
        b'"\xed\xa0\x80"',
        b'"\xf4\x90\x80\x80"',
        b'"\xe2\x82"',
        '"ü"'.encode("latin-1"),
    ],
)
def test_what_is_not_utf_8(raw: bytes) -> None:
    with pytest.raises(Malformed):
        strict_json.loads(raw)


def test_a_refusal_quotes_nothing_that_cannot_be_sent_back() -> None:
    with pytest.raises(Malformed) as caught:
        strict_json.loads(b'{"\\ud800": 1}')
    str(caught.value).encode()
