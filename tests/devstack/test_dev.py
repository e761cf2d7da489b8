"""`interlock dev`: comes up, keeps its parts alive, stops cleanly, recovers after a kill."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.devstack import StackError, environment_of
from app.devstack.ports import LOOPBACK, free_port
from app.keys import KeyRings, note_verifier_key
from app.settings import load
from tests.devstack.waiting import SOON, document, eventually, gone

PARTS = ("api", "worker", "temporal", "postgres")
OUTSIDE = {name: value for name, value in os.environ.items() if "SLACK_" not in name}
REAL = {"SLACK_BOT_TOKEN": "xoxb-real", "SLACK_SIGNING_SECRET": "real-secret"}


def start(
    place: Path, *, port: int = 0, mode: str = "works", slack: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    argv = [
        sys.executable,
        "-m",
        "tests.devstack.small_stack",
        str(place / "data"),
        str(place / "ready"),
        str(port),
        mode,
    ]
    return subprocess.Popen(argv, env={**OUTSIDE, **(slack or {})}, stderr=subprocess.PIPE, text=True)


def ready(place: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    eventually(lambda: (place / "ready").exists() or process.poll() is not None)
    assert process.poll() is None, process.communicate()[1]
    return document(place / "ready")


@contextmanager
def running(
    place: Path, *, mode: str = "works", slack: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A stack that is ready, and its ready file; killed if the test has not ended it. ``slack``: variables outside."""
    (place / "ready").unlink(missing_ok=True)  # a killed stack cannot remove it
    process = start(place, mode=mode, slack=slack)
    try:
        yield process, ready(place, process)
    finally:
        process.kill()
        process.communicate()


def refused(place: Path, *, port: int = 0, mode: str = "works", slack: dict[str, str] | None = None) -> str:
    """The last words of a stack that must not come up."""
    process = start(place, port=port, mode=mode, slack=slack)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    return words


def test_it_comes_up_tells_where_everything_is_and_stops_cleanly(place: Path) -> None:
    with running(place) as (process, told):
        assert set(told) == {"api_url", "temporal_address", "database_url", "pids", "slack", "ledger_vkey"}
        assert set(told["pids"]) == set(PARTS)
        assert told["slack"]["events_url"] == told["api_url"] + "/slack/events"
        ring = KeyRings.load(place / "data" / "keys").ledger
        assert told["ledger_vkey"] == note_verifier_key("interlock", ring.current_key)
        assert document(place / "data" / "stack.json") == told
        assert (place / "ready").stat().st_mode & 0o777 == 0o600
        environ = httpx.get(told["api_url"]).json()
        assert environ["SLACK_BOT_TOKEN"] == "xoxb-dev"
        assert environ["SLACK_SIGNING_SECRET"] == told["slack"]["signing_secret"]
        assert environ["SLACK_API_URL"] == "http://slack.test/api/"
        assert load(environ).slack.enabled
        assert {
            name: value for name, value in environment_of(place / "data").items() if value
        }.items() <= environ.items()
        process.send_signal(signal.SIGTERM)
        words = process.communicate(timeout=60)[1]
        assert process.returncode == 0
        stopped = [words.index(f"{part} has stopped") for part in PARTS]
        assert stopped == sorted(stopped)
        assert all(gone(pid) for pid in told["pids"].values())
        assert not (place / "ready").exists()
        with pytest.raises(StackError, match="no stack runs in"):
            environment_of(place / "data")


def test_without_an_address_or_a_token_of_slack_it_is_off_and_its_secret_stays_ready(place: Path) -> None:
    with running(place, mode="quiet", slack={"SLACK_SIGNING_SECRET": "half"}) as (_, told):
        environ = httpx.get(told["api_url"]).json()
        assert not [name for name in environ if name.startswith("SLACK_")]
        assert not load(environ).slack.enabled
        assert told["slack"]["signing_secret"] == (place / "data" / "slack-signing-secret").read_text()
        assert told["slack"]["events_url"] == told["api_url"] + "/slack/events"
        assert load({**REAL, "SLACK_SIGNING_SECRET": "", **environment_of(place / "data")}).environment == "development"


def test_a_real_token_and_secret_reach_its_processes(place: Path) -> None:
    with running(place, mode="quiet", slack=REAL) as (_, told):
        environ = httpx.get(told["api_url"]).json()
        slack = load(environ).slack
        assert slack.enabled
        assert slack.api_url is None
        assert REAL.items() <= environ.items()
        assert told["slack"]["signing_secret"] == "real-secret"


def test_what_is_set_outside_counts_but_for_the_address(place: Path) -> None:
    outside = {**REAL, "SLACK_API_URL": "http://x.test", "INTERLOCK_SLACK__API_URL": "http://y.test"}
    with running(place, slack=outside) as (_, told):
        slack = load(httpx.get(told["api_url"]).json()).slack
        assert slack.bot_token is not None
        assert slack.bot_token.get_secret_value() == "xoxb-real"
        assert slack.api_url == "http://slack.test/api"
        assert told["slack"]["signing_secret"] == "real-secret"


def test_a_token_without_a_secret_is_refused_before_anything_starts(place: Path) -> None:
    words = refused(place, mode="quiet", slack={"SLACK_BOT_TOKEN": "xoxb-real"})
    assert "SLACK_BOT_TOKEN is set, but SLACK_SIGNING_SECRET is not: copy it" in words
    assert "xoxb-real" not in words
    assert not (place / "data" / "postgres").exists()


async def test_commands_find_its_settings_and_its_database(place: Path) -> None:
    with running(place):
        settings = load(environment_of(place / "data"))
        assert settings.environment == "development"
        assert settings.identity.dev_issuer
        engine = create_async_engine(settings.database.url.get_secret_value(), poolclass=NullPool)
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM alembic_version"))).scalar() == 1


def replaced(file: Path, part: str) -> bool:
    """Kills ``part`` and waits until ``file`` names another process in its place."""
    old = document(file)["pids"][part]
    os.kill(old, signal.SIGKILL)
    return eventually(lambda: bool(document(file)["pids"][part] != old), within=SOON)


def test_dead_parts_are_soon_started_again(place: Path) -> None:
    with running(place) as (process, told):
        for part in PARTS:
            assert replaced(place / "ready", part)
            now = document(place / "ready")
            assert now == told | {"pids": now["pids"]}
            assert httpx.get(told["api_url"]).status_code == 200
        eventually(lambda: document(place / "data" / "stack.json") == document(place / "ready"))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_after_a_kill_the_next_start_comes_up_on_the_same_ports_and_secrets(place: Path) -> None:
    with running(place) as (process, first):
        process.kill()
        process.wait()
    with running(place) as (_, second):
        assert all(gone(pid) for pid in first["pids"].values())
        assert second == first | {"pids": second["pids"]}


def test_the_second_on_the_same_data_is_told_so(place: Path) -> None:
    with running(place) as (process, _):
        assert f"data is in use by process {process.pid}: stop that one first" in refused(place)
        assert (place / "ready").exists()


def test_a_taken_port_is_named(place: Path) -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, port)):
        assert f"port {port} is taken" in refused(place, port=port)


@pytest.mark.parametrize(
    ("mode", "words"),
    [("fails", "rules is no governance folder for development"), ("broken", "No module named")],
)
def test_a_stack_that_cannot_come_up_says_why_and_leaves_nothing_running(place: Path, mode: str, words: str) -> None:
    assert words in refused(place, mode=mode)
    assert not (place / "ready").exists()
    with running(place):
        assert document(place / "data" / "stack.json")


def test_stopped_while_starting_it_stops(place: Path) -> None:
    process = start(place)
    eventually((place / "data" / "postgres" / "lock").exists)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert not list((place / "data").rglob("*.process"))
