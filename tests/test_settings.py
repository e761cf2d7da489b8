"""Settings: what is missing, unknown or wrong is named by its variable."""

from __future__ import annotations

import pydantic
import pytest

from app.domain.errors import Misconfigured
from app.settings import Settings, load

NEEDED = {
    "INTERLOCK_DATABASE__URL": "postgresql://interlock:s3cret@db/interlock",
    "INTERLOCK_KEYS__DIR": "/etc/interlock/keys",
    "INTERLOCK_API__BASE_URL": "https://interlock.shop.example/",
}
DEVELOPMENT = {"INTERLOCK_ENVIRONMENT": "development", "INTERLOCK_IDENTITY__DEV_ISSUER": "true"}


def test_production_is_the_default() -> None:
    settings = load(NEEDED)
    assert settings.environment == "production"
    assert not settings.identity.dev_issuer
    assert not settings.api.docs
    assert settings.api.base_url == "https://interlock.shop.example"


def test_a_plain_database_url_gets_the_driver_and_stays_out_of_sight() -> None:
    settings = load(NEEDED)
    assert settings.database.url.get_secret_value() == "postgresql+asyncpg://interlock:s3cret@db/interlock"
    assert "s3cret" not in repr(settings)


def test_only_load_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    assert load().keys.dir.name == "keys"
    with pytest.raises(pydantic.ValidationError):
        Settings.model_validate({})


def test_settings_are_frozen() -> None:
    settings = load(NEEDED)
    with pytest.raises(pydantic.ValidationError):
        settings.api.port = 1  # type: ignore[misc]  # refused at run time, too: that is the test


@pytest.mark.parametrize("missing", NEEDED)
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(Misconfigured, match=f"^{missing} is not set$"):
        load({name: value for name, value in NEEDED.items() if name != missing})


@pytest.mark.parametrize(
    "name",
    [
        "INTERLOCK_",
        "INTERLOCK_API__PROT",
        "INTERLOCK_API__PORT__X",
        "INTERLOCK_DATABASE_URL",
        "INTERLOCK_ENVIRONMENT__X",
        "INTERLOCK_TARGETS__ORDER_DESK__URI",
        "INTERLOCK_WHATEVER",
    ],
)
def test_what_is_unknown_is_refused_by_name(name: str) -> None:
    with pytest.raises(Misconfigured, match=f"unknown setting {name}: "):
        load(NEEDED | {name: "1"})


def test_unknown_keys_inside_json_are_refused_too() -> None:
    with pytest.raises(Misconfigured, match="INTERLOCK_API__PROT"):
        load(NEEDED | {"INTERLOCK_API": '{"prot": 80}'})


@pytest.mark.parametrize("name", ["INTERLOCK_DATA", "INTERLOCK_SHARED", "INTERLOCK_CACHE"])
def test_variables_of_commands_and_tests_are_let_pass(name: str) -> None:
    load(NEEDED | {name: "somewhere"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INTERLOCK_API__PORT", "70000"),
        ("INTERLOCK_API__BASE_URL", "ftp://s3cret"),
        ("INTERLOCK_DATABASE__URL", "mysql://u:s3cret@db/x"),
        ("INTERLOCK_ENVIRONMENT", "s3cret"),
        ("INTERLOCK_IDENTITY__ISSUERS", "[{s3cret"),
        ("INTERLOCK_TARGETS__ORDER_DESK", "http://s3cret"),
        ("INTERLOCK_TEMPORAL__TLS", "s3cret"),
        ("INTERLOCK_WORKER__SWEEP_EVERY", "0"),
    ],
)
def test_what_is_wrong_is_named_and_its_value_is_not_shown(name: str, value: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(NEEDED | {name: value})
    assert str(caught.value).startswith(name)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("asked", ["order-desk", "Order_Desk"])
def test_targets_are_matched_whatever_their_spelling(asked: str) -> None:
    settings = load(NEEDED | {"INTERLOCK_TARGETS__ORDER_DESK__URL": "http://127.0.0.1:9000"})
    assert settings.target_url(asked) == "http://127.0.0.1:9000"
    assert settings.target_url("payments") is None


def test_the_development_issuer_needs_development() -> None:
    with pytest.raises(Misconfigured, match="INTERLOCK_ENVIRONMENT=development"):
        load(NEEDED | DEVELOPMENT | {"INTERLOCK_ENVIRONMENT": "production"})


@pytest.mark.parametrize("host", ["0.0.0.0", "interlock.shop.example"])  # noqa: S104  # refused: that is the test
def test_the_development_issuer_needs_loopback(host: str) -> None:
    with pytest.raises(Misconfigured, match="loopback INTERLOCK_API__HOST"):
        load(NEEDED | DEVELOPMENT | {"INTERLOCK_API__HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_development_issuer_runs_on_loopback(host: str) -> None:
    assert load(NEEDED | DEVELOPMENT | {"INTERLOCK_API__HOST": host}).identity.dev_issuer
