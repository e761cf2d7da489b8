"""``interlock dev`` with everything real: comes up, keeps its parts alive, stops, and finds what was held."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.command import EXAMPLE, PROJECT, done, fails, interlock
from tests.devstack.waiting import SOON, document, eventually, gone

ASK = {
    "action": "orders.cancel",
    "parameters": {"order_id": "#W1000003", "reason": "no longer needed"},
    "on_behalf_of": "customer:amara_okonjo_37",
}
OUTSIDE = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("INTERLOCK_", "SLACK_")) or name == "INTERLOCK_CACHE"
}


@pytest.fixture(name="place", scope="module")
def _place() -> Iterator[Path]:
    """A data directory: not pytest's, which is closed to the account that PostgreSQL runs as when we are root."""
    with tempfile.TemporaryDirectory(prefix="interlock-test-") as directory:
        yield Path(directory)


@dataclass(frozen=True, slots=True)
class Dev:
    """A running ``interlock dev``."""

    process: subprocess.Popen[str]
    data: Path
    told: dict[str, Any]

    @property
    def ready(self) -> dict[str, Any]:
        """The ready file as it is now."""
        return document(self.data / "ready.json")

    def stop(self, number: signal.Signals) -> int:
        """End it by a signal; its exit code."""
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def token(self, *words: str) -> dict[str, str]:
        """The header of a person's token."""
        return {"Authorization": f"Bearer {done(OUTSIDE, 'token', *words, '--data', str(self.data)).strip()}"}

    def bot(self) -> dict[str, str]:
        """The header of a bot's token, for a credential of its own."""
        made = json.loads(done(OUTSIDE, "bots", "credentials", "support-bot", "--data", str(self.data)))
        answer = httpx.post(f"{self.told['api_url']}/oauth/token", data={"grant_type": "client_credentials", **made})
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@contextmanager
def dev(place: Path) -> Iterator[Dev]:
    """The stack over ``place``; killed if the test has not ended it."""
    data, ready = place / "data", place / "data" / "ready.json"
    options = ["--data", str(data), "--governance", str(EXAMPLE), "--port", "0", "--ready-file", str(ready)]
    argv = [sys.executable, "-m", "app.cli", "dev", *options]
    process = subprocess.Popen(argv, cwd=PROJECT, env=OUTSIDE, stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: ready.exists() or process.poll() is not None, within=600)  # Temporal may have to be built
        assert process.poll() is None, process.communicate()[1]
        yield Dev(process, data, document(ready))
    finally:
        process.kill()
        process.communicate()


def test_a_hold_outlives_a_restart(place: Path) -> None:
    with dev(place) as first:
        assert set(first.told) == {"api_url", "temporal_address", "database_url", "pids", "slack", "ledger_vkey"}
        assert set(first.told["pids"]) == {"api", "worker", "temporal", "postgres"}
        asked = httpx.post(
            f"{first.told['api_url']}/v1/requests", json=ASK, headers={**first.bot(), "Idempotency-Key": "once"}
        ).json()
        assert asked["status"] == "held"
        assert first.stop(signal.SIGTERM) == 0
        assert not (first.data / "ready.json").exists()
        assert all(gone(pid) for pid in first.told["pids"].values())
        assert "no stack runs in" in fails(OUTSIDE, 2, "ledger", "verify", "--data", str(first.data))
    with dev(place) as second:
        assert second.told == first.told | {"pids": second.told["pids"]}
        url, dana = second.told["api_url"], second.token("dana")
        page = httpx.get(f"{url}/v1/requests", params={"decidable_by": "me"}, headers=dana).json()
        assert [item["id"] for item in page["items"]] == [asked["id"]]
        said = {"decision": "deny", "reason": "Already packed", "digest": asked["digest"]}
        shown = httpx.post(f"{url}/v1/requests/{asked['id']}/decisions", json=said, headers=dana, timeout=30).json()
        assert shown["status"] == "denied"
        assert "verified: " in done(OUTSIDE, "ledger", "verify", "--data", str(second.data))
        assert "ok     temporal" in done(OUTSIDE, "doctor", "--data", str(second.data))
        assert second.stop(signal.SIGINT) == 0


def test_a_killed_worker_is_soon_back(place: Path) -> None:
    with dev(place) as running:
        old = running.told["pids"]["worker"]
        os.kill(old, signal.SIGKILL)
        eventually(lambda: running.ready["pids"]["worker"] != old, within=SOON)
        new = running.ready["pids"]["worker"]
        assert not gone(new)
        assert running.ready == running.told | {"pids": running.told["pids"] | {"worker": new}}
        assert running.stop(signal.SIGTERM) == 0


@pytest.mark.aisvs("9.6.3")
def test_a_bot_is_stopped_with_temporal_frozen_and_no_keys(place: Path) -> None:
    with dev(place) as running:
        bot, keys = running.bot(), running.data / "keys"
        frozen = running.told["pids"]["temporal"]
        os.kill(frozen, signal.SIGSTOP)
        keys.rename(keys.with_name("gone"))
        said = json.loads(done(OUTSIDE, "bots", "suspend", "support-bot", "--data", str(running.data)))
        keys.with_name("gone").rename(keys)
        assert said["suspended_at"]
        assert said["in_flight"] == []
        url = running.told["api_url"]
        os.kill(frozen, signal.SIGCONT)
        ended = interlock(
            OUTSIDE, "bots", "resume", "support-bot", "--reason", "The prompt is mended", "--data", str(running.data)
        )
        assert (ended.returncode, ended.stderr) == (4, ""), ended
        shown = httpx.get(f"{url}/v1/requests/{ended.stdout.strip()}", headers=running.token("sam")).json()
        assert (shown["kind"], shown["status"], shown["bot"]) == ("governance", "held", "support-bot")
        release = {"decision": "approve", "digest": shown["digest"]}
        where = f"{url}/v1/requests/{shown['id']}"
        released = httpx.post(f"{where}/decisions", json=release, headers=running.token("sam"), timeout=30)
        assert released.status_code == 200, released.text
        eventually(lambda: httpx.get(where, headers=running.token("sam")).json()["status"] == "succeeded", within=30)
        asked = httpx.post(f"{url}/v1/requests", json=ASK, headers={**bot, "Idempotency-Key": "after"}, timeout=30)
        assert asked.json()["status"] == "held"
        assert running.stop(signal.SIGTERM) == 0


def test_rules_that_do_not_hold_are_named(place: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("people: []\nnonsense: 1\n")
    argv = [sys.executable, "-m", "app.cli", "dev", "--data", str(place / "data"), "--governance", str(tmp_path)]
    ended = subprocess.run(argv, cwd=PROJECT, env=OUTSIDE, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "interlock: rules.yaml: nonsense" in ended.stderr
    assert "Traceback" not in ended.stderr
