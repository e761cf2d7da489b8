"""A bot's webhook in the files: judged as a target's address is, part of the version, told in differences."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.errors import GovernanceInvalid
from app.governance.diff import State, diff
from app.governance.files import load
from app.governance.policy import compile_policy
from tests.world import RULES

BOT = "  - id: bot\n"


def rules(folder: Path, webhook: str | None) -> Path:
    """The rules of tests/rules, with a webhook of the bot."""
    folder.mkdir()
    for file in RULES.glob("*.yaml"):
        text = file.read_text()
        if webhook is not None:
            text = text.replace(BOT, f"{BOT}    webhook: {webhook}\n")
        (folder / file.name).write_text(text)
    return folder


GOOD = {
    '{url: "https://bots.example/events"}': ("https://bots.example/events", False),
    '{url: "http://127.0.0.1:9/events", private: true}': ("http://127.0.0.1:9/events", True),
}


@pytest.mark.parametrize("webhook", GOOD)
def test_where_a_bot_is_told(tmp_path: Path, webhook: str) -> None:
    found = compile_policy(load(rules(tmp_path / "r", webhook)).document, "v").bots["bot"].webhook
    assert found is not None
    assert (found.url, found.private) == GOOD[webhook]


BAD = {
    '{url: "http://bots.example/events"}': "private: true",
    '{url: "https://127.0.0.1/events"}': "private: true",
    '{url: "https://10.0.0.1/events"}': "private: true",
    '{url: "https://me:pass@bots.example/events"}': "without user",
    '{url: "https://bots.example/events?token=x"}': "without user, query",
    '{url: "ftp://bots.example/"}': "http(s)",
    '{url: "https://[::1/"}': "not a URL",
    '{url: "https://bots.example/", secret: whsec_x}': "secret",
    "{}": "url",
}


@pytest.mark.parametrize("webhook", BAD)
def test_where_no_bot_may_be_told(tmp_path: Path, webhook: str) -> None:
    with pytest.raises(GovernanceInvalid) as error:
        load(rules(tmp_path / "r", webhook))
    [finding] = error.value.findings
    assert "webhook" in finding.where
    assert BAD[webhook] in finding.where + finding.what


def test_another_webhook_is_another_version_and_is_told(tmp_path: Path) -> None:
    before = load(rules(tmp_path / "none", None))
    one = load(rules(tmp_path / "one", '{url: "https://bots.example/events"}'))
    other = load(rules(tmp_path / "other", '{url: "https://elsewhere.example/events"}'))
    versions = [str(found.document) for found in (before, one, other)]
    assert len(set(versions)) == 3
    told = list(diff(State(before.document, before.people), State(one.document, one.people)))
    assert "https://bots.example/events" in str(told)
    told = list(diff(State(one.document, one.people), State(other.document, other.people)))
    assert "https://bots.example/events" in str(told)
    assert "https://elsewhere.example/events" in str(told)
    assert all(getattr(said, "loosens", None) is not False for said in told)
