"""What buttons and modals carry comes back as it went, or is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain.errors import Malformed
from app.slack.values import Click, Origin, decode, encode, metadata, metadata_of
from tests.slack.facts import DIGEST, REQUEST

CLICK = Click(REQUEST, DIGEST, "hmac-sha256:" + "f" * 64)


@pytest.mark.parametrize("card", [None, CLICK.card])
def test_a_value_comes_back(card: str | None) -> None:
    click = Click(REQUEST, DIGEST, card)
    assert decode(encode(click)) == click
    assert json.loads(encode(click)) == {"request_id": REQUEST, "digest": DIGEST, "card": card}


@pytest.mark.parametrize("origin", [Origin(None, None), Origin("C0APPROVE", "1764000000.000100")])
def test_metadata_comes_back(origin: Origin) -> None:
    view = {"private_metadata": metadata(CLICK, origin, page=4)}
    assert metadata_of(view, "page") == (CLICK, origin, {"page": 4})


FOREIGN: list[Any] = [
    None,
    7,
    "",
    "{",
    "[]",
    "{}",
    "[" * 1_900,
    "x" * 2_001,
    json.dumps({"request_id": REQUEST, "digest": DIGEST}),
    json.dumps({"request_id": REQUEST, "digest": DIGEST, "card": 5}),
    json.dumps({"request_id": REQUEST, "digest": None, "card": None}),
    json.dumps({"request_id": "../" + REQUEST, "digest": DIGEST, "card": None}),
    json.dumps({"request_id": REQUEST.upper(), "digest": DIGEST, "card": None}),
    json.dumps({"request_id": REQUEST, "digest": DIGEST, "card": None, "more": 1}),
]


@pytest.mark.parametrize("value", FOREIGN)
def test_what_we_did_not_write_is_malformed(value: Any) -> None:
    with pytest.raises(Malformed):
        decode(value)
    with pytest.raises(Malformed):
        metadata_of({"private_metadata": value})


def test_what_does_not_fit_is_never_sent() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        encode(Click(REQUEST, DIGEST, "x" * 2_000))
