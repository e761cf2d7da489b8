"""The card, the Details and the thread of an incident's rollback."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from app.domain.incident import ItemState
from app.slack import incidents
from app.slack.card import card
from app.slack.details import MAX_PAGE, Details, Origin, details
from app.slack.forms import reason_form
from app.slack.incident_thread import progress
from app.slack.pieces import length
from app.slack.thread import Reply, replies
from app.slack.values import Click
from app.use_cases.card_facts import HIDDEN, CardFacts
from tests.fakes.slack.block_kit import readable
from tests.slack.facts import API, HOSTILE
from tests.slack.many import MANY, MIXED, ended, incident, item, many, run
from tests.slack.seen import actions, fine, fine_view, framed

HASH = "hmac-sha256:" + "e" * 64
LISTED = "What will run, in this order"


def sent(facts: CardFacts, **how: Any) -> dict[str, Any]:
    message = card(facts, **{"live": True, "api_url": API, **how}).message(HASH)
    fine(message)
    assert length(message["blocks"]) <= 10_000
    return message


def opened(facts: CardFacts) -> Details:
    made = details(facts, live=True, api_url=API)
    for n in range(made.pages):
        fine_view(made.view(n, HASH, Origin("C0APPROVE", "1.2")))
    return made


def told(facts: CardFacts) -> list[Reply]:
    found = [*progress(facts), *replies(facts)]
    for reply in found:
        fine({"text": reply.text, "blocks": reply.blocks})
        assert length(reply.blocks) <= 9_000
    return found


@pytest.mark.parametrize("state", MANY)
def test_a_card_of_many(state: str, snapshot: SnapshotAssertion) -> None:
    assert readable(sent(MANY[state])["blocks"]) == snapshot


@pytest.mark.parametrize(
    ("state", "on_card", "in_details"),
    [
        ("many", ["approve", "deny", "details"], ["approve", "deny"]),
        ("many-doubtful", ["approve", "deny", "details"], ["approve", "deny"]),
        ("many-of-two-bots", ["approve", "deny", "details"], ["approve", "deny"]),
        ("many-masked", ["approve", "deny", "details"], ["approve", "deny"]),
        ("many-masked-high", ["deny", "details"], ["deny"]),
        ("many-critical", ["approve", "deny", "details"], ["approve", "deny"]),
        ("too-many", ["deny", "details"], ["approve", "deny"]),
        ("one-that-is-long", ["deny", "details"], ["approve", "deny"]),
        *((state, ["details"], []) for state in ("running", "paused", "goes-on", "all-undone", "not-all-undone")),
    ],
)
def test_where_it_is_decided(state: str, on_card: list[str], in_details: list[str]) -> None:
    assert actions(sent(MANY[state])["blocks"]) == on_card
    last = opened(MANY[state])
    shown = actions(last.view(last.pages, HASH, Origin(None, None))["blocks"])
    assert [action for action in shown if action not in ("back", "next")] == in_details


@pytest.mark.parametrize("count", [1, 12, 180, 1_000])
def test_details_show_every_item_in_full(count: int) -> None:
    items = [
        item(n, after=(1,) if n > 1 else (), parameters={"id": f"#W{n:07}", "k": "v" * 60}) for n in range(1, count + 1)
    ]
    made = opened(many(*items))
    shown = framed(made.content(), LISTED)
    for one in items:
        assert f'{one.n:,}. orders.restore {{"id": "#W{one.n:07}", "k": "{"v" * 60}"}}' in shown
        assert f"undoes orders.cancel, request {one.request_id}" in shown
    assert made.may.approve
    assert made.pages <= 20
    assert all(length(made.view(n, HASH, Origin(None, None))["blocks"]) <= MAX_PAGE + 1_000 for n in range(made.pages))


def test_what_slack_cannot_show_is_not_signed_in_slack() -> None:
    facts = many(*(item(n, parameters={"sql": "x" * 2_000}) for n in range(1, 201)))
    assert incidents.beyond(facts)
    for blocks in (sent(facts)["blocks"], opened(facts).content()):
        assert "approve" not in actions(blocks)
        assert "deny" in actions(blocks)
        assert f"Sign it over the web API: {API}/v1/requests/{facts.request_id}" in readable(blocks)
    assert opened(facts).pages <= 25


def test_the_first_few_stand_on_the_card_and_all_kinds() -> None:
    blocks = sent(MANY["too-many"])["blocks"]
    assert '1. orders.restore {"order_id": "#W0000001"}' in readable(blocks)
    assert "180 of Cancel a pending order (orders.cancel) by Shop support assistant" in readable(blocks)
    assert "more of what would run do not fit on this card" in readable(blocks)


def test_kinds_that_a_card_leaves_out_take_its_approve() -> None:
    facts = many(*(item(n, of=f"orders.kind_{n}", parameters={}) for n in range(1, 13)))
    assert actions(sent(facts)["blocks"]) == ["deny", "details"]
    assert "and 4 more kinds, in Details" in readable(sent(facts)["blocks"])
    assert "orders.kind_12" in readable(opened(facts).content())


def test_one_kind_has_one_line_whatever_its_items_are() -> None:
    found = readable(sent(MANY["many"])["blocks"])
    assert found.count("Cancel a pending order (orders.cancel)") == 1


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        ("many", []),
        ("running", ["begun"]),
        ("paused", ["begun", "paused-1"]),
        ("goes-on", ["begun", "paused-1", "resumed-1"]),
        ("all-undone", ["begun", "succeeded"]),
        ("not-all-undone", ["begun", "paused-1", "resumed-1", "failed"]),
        ("closed", ["begun", "failed"]),
    ],
)
def test_the_thread(state: str, keys: list[str], snapshot: SnapshotAssertion) -> None:
    found = told(MANY[state])
    assert [reply.key for reply in found] == keys
    assert [f"{reply.key} | {reply.text} | {readable(reply.blocks)}" for reply in found] == snapshot


def test_a_thread_of_a_thousand_that_were_not_undone_stays_readable() -> None:
    states = (ItemState.FAILED, ItemState.UNKNOWN, ItemState.SKIPPED)
    long = "a title that goes on " * 20
    items = [ended(n, states[n % 3], of_title=long, why="depends-on-failed") for n in range(1, 1_001)]
    reply = told(run(*items, status="failed", ended_why="not-all-undone"))[-1]
    assert readable(reply.blocks).count("more, in Details") == 3
    assert "0 of 1,000 undone, 333 failed, 334 unknown, 333 left alone." in readable(reply.blocks)


def test_who_must_settle_finds_the_request_to_settle() -> None:
    for blocks in (sent(MANY["not-all-undone"])["blocks"], told(MANY["not-all-undone"])[-1].blocks):
        assert "settle it under its own request" in readable(blocks)
        assert str(MIXED[2].undo) in readable(blocks)


@pytest.mark.parametrize("text", [HOSTILE, "", "x" * 10_000, "\u202e" * 300])
def test_hostile_texts_are_inert(text: str) -> None:
    things = {"of": text, "of_title": text, "bot": text, "action": text, "title": text, "version": text}
    odd = {**things, "request_id": text, "status": text, "parameters": {text: [text, HIDDEN]}}
    about = {"title": text, "bots": (text,) * 30, "actions": (text,) * 30, "opened_by": text, "closed_by": text}
    held = many(told=incident(*(item(n, **odd) for n in range(1, 4)), **about), asker=text, title=text)
    sent(held)
    opened(held)
    fine_view(reason_form("approve", held, Click("1", "2", None), Origin(None, None)))
    states = (ItemState.FAILED, ItemState.UNKNOWN, ItemState.SKIPPED)
    over = run(*(ended(n, s, why=text, **odd) for n, s in enumerate(states, 1)), status="failed", **about)
    sent(over)
    opened(over)
    told(over)


def test_a_value_that_is_masked_is_named_and_cannot_be_passed_off_by_a_text() -> None:
    hidden, shown = sent(MANY["many-masked"])["blocks"], sent(many(item(1, parameters={"x": "⟨not shown⟩"})))["blocks"]
    assert "1. orders.restore ⟨not shown⟩" in framed(hidden, LISTED)
    assert '{"x": "⟨not shown⟩"}' in framed(shown, LISTED)
    assert framed(hidden, "Not shown: 1") == "/items/0/parameters"


@pytest.mark.parametrize("state", ["many", "many-masked", "too-many", "one-that-is-long"])
def test_the_form_for_a_reason_repeats_what_it_can(state: str) -> None:
    view = reason_form("deny", MANY[state], Click("1", "2", None), Origin("C0APPROVE", "1.2"))
    fine_view(view)
    text = readable(view["blocks"])
    assert ("are not repeated here" in text) is (state in ("too-many", "one-that-is-long"))
    assert ("undoes orders.cancel, request 00000001" in text) is (state != "one-that-is-long")


def test_the_question_before_a_critical_one_counts_what_it_undoes() -> None:
    [approve] = [
        b for row in sent(MANY["many-critical"])["blocks"] for b in row.get("elements", []) if b.get("confirm")
    ]
    assert "It undoes 3 requests, under this one signature." in approve["confirm"]["text"]["text"]
