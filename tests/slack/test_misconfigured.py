"""What is wrong with the Slack app is said at the start, by API and worker alike, and neither runs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from app.keys import create_missing
from tests.slack.office import SECRET, fake_slack


@pytest.mark.parametrize("module", ["app.main", "app.worker"])
@pytest.mark.parametrize("wrong", ["token", "scope"])
async def test_it_is_said_at_the_start(module: str, wrong: str, database_url: str, tmp_path: Path) -> None:
    create_missing(tmp_path)
    async with fake_slack() as fake:
        if wrong == "scope":
            fake.api.scopes.discard("im:write")
        given = {
            "INTERLOCK_ENVIRONMENT": "development",
            "INTERLOCK_DATABASE__URL": database_url,
            "INTERLOCK_KEYS__DIR": str(tmp_path),
            "INTERLOCK_API__BASE_URL": "http://127.0.0.1:9",
            "SLACK_API_URL": fake.api_url,
            "SLACK_BOT_TOKEN": "xoxb-wrong" if wrong == "token" else fake.token,
            "SLACK_SIGNING_SECRET": SECRET,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, env={**os.environ, **given}, stderr=asyncio.subprocess.PIPE
        )
        _, stderr = await asyncio.wait_for(process.communicate(), 60)
    said = stderr.decode().splitlines()[-1]
    assert process.returncode == 1
    assert {"token": "SLACK_BOT_TOKEN is not valid", "scope": "lacks the scopes im:write"}[wrong] in said
    assert said.startswith(f"interlock {'api' if module == 'app.main' else 'worker'}: ")
    assert "xoxb-" not in stderr.decode()
