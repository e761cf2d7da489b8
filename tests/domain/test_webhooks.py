"""Signatures as Standard Webhooks says, and secrets that are none."""

from __future__ import annotations

import json

import pytest

from app.domain.webhooks import event, key_of, message_id, signature, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_vector_of_the_specification() -> None:
    """As the reference implementations have it (message, time and body from their tests)."""
    made = signature(key_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_keys_are_two_signatures() -> None:
    what = event(id_="a/1", source="a", type_="t", subject="s", time="now", data=b'{"x":1}')
    headers = signed(what, [key_of(SECRET), bytes(32)], 5)
    assert headers["webhook-signature"].split(" ") == [
        signature(key, message_id("a/1"), 5, what.body) for key in (key_of(SECRET), bytes(32))
    ]
    assert json.loads(what.body)["data"] == {"x": 1}


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_%%%"])
def test_what_is_no_secret_is_not_quoted(secret: str) -> None:
    with pytest.raises(ValueError, match="random bytes") as error:
        key_of(secret)
    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in str(error.value)
