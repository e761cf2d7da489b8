"""The settings of exports and webhooks: over TLS, with secrets that are ones, never shown."""

from __future__ import annotations

import base64

import pytest

from app.domain.errors import Misconfigured
from app.settings import load

SECRET = "whsec_" + base64.b64encode(bytes(range(40))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(24))).decode()
GOOD = {
    "INTERLOCK_DATABASE__URL": "postgresql://db/interlock",
    "INTERLOCK_KEYS__DIR": "/keys",
    "INTERLOCK_API__BASE_URL": "https://interlock.example",
}
SIEM = {"INTERLOCK_EXPORTS__SIEM__URL": "https://siem.example/in", "INTERLOCK_EXPORTS__SIEM__SECRET": f"{SECRET}\n"}


def test_an_endpoint_and_a_bot() -> None:
    made = load(
        GOOD
        | SIEM
        | {
            "INTERLOCK_EXPORTS__SIEM__FORMER_SECRET": OTHER,
            "INTERLOCK_EXPORTS__SIEM__START": "12",
            "INTERLOCK_BOTS__SUPPORT_BOT__WEBHOOK_SECRET": OTHER,
        }
    )
    siem = made.exports["siem"]
    assert (siem.url, siem.keys, siem.private, siem.start) == (
        "https://siem.example/in",
        (bytes(range(40)), bytes(range(24))),
        False,
        12,
    )
    assert made.webhook_keys("support-bot") == made.webhook_keys("support.bot") == (bytes(range(24)),)
    assert made.webhook_keys("another") == ()
    assert SECRET not in repr(made)
    assert OTHER not in repr(made)


WRONG = {
    "plain http": ({"INTERLOCK_EXPORTS__SIEM__URL": "http://siem.example/in"}, "EXPORTS__SIEM__URL must be https"),
    "a user in it": ({"INTERLOCK_EXPORTS__SIEM__URL": "https://a:b@siem.example/"}, "without a user"),
    "no secret": ({"INTERLOCK_EXPORTS__SIEM__SECRET": "hunter2hunter2"}, "random bytes"),
    "a short one": ({"INTERLOCK_EXPORTS__SIEM__SECRET": "whsec_aHVudGVyMg=="}, "random bytes"),
    "a bot's": ({"INTERLOCK_BOTS__BOT__WEBHOOK_SECRET": "whsec_aHVudGVyMg=="}, "random bytes"),
    "a former one alone": ({"INTERLOCK_BOTS__BOT__FORMER_WEBHOOK_SECRET": SECRET}, "not former"),
    "a misspelt one": ({"INTERLOCK_BOTS__BOT__SECRET": SECRET}, "unknown setting"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_and_not_shown(case: str) -> None:
    changed, says = WRONG[case]
    with pytest.raises(Misconfigured) as error:
        load(GOOD | SIEM | changed)
    assert says in str(error.value)
    for secret in (SECRET, "hunter2", "aHVudGVyMg", "a:b"):
        assert secret not in str(error.value)


def test_plain_http_in_development() -> None:
    url = {"INTERLOCK_ENVIRONMENT": "development", "INTERLOCK_EXPORTS__SIEM__URL": "http://127.0.0.1:9/in"}
    assert load(GOOD | SIEM | url).exports["siem"].url == "http://127.0.0.1:9/in"
