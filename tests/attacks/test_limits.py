"""Limits that only a full table or a production setting shows."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.errors import Misconfigured
from app.execution.http import Call, _vetted
from app.execution.wire import Refused
from app.settings import load
from tests.api.conftest import Api, a_key
from tests.steps.words import sql


def test_a_grant_does_not_leave_in_clear_because_the_environment_says_so() -> None:
    """The files refuse plain http without private: true; INTERLOCK_TARGETS__X__URL is not held to that."""
    call = Call(
        request_id="r",
        attempt=1,
        url="http://orders.example/cancel",
        parameters={},
        timeout=timedelta(seconds=1),
        bearer="grant",
        hosts=frozenset({"orders.example"}),
        private=False,
        committed_at=0,
    )
    with pytest.raises(Refused):
        _vetted(call)


@pytest.mark.parametrize("url", ["http://id.example/keys", "file:///etc/passwd", "", "id.example/keys"])
def test_keys_of_issuers_come_over_tls_in_production(tmp_path: Path, url: str) -> None:
    """Who sits between us and the issuer would else choose the keys, and so be anybody."""
    issuers = json.dumps([{"iss": "https://id.example", "audience": "i", "jwks_url": url}])
    with pytest.raises(Misconfigured):
        load(
            {
                "INTERLOCK_DATABASE__URL": "postgresql://a@b/c",
                "INTERLOCK_KEYS__DIR": str(tmp_path),
                "INTERLOCK_API__BASE_URL": "https://interlock.example",
                "INTERLOCK_IDENTITY__ISSUERS": issuers,
            }
        )


async def test_a_bot_with_the_name_of_a_person_does_not_use_up_their_keys(api: Api) -> None:
    """Attempts and refusals are kept by bare id: nothing forbids a bot and a person of one name."""
    await sql(
        api.world,
        "insert into client_credential select 'dana-client', holder_kind, 'dana', secret_hash, made_by, created_at "
        "from client_credential where client_id = 'bot-client' on conflict do nothing",
    )
    shown = (await api.ask()).json()
    body, key = {"decision": "approve", "reason": None, "digest": shown["digest"]}, a_key()
    await api.post(shown, "decisions", body, api.client("dana") | key)
    assert (await api.post(shown, "decisions", body, api.person("dana") | key)).status_code == 200
