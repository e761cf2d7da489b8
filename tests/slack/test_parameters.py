"""Parameters printed: read back, they are what they were."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from app.slack.parameters import NOT_SHOWN, holds_hidden, printed, telling
from app.use_cases.card_facts import HIDDEN
from tests.slack.facts import HOSTILE

words = st.text(max_size=30) | st.sampled_from([HOSTILE, NOT_SHOWN, '"', "\\", " " * 20, "שלום", "\n"])
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15) | words
values = st.recursive(
    scalars | st.just(HIDDEN),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=15,
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|' + NOT_SHOWN)


def read_back(text: str) -> Any:
    """What `printed` gave for an object, as JSON; what is masked, outside of quotes, as null."""
    return json.loads("{" + _STRING.sub(lambda found: "null" if found[0] == NOT_SHOWN else found[0], text) + "}")


def without_hidden(value: Any) -> Any:
    """The same tree, with null where it was masked."""
    if isinstance(value, dict):
        return {key: without_hidden(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_hidden(one) for one in value]
    return None if value is HIDDEN else value


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(words, values, max_size=4))
def test_what_is_printed_is_what_was_asked(parameters: dict[str, Any]) -> None:
    text = printed(parameters)
    assert rfc8785.dumps(read_back(text)) == rfc8785.dumps(without_hidden(parameters))
    outside = [found[0] for found in _STRING.finditer(text) if found[0] == NOT_SHOWN]
    assert len(outside) == repr(masks_in(parameters)).count("HIDDEN")


def masks_in(value: Any) -> Any:
    """The same tree without a text in it, so that only what is masked is called hidden."""
    if isinstance(value, dict):
        return [masks_in(one) for one in value.values()]
    if isinstance(value, list):
        return [masks_in(one) for one in value]
    return value if value is HIDDEN else None


@pytest.mark.parametrize(
    ("value", "text"), [([1, HIDDEN], f"[\n  1,\n  {NOT_SHOWN}\n]"), (HIDDEN, NOT_SHOWN), ({}, "")]
)
def test_whatever_is_no_object(value: Any, text: str) -> None:
    assert printed(value) == text


def test_numbers_stand_as_they_are_signed() -> None:
    assert printed({"a": 1.0, "b": 1e21, "c": -0.0, "d": 0.1}) == '"a": 1,\n"b": 1e+21,\n"c": 0,\n"d": 0.1'


def test_deep_nesting_is_not_buried_in_indentation() -> None:
    value: Any = list(range(2_000))
    for _ in range(50):
        value = [value]
    text = printed({"a": value})
    assert "\n" not in text
    assert read_back(text) == {"a": value}


def test_what_is_written_from_right_to_left_turns_nothing_round() -> None:
    assert printed({"שלום": 1, "name": "שלום"}) == '"name": "שלום",\n"\\u05e9\\u05dc\\u05d5\\u05dd": 1'


@settings(max_examples=30, deadline=None)
@given(values, st.integers(110, 200))
def test_the_most_telling_ones_fit(parameters: Any, most: int) -> None:
    assert len(telling(parameters, most)) <= most


def test_hidden_values_are_found_at_any_depth() -> None:
    assert holds_hidden({"a": [{"b": HIDDEN}]}, ())
    assert holds_hidden({}, ("/a",))
    assert not holds_hidden({"a": [{"b": NOT_SHOWN}]}, ())
