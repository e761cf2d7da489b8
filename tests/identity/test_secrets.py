"""Client secrets."""

from __future__ import annotations

import pytest

from app.identity.secrets import hash_secret, new_client, verify_secret


def test_new_clients_differ_and_verify() -> None:
    (id_a, secret_a), (id_b, secret_b) = new_client("support-bot"), new_client("support-bot")
    assert id_a.startswith("support-bot.")
    assert (id_a, secret_a) != (id_b, secret_b)
    assert len(secret_a) >= 43
    assert verify_secret(secret_a, hash_secret(secret_a))
    assert not verify_secret(secret_b, hash_secret(secret_a))


@pytest.mark.parametrize("wrong", ["", " ", "\ud800", "größer", "\0"])
def test_odd_secrets_are_only_wrong(wrong: str) -> None:
    assert not verify_secret(wrong, hash_secret("right"))


def test_the_secret_is_not_in_its_hash() -> None:
    assert "right" not in hash_secret("right")
    assert hash_secret("right").startswith("sha256:")


@pytest.mark.parametrize("prefix", ["", "a:b", "A", "a b", "ä", "a" * 90])
def test_prefixes_that_basic_authentication_would_break(prefix: str) -> None:
    with pytest.raises(ValueError, match="client id"):
        new_client(prefix)
