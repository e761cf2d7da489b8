"""The manifest of the Slack app asks for what Interlock uses, and for nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.slack.commands import HELP
from app.slack.starting import EMAIL_SCOPE, MANIFEST, SCOPES

ROOT = Path(__file__).parents[2]
HANDLED = ["app_home_opened"]
"""The events that the app answers; Slack sends an event that is answered 404 three times more."""


@pytest.fixture(name="manifest")
def _manifest() -> Any:
    return YAML(typ="safe").load(ROOT / MANIFEST)


def test_it_asks_for_the_scopes_that_are_checked_at_the_start(manifest: Any) -> None:
    scopes = manifest["oauth_config"]["scopes"]
    assert set(scopes) == {"bot"}
    assert sorted(scopes["bot"]) == sorted(SCOPES)
    assert f"# - {EMAIL_SCOPE} " in (ROOT / MANIFEST).read_text()


def test_it_subscribes_to_the_events_that_are_handled(manifest: Any) -> None:
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == HANDLED


def test_all_that_slack_sends_goes_to_one_address(manifest: Any) -> None:
    features, settings = manifest["features"], manifest["settings"]
    urls = [command["url"] for command in features["slash_commands"]]
    urls += [settings[part]["request_url"] for part in ("event_subscriptions", "interactivity")]
    assert urls == ["https://interlock.example.com/slack/events"] * 3


def test_it_has_one_command_buttons_and_a_home_and_takes_direct_messages(manifest: Any) -> None:
    features, settings = manifest["features"], manifest["settings"]
    assert [command["command"] for command in features["slash_commands"]] == ["/interlock"]
    assert settings["interactivity"]["is_enabled"] is True
    assert features["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert not settings["socket_mode_enabled"]
    assert not settings["token_rotation_enabled"]


def test_slack_takes_its_texts(manifest: Any) -> None:
    shown = manifest["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert len(manifest["features"]["bot_user"]["display_name"]) <= 80
    for command in manifest["features"]["slash_commands"]:
        assert len(command["command"]) <= 32
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000


def test_its_hint_names_what_help_names(manifest: Any) -> None:
    [command] = manifest["features"]["slash_commands"]
    hinted = {part.split()[0] for part in command["usage_hint"].split(" | ")}
    assert hinted == {row.split()[1].rstrip(":") for row in HELP.splitlines()}
