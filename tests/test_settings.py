"""Settings: what is missing, unknown or wrong is named by its variable."""

from __future__ import annotations

import json

import pydantic
import pytest

from app.domain.errors import Misconfigured
from app.settings import Settings, load

NEEDED = {
    "INTERLOCK_DATABASE__URL": "postgresql://interlock:s3cret@db/interlock",
    "INTERLOCK_KEYS__DIR": "/etc/interlock/keys",
    "INTERLOCK_API__BASE_URL": "https://interlock.shop.example/",
}
SLACK = {"SLACK_BOT_TOKEN": "xoxb-s3cret", "SLACK_SIGNING_SECRET": "signing-s3cret"}
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
        "INTERLOCK_SLACK__CHANNEL",
        "INTERLOCK_SLACK_BOT_TOKEN",
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
        ("INTERLOCK_SLACK", "[1]"),
        ("INTERLOCK_SLACK__BOT_TOKEN", "s3cret"),
        ("INTERLOCK_SLACK__BOT_TOKEN", "xoxb- s3cret"),
        ("INTERLOCK_SLACK__SIGNING_SECRET", "s3cret\N{EN DASH}"),
        ("INTERLOCK_SLACK__APP_TOKEN", "xoxb-s3cret"),
        ("INTERLOCK_SLACK__API_URL", "s3cret"),
        ("INTERLOCK_SLACK__RATE", "0"),
        ("INTERLOCK_SLACK__RATE", "inf"),
        ("INTERLOCK_SLACK__CALL_TIMEOUT", "61"),
        ("INTERLOCK_SLACK__DIGEST_ABOVE", "0"),
        ("INTERLOCK_SLACK__EMAIL_DOMAINS", "shop.example"),
        ("SLACK_BOT_TOKEN", "xoxp-s3cret"),
        ("SLACK_APP_TOKEN", "s3cret"),
        ("SLACK_SIGNING_SECRET", "two s3cret"),
        ("SLACK_API_URL", "s3cret"),
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


def test_slack_is_off_by_itself_and_at_slacks_own_rates() -> None:
    slack = load(NEEDED).slack
    assert not slack.enabled
    assert (slack.rate, slack.digest_above, slack.call_timeout, slack.api_url) == (1.0, 10, 10.0, None)
    assert slack.email_domains == ()


def test_slack_is_on_by_the_names_that_everybody_uses() -> None:
    settings = load(NEEDED | SLACK | {"SLACK_API_URL": "https://proxy.example/api/", "SLACK_CHANNEL": "not ours"})
    assert settings.slack.enabled
    assert settings.slack.api_url == "https://proxy.example/api"
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "ours", [{"INTERLOCK_SLACK__BOT_TOKEN": "xoxb-2"}, {"INTERLOCK_SLACK": '{"bot_token": "xoxb-2"}'}]
)
def test_our_own_name_counts_where_both_are_set(ours: dict[str, str]) -> None:
    slack = load(NEEDED | SLACK | ours).slack
    assert slack.bot_token is not None
    assert slack.bot_token.get_secret_value() == "xoxb-2"
    assert slack.enabled


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "INTERLOCK_SLACK__BOT_TOKEN"])
def test_a_line_end_after_a_token_is_dropped(name: str) -> None:
    slack = load(NEEDED | SLACK | {name: " xoxb-1\n"}).slack
    assert slack.bot_token is not None
    assert slack.bot_token.get_secret_value() == "xoxb-1"


@pytest.mark.parametrize("empty", ["", " \n"])
def test_empty_is_not_set(empty: str) -> None:
    assert not load(NEEDED | dict.fromkeys([*SLACK, "SLACK_APP_TOKEN", "SLACK_API_URL"], empty)).slack.enabled
    assert load(NEEDED | SLACK | {"INTERLOCK_SLACK__BOT_TOKEN": ""}).slack.enabled


def test_socket_mode_needs_no_signing_secret() -> None:
    slack = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "INTERLOCK_SLACK__SOCKET_MODE": "true"}
    assert load(NEEDED | slack).slack.enabled


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-s3cret"}, "^SLACK_BOT_TOKEN is set, but SLACK_SIGNING_SECRET is not: copy it"),
        (
            {"SLACK_BOT_TOKEN": "xoxb-s3cret", "SLACK_APP_TOKEN": "xapp-s3cret"},
            "set INTERLOCK_SLACK__SOCKET_MODE=true and SLACK_APP_TOKEN",
        ),
        ({"SLACK_SIGNING_SECRET": "s3cret"}, "^SLACK_SIGNING_SECRET is set, but SLACK_BOT_TOKEN is not: copy it"),
        ({"SLACK_APP_TOKEN": "xapp-s3cret"}, "^SLACK_APP_TOKEN is set, but SLACK_BOT_TOKEN is not: copy it"),
        (SLACK | {"INTERLOCK_SLACK__SOCKET_MODE": "true"}, "^INTERLOCK_SLACK__SOCKET_MODE needs SLACK_APP_TOKEN: make"),
        (SLACK | {"SLACK_API_URL": "http://s3cret.example"}, "^SLACK_API_URL must be https, but for"),
    ],
)
def test_half_of_slack_is_refused_with_what_to_do(given: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as caught:
        load(NEEDED | given)
    assert "s3cret" not in str(caught.value)


def test_in_development_slack_may_be_a_plain_server() -> None:
    given = {"SLACK_API_URL": "http://127.0.0.1:9000/api/", "INTERLOCK_ENVIRONMENT": "development"}
    assert load(NEEDED | SLACK | given).slack.api_url == "http://127.0.0.1:9000/api"


def test_domains_are_compared_in_lower_case() -> None:
    assert load(NEEDED | {"INTERLOCK_SLACK__EMAIL_DOMAINS": '["Shop.Example"]'}).slack.email_domains == (
        "shop.example",
    )


@pytest.mark.parametrize(
    "domain", ["", "shop", "@shop.example", "dana@shop.example", "*.example", "shop.example.", "https://shop.example"]
)
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(Misconfigured, match=r"^INTERLOCK_SLACK__EMAIL_DOMAINS__0: must be domains alone"):
        load(NEEDED | {"INTERLOCK_SLACK__EMAIL_DOMAINS": json.dumps([domain])})


def test_no_anchor_is_the_default_and_each_is_named() -> None:
    assert load(NEEDED).ledger.anchors == ()
    given = [{"name": "disk", "kind": "file", "dir": "/anchor"}, {"name": "repo", "kind": "git", "dir": "/repo"}]
    ledger = load({**NEEDED, "INTERLOCK_LEDGER__ANCHORS": json.dumps(given)}).ledger
    assert [(one.name, one.kind) for one in ledger.anchors] == [("disk", "file"), ("repo", "git")]
    assert ledger.anchor_every == 60


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "x", "kind": "tape", "dir": "/x"}, "ANCHORS__0.*'tape'.*'file', 'git'"),
        ({"name": "x", "kind": "file"}, "ANCHORS__0__FILE__DIR is not set"),
        ({"name": "x", "kind": "file", "dir": "/x", "remote": "y"}, "unknown setting .*ANCHORS__0__FILE__REMOTE"),
        ({"name": "X y", "kind": "file", "dir": "/x"}, "ANCHORS__0__FILE__NAME"),
        ({"name": "x", "kind": "git", "dir": "/x", "remote": "--upload-pack=y"}, "ANCHORS__0__GIT__REMOTE"),
        ({"name": "disk", "kind": "git", "dir": "/x"}, "two anchors are called disk"),
    ],
)
def test_an_anchor_that_is_none_is_refused(given: dict[str, str], words: str) -> None:
    anchors = [given, {"name": "disk", "kind": "file", "dir": "/anchor"}]
    with pytest.raises(Misconfigured, match=words):
        load({**NEEDED, "INTERLOCK_LEDGER__ANCHORS": json.dumps(anchors)})
