"""Replies under a card: one for each end, the same one every time."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from app.slack.pieces import DoesNotFit, Mention
from app.slack.thread import Reply, reminding, replies
from app.use_cases.card_facts import CardFacts, RollbackFacts
from app.use_cases.reminders import Reminder
from tests.fakes.slack.block_kit import mentions_and_links, message_problems, readable
from tests.slack.asked import ASKED_BY_PEOPLE
from tests.slack.facts import HOSTILE, NOON, ROLLBACK, STATES, closed, crowded, hostile, ran, request, said
from tests.slack.seen import fine, framed

ENDED = ["denied", "withdrawn", "denied-by-rules", "expired", "cancelled", "revoked", "lapsed"]
RAN = ["succeeded", "failed", "unknown", "settled", "rolled-back", "stopped"]


def told(facts: CardFacts) -> list[Reply]:
    found = replies(facts)
    for reply in found:
        fine({"text": reply.text, "blocks": reply.blocks})
    return found


@pytest.mark.parametrize("state", [*ENDED, *RAN])
def test_every_end_is_told(state: str, snapshot: SnapshotAssertion) -> None:
    said_so = [f"{reply.key} | {reply.text} | {readable(reply.blocks)}" for reply in told(STATES[state])]
    assert said_so == snapshot


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        *((state, []) for state in ("held", "approved", "executing")),
        ("withdrawn", ["denied"]),
        ("denied-by-rules", ["denied"]),
        *((state, [state]) for state in ("denied", "expired", "cancelled", "revoked", "lapsed")),
        ("succeeded", ["succeeded"]),
        ("failed", ["failed"]),
        ("unknown", ["unknown"]),
        ("settled", ["unknown", "succeeded"]),
        ("half-settled", ["unknown"]),
        ("rolled-back", ["succeeded", "reversed"]),
        ("stopped", ["revoked"]),
    ],
)
def test_keys(state: str, keys: list[str]) -> None:
    assert [reply.key for reply in told(STATES[state])] == keys


def test_settled_as_failed() -> None:
    facts = request(status="failed", ended_why="settled", execution=ran(status="failed"))
    assert [reply.key for reply in told(facts)] == ["unknown", "failed"]


@pytest.mark.parametrize("status", ["held", "approved", "executing", "unknown"])
def test_it_is_not_rolled_back_before_that_has_succeeded(status: str) -> None:
    facts = request(status="succeeded", reversed_by=(RollbackFacts(ROLLBACK, status, "Ivan"),))
    assert [reply.key for reply in told(facts)] == ["succeeded"]


@pytest.mark.parametrize("state", ["rollback-done", "rollback-revoked", "resumption-done"])
def test_the_end_of_what_people_ask_for(state: str, snapshot: SnapshotAssertion) -> None:
    assert [
        f"{reply.key} | {reply.text} | {readable(reply.blocks)}" for reply in told(ASKED_BY_PEOPLE[state])
    ] == snapshot


def test_why_somebody_denied_is_told_in_a_frame() -> None:
    facts = request(status="denied", stages=closed(), decisions=(said("deny", reason=HOSTILE),))
    (reply,) = told(facts)
    (frame,) = (
        part for block in reply.blocks for part in block["elements"] if part["type"] == "rich_text_preformatted"
    )
    assert frame["elements"][0]["text"].startswith("<!channel>")
    assert framed(reply.blocks, "nothing") == ""


@pytest.mark.parametrize("status", ["denied", "expired", "cancelled", "revoked", "lapsed", "succeeded", "unknown"])
@pytest.mark.parametrize("text", [HOSTILE, "", "x" * 10_000, "\u202e" * 300])
def test_hostile_texts_are_inert(status: str, text: str) -> None:
    assert told(hostile(text, status=status))
    assert told(crowded(status=status, ended_why=text))


def reminder(**more: tuple[str, ...]) -> Reminder:
    return Reminder("reminded-0-1", **{"users": ("U0DANA", "U0MARCO"), "names": (), **more}, until=NOON)


@pytest.mark.parametrize("facts", [request(), hostile(), crowded()], ids=["plain", "hostile", "crowded"])
def test_a_reminder_mentions_whom_it_is_for_and_nobody_else(facts: CardFacts) -> None:
    reply = reminding(facts, reminder(names=("Tom <@U0EVIL> <!channel>",)))
    assert (reply.key, reply.text.startswith("Reminder: ")) == ("reminded-0-1", True)
    assert message_problems(reply.text, reply.blocks) == []
    assert mentions_and_links(reply.text, reply.blocks) == ["<@U0DANA>", "<@U0MARCO>"]


def test_what_a_reminder_says() -> None:
    assert readable(reminding(request(), reminder(names=("Tom",))).blocks) == (
        "Reminder: Cancel a pending order still waits for a decision\n"
        "By @U0DANA, @U0MARCO, Tom, until 2026-11-24 12:00 UTC"
    )


def test_a_crowd_is_not_mentioned_one_by_one() -> None:
    reply = reminding(request(), reminder(users=tuple(f"U{n:03}" for n in range(300))))
    assert len(mentions_and_links(reply.text, reply.blocks)) == 20
    assert " and 280 more, until" in readable(reply.blocks)


@pytest.mark.parametrize("user", ["", "u0dana", "U", "U0DANA>", "<@U0DANA>", "C0LEADS", "U0DANA|x", "U0\u0661"])
def test_only_a_user_is_mentioned(user: str) -> None:
    with pytest.raises(DoesNotFit):
        Mention(user)
