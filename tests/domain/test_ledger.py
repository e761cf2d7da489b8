"""Entries chained in a stream, and every kind of tampering found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.ledger import GENESIS, LedgerFinding, Stored, entry_body, leaf_hash, verify_stream
from tests.domain.strategies import NOW

STREAM = "request:5f0c1f0e-0000-5000-8000-000000000001"
OTHER = "request:5f0c1f0e-0000-5000-8000-000000000002"


def chain(*facts: dict[str, Any], stream: str = STREAM) -> list[Stored]:
    made: list[Stored] = []
    for n, said in enumerate(facts, start=1):
        prev = leaf_hash(made[-1].body) if made else GENESIS
        at = NOW + timedelta(seconds=n)
        made.append(Stored(stream, n, entry_body(stream=stream, n=n, prev=prev, kind="decided", at=at, facts=said)))
    return made


FOUR = chain({"a": 1}, {"b": [None, "\u20ac"]}, {}, {"c": {"d": True}})


def whats(entries: list[Stored], stream: str = STREAM) -> list[tuple[str, str]]:
    return [(found.where.removeprefix(stream), found.what) for found in verify_stream(stream, entries)]


def test_an_entry_is_these_bytes() -> None:
    assert (
        chain({"z": 1, "a": "\u20ac"})[0].body
        == (
            '{"at":"2026-07-01T12:00:01.000000Z","facts":{"a":"\u20ac","z":1},"kind":"decided","n":1,"prev":"'
            + "0" * 64
            + f'","stream":"{STREAM}","v":1}}'
        ).encode()
    )


def test_a_leaf_is_hashed_as_rfc_6962_has_it() -> None:
    """The empty leaf's hash is one of the test vectors of Certificate Transparency."""
    assert leaf_hash(b"") == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"L123456") == hashlib.sha256(b"\0L123456").hexdigest()


facts = st.dictionaries(
    st.text("ab\u20ac\U0001f600", max_size=2), st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
)
streams = st.lists(facts, min_size=2, max_size=5).map(lambda said: chain(*said))


@given(st.lists(facts, max_size=5))
def test_what_was_written_verifies(said: list[dict[str, Any]]) -> None:
    assert verify_stream(STREAM, chain(*said)) == []


@given(streams, st.integers(0), st.integers(0), st.integers(1, 255))
@pytest.mark.aisvs("9.4.2")
def test_a_changed_byte_is_found_wherever_it_is(entries: list[Stored], at: int, where: int, flip: int) -> None:
    """In any entry with one after it. The last is bound by what keeps its leaf hash: see below."""
    at %= len(entries) - 1
    body = bytearray(entries[at].body)
    body[where % len(body)] ^= flip
    assert verify_stream(STREAM, [*entries[:at], replace(entries[at], body=bytes(body)), *entries[at + 1 :]])


@given(streams, st.integers(0), st.sampled_from([b'"n":', b'"prev":"', b'"stream":"', b'"v":']), st.integers(1, 255))
def test_a_changed_byte_of_the_last_entrys_place_is_found(
    entries: list[Stored], where: int, key: bytes, flip: int
) -> None:
    body = bytearray(entries[-1].body)
    start = body.rindex(key) + len(key)
    end = min(at for at in range(start, len(body)) if body[at] in b',}"')
    body[start + where % (end - start)] ^= flip
    assert verify_stream(STREAM, [*entries[:-1], replace(entries[-1], body=bytes(body))])


def test_the_last_entry_is_bound_by_its_leaf_hash_alone() -> None:
    """What a chain cannot show: the facts of its last entry, and that entries were cut off its end. The tree can."""
    forged = chain({"a": 1}, {"b": [None, "\u20ac"]}, {}, {"c": {"d": False}})
    assert verify_stream(STREAM, forged) == []
    assert verify_stream(STREAM, FOUR[:-1]) == []
    assert leaf_hash(forged[-1].body) != leaf_hash(FOUR[-1].body)


@given(streams, st.integers(0))
def test_a_removed_entry_is_found(entries: list[Stored], at: int) -> None:
    at %= len(entries) - 1
    assert verify_stream(STREAM, entries[:at] + entries[at + 1 :])


@given(streams, st.integers(0))
def test_a_removed_entry_is_found_though_the_rest_is_renumbered(entries: list[Stored], at: int) -> None:
    """In the column and in the body; only the chain is not mended."""
    at %= len(entries) - 1
    left = []
    for n, entry in enumerate(entries[:at] + entries[at + 1 :], start=1):
        body = json.loads(entry.body) | {"n": n}
        left.append(Stored(STREAM, n, written(body)))
    found = verify_stream(STREAM, left)
    assert "it is not chained to the entry before it" in [finding.what for finding in found]


@given(streams, st.integers(0), st.integers(0), st.booleans())
def test_swapped_entries_are_found(entries: list[Stored], one: int, other: int, renumber: bool) -> None:
    one, other = one % len(entries), other % len(entries)
    assume(one != other)
    swapped = list(entries)
    swapped[one], swapped[other] = entries[other], entries[one]
    if renumber:
        swapped = [replace(entry, n=n) for n, entry in enumerate(swapped, start=1)]
    assert verify_stream(STREAM, swapped)


@given(streams, st.integers(0))
def test_an_entry_that_is_there_twice_is_found(entries: list[Stored], at: int) -> None:
    at %= len(entries)
    assert verify_stream(STREAM, [*entries[: at + 1], entries[at], *entries[at + 1 :]])


@given(streams, st.integers(0), st.integers(-2, 9))
def test_a_wrong_number_beside_the_body_is_found(entries: list[Stored], at: int, n: int) -> None:
    at %= len(entries)
    assume(n != at + 1)
    assert verify_stream(STREAM, [*entries[:at], replace(entries[at], n=n), *entries[at + 1 :]])


@given(st.lists(facts, min_size=1, max_size=3))
def test_a_stream_under_another_name_is_found(said: list[dict[str, Any]]) -> None:
    foreign = chain(*said, stream=OTHER)
    assert len(verify_stream(STREAM, foreign)) == len(foreign)
    assert len(verify_stream(STREAM, [replace(entry, stream=STREAM) for entry in foreign])) == len(foreign)
    assert len(verify_stream(STREAM, [replace(entry, stream=OTHER) for entry in chain(*said)])) == len(foreign)


def test_an_entry_of_another_stream_between_is_found() -> None:
    foreign = chain({"a": 1}, {"b": 2}, stream=OTHER)[1]
    assert ("#2", "the body names another place in the ledger") in whats([FOUR[0], foreign, *FOUR[2:]])


def test_the_finding_says_where_and_what() -> None:
    assert verify_stream(STREAM, FOUR[1:2]) == [
        LedgerFinding(f"{STREAM}#2", "number 1 is missing"),
        LedgerFinding(f"{STREAM}#2", "it is not chained to the entry before it"),
    ]


def written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def test_the_helper_writes_as_the_ledger_does() -> None:
    """Else the cases below would be found for the wrong reason."""
    assert written(json.loads(FOUR[1].body)) == FOUR[1].body


def alone(change: Callable[[dict[str, Any]], Any]) -> list[str]:
    """What is found in a stream of one entry whose value was changed, the bytes canonical."""
    return [what for _, what in whats([Stored(STREAM, 1, written(change(json.loads(FOUR[0].body))))])]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda _: [], "the body is not an entry"),
        (lambda _: 1, "the body is not an entry"),
        (lambda _: None, "the body is not an entry"),
        (lambda _: "entry", "the body is not an entry"),
        (lambda _: {}, "the body is not an entry"),
        (lambda body: body | {"v": 2}, "the body is not an entry"),
        (lambda body: body | {"v": True}, "the body is not an entry"),
        (lambda body: body | {"more": 1}, "the body is not an entry"),
        (lambda body: {key: value for key, value in body.items() if key != "facts"}, "the body is not an entry"),
        (lambda body: body | {"n": True}, "the body names another place in the ledger"),
        (lambda body: body | {"n": "1"}, "the body names another place in the ledger"),
        (lambda body: body | {"n": 2}, "the body names another place in the ledger"),
        (lambda body: body | {"stream": OTHER}, "the body names another place in the ledger"),
        (lambda body: body | {"stream": None}, "the body names another place in the ledger"),
        (lambda body: body | {"prev": None}, "it is not chained to the entry before it"),
        (lambda body: body | {"prev": "1" * 64}, "it is not chained to the entry before it"),
    ],
)
def test_what_is_no_such_entry(change: Callable[[dict[str, Any]], Any], what: str) -> None:
    assert alone(change) == [what]


BODY = FOUR[0].body


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (BODY + b"\n", "the body is not in RFC 8785 form"),
        (b" " + BODY, "the body is not in RFC 8785 form"),
        (b"\xef\xbb\xbf" + BODY, "the body is not in RFC 8785 form"),
        (BODY.decode().encode("utf-16"), "the body is not in RFC 8785 form"),
        (BODY.replace(b'"v":1', b'"v":1.0'), "the body is not in RFC 8785 form"),
        (BODY.replace(b'"a"', b'"\\u0061"'), "the body is not in RFC 8785 form"),
        (BODY.replace(b'{"a":1}', b'{"a":2,"a":1}'), "the body is not in RFC 8785 form"),
        (BODY.replace(b'"v":1', b'"v":1,"v":1'), "the body is not in RFC 8785 form"),
        (written(dict(reversed(json.loads(BODY).items()))) + b" ", "the body is not in RFC 8785 form"),
        (b"", "the body is not JSON"),
        (b"\xff" + BODY, "the body is not JSON"),
        (BODY[:-1], "the body is not JSON"),
        (BODY + BODY, "the body is not JSON"),
        (BODY.replace(b'"a":1', b'"a":NaN'), "the body is not JSON"),
        (BODY.replace(b'"a":1', b'"a":9007199254740993'), "the body is not JSON"),
        pytest.param(BODY.replace(b'"a":1', b'"a":' + b"9" * 5000), "the body is not JSON", id="too long"),
        (BODY.replace(b'"a":1', b'"a":"\\ud800"'), "the body is not JSON"),
        pytest.param(b"[" * 100_000, "the body is not JSON", id="too deep"),
    ],
)
def test_bytes_that_no_writer_wrote(body: bytes, what: str) -> None:
    assert what in [found for _, found in whats([Stored(STREAM, 1, body)])]


@given(st.binary(max_size=30) | st.text('[]{}":,0123456789.eE-ntf', max_size=30).map(str.encode))
def test_whatever_is_in_the_ledger_the_verifier_answers(body: bytes) -> None:
    assert whats([Stored(STREAM, 1, body)])
    assert verify_stream(STREAM, [FOUR[0], Stored(STREAM, 2, body), *FOUR[2:]])
