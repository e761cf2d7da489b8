"""Cards: what they show in every state, which buttons they have, and that nobody can misuse them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from app.domain.states import Status
from app.slack.card import MAX_PARAMETERS, Card, card
from app.slack.pieces import length
from app.slack.relations import UNDONE
from app.slack.values import Click, decode
from app.use_cases.card_facts import HIDDEN, AwayFacts, CardFacts, ExclusionFacts, RollbackFacts, SettlementFacts
from tests.fakes.slack.block_kit import readable
from tests.slack.asked import ASKED_BY_PEOPLE, crowded_rollback, resumption, rollback
from tests.slack.facts import (
    API,
    APPROVED,
    DIGEST,
    HOSTILE,
    NOON,
    REQUEST,
    ROLLBACK,
    STATES,
    closed,
    crowded,
    hostile,
    original,
    ran,
    request,
    said,
    stage,
)
from tests.slack.seen import actions, buttons, fine, framed

HASH = "hmac-sha256:" + "e" * 64


def shown(facts: CardFacts, **how: Any) -> Card:
    return card(facts, **{"live": True, "api_url": API, **how})


def sent(facts: CardFacts, **how: Any) -> dict[str, Any]:
    message = shown(facts, **how).message(HASH)
    fine(message)
    assert length(message["blocks"]) <= 10_000
    return message


def reads(facts: CardFacts, **how: Any) -> str:
    return readable(sent(facts, **how)["blocks"])


@pytest.mark.parametrize("state", STATES)
def test_a_card_of_every_state(state: str, snapshot: SnapshotAssertion) -> None:
    assert reads(STATES[state]) == snapshot


@pytest.mark.parametrize("state", ASKED_BY_PEOPLE)
def test_a_card_of_what_people_ask_for(state: str, snapshot: SnapshotAssertion) -> None:
    assert reads(ASKED_BY_PEOPLE[state]) == snapshot


def test_every_status_has_its_card() -> None:
    assert {facts.status for facts in STATES.values()} == set(Status)


def test_the_message_as_slack_gets_it(snapshot: SnapshotAssertion) -> None:
    facts = STATES["held-critical"]
    assert sent(facts) == snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("held", ["approve", "deny", "details"]),
        ("held-second-stage", ["approve", "deny", "details"]),
        ("held-masked", ["approve", "deny", "details"]),
        ("held-critical", ["approve", "deny", "details"]),
        ("held-masked-high", ["deny", "details"]),
        ("held-too-long", ["deny", "details"]),
        ("held-stronger-level", ["details"]),
        ("held-for-ever", ["approve", "deny", "details"]),
        *((state, ["details"]) for state in STATES if not state.startswith("held")),
    ],
)
def test_the_buttons(state: str, expected: list[str]) -> None:
    made = shown(STATES[state])
    assert actions(made.message(HASH)["blocks"]) == expected
    assert made.decides is (len(expected) > 1)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("rollback", ["approve", "deny", "details"]),
        ("rollback-of-unknown", ["approve", "deny", "details"]),
        ("rollback-of-masked", ["approve", "deny", "details"]),
        ("rollback-masked", ["deny", "details"]),
        ("rollback-too-long", ["deny", "details"]),
        ("rollback-without-parameters", ["approve", "deny", "details"]),
        ("rollback-done", ["details"]),
        ("rollback-revoked", ["details"]),
        ("resumption", ["details"]),
        ("resumption-of-all", ["details"]),
    ],
)
def test_the_buttons_of_what_people_ask_for(state: str, expected: list[str]) -> None:
    made = shown(ASKED_BY_PEOPLE[state])
    assert actions(made.message(HASH)["blocks"]) == expected
    assert made.decides is (len(expected) > 1)


@pytest.mark.parametrize("state", STATES)
def test_no_decision_where_people_are_not_asked(state: str) -> None:
    made = shown(STATES[state], live=False)
    assert actions(sent(STATES[state], live=False)["blocks"]) == ["details"]
    assert not made.decides


def test_values_and_metadata() -> None:
    message = sent(request())
    assert {decode(button["value"]) for button in buttons(message["blocks"])} == {Click(REQUEST, DIGEST, HASH)}
    assert message["metadata"] == {
        "event_type": "interlock_request",
        "event_payload": {"request_id": REQUEST, "version": 3},
    }


def test_what_is_hashed_has_no_values_and_does_not_depend_on_them() -> None:
    made = shown(STATES["held-critical"])
    assert all(set(button) <= {"type", "action_id", "text", "style"} for button in buttons(made.content()))
    assert [_bare(block) for block in made.message(HASH)["blocks"]] == made.content()


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(one) for one in value]
    if isinstance(value, dict):
        return {key: _bare(one) for key, one in value.items() if key not in {"value", "confirm"}}
    return value


CHANGES: list[dict[str, Any]] = [
    {"title": "Other"},
    {"bot": "other-bot"},
    {"bot_title": "Other"},
    {"action": "orders.other"},
    {"kind": "rollback"},
    {"risk": "critical"},
    {"reversibility": "irreversible"},
    {"environment": "staging"},
    {"on_behalf_of": None},
    {"on_behalf_of": "customer:other"},
    {"triggered_by": "customer:other"},
    {"parameters": {"order_id": "#W2378157", "reason": "no longer needed"}},
    {"parameters": {"order_id": "#W2378156", "reason": HIDDEN}},
    {"parameters": {"order_id": "#W2378156", "reason": "⟨not shown⟩"}},
    {"parameters": {}},
    {"not_shown": ("/reason",)},
    {"reason": None},
    {"reason": "Other"},
    {"rules": {"night-freeze": "hold"}},
    {"verdict_reason": "Other."},
    {"plan": "other"},
    {"stages": (stage("support-leads", status="open", quorum=2), stage("finance"))},
    {"stages": (stage("support-leads", status="open", groups=("a", "b")), stage("finance"))},
    {"may_decide": ("Dana Hale",)},
    {"excluded": (ExclusionFacts("Ann", ("self-approval",)),)},
    {"decisions": (said("abstain"),)},
    {"decisions": (said("approve"),)},
    {"decisions": (said("approve", standing=False),)},
    {"decisions": (said("approve", via="api"),)},
    {"decisions": (said("approve", reason="fine"),)},
    {"refusals": 1},
    {"digest": "sha256:" + "f" * 64},
    {"expires_at": NOON},
    {"status": "expired"},
    {"status": "expired", "ended_why": "stage-time-over"},
    {"status": "executing", "execution": ran(finished_at=None)},
    {"status": "failed", "execution": ran()},
    {"status": "failed", "execution": ran(http_status=500)},
    {"reversed_by": (RollbackFacts(ROLLBACK, "held", "Ivan"),)},
    {"reversed_by": (RollbackFacts(ROLLBACK, "succeeded", "Ivan"),)},
    {"asker": "Ivan Petrov"},
    {"warnings": ("Nothing undoes this action.",)},
    {"ended_reason": "It refunds strangers"},
    {"settlements": (SettlementFacts("Ivan", "failed", "because", NOON),)},
]

UNDONE_CHANGES: list[dict[str, Any]] = [
    {"request_id": REQUEST},
    {"title": "Other"},
    {"action": "orders.other"},
    {"parameters": {"order_id": "#W2378157", "reason": "no longer needed"}},
    {"parameters": {"order_id": "#W2378156", "reason": HIDDEN}},
    {"not_shown": ("/reason",)},
    {"status": "failed"},
    {"status_then": "unknown"},
    {"ended_at": NOON},
]
CHANGES_OF_ROLLBACKS: list[dict[str, Any]] = [
    {"asker": "Nora Quist"},
    {"reason": "Other"},
    {"parameters": {"order_id": "#W2378157"}},
    {"warnings": ("What this undoes failed.",)},
    *({"original": original(**change)} for change in UNDONE_CHANGES),
]


def test_what_is_hashed_differs_whenever_anything_visible_does() -> None:
    asks = (request(), *(request(**change) for change in CHANGES))
    undone = (rollback(), *(rollback(**change) for change in CHANGES_OF_ROLLBACKS))
    seen = [str(shown(facts).content()) for facts in (*asks, *undone)]
    assert len(set(seen)) == len(seen)


def test_a_rollback_shows_what_runs_and_what_it_undoes_apart() -> None:
    blocks = sent(rollback(original=original(parameters={"order_id": "#W1", "zip": HIDDEN}, not_shown=("/zip",))))[
        "blocks"
    ]
    assert framed(blocks, "What will run") == '"order_id": "#W2378156"'
    assert framed(blocks, UNDONE) == '"order_id": "#W1",\n"zip": ⟨not shown⟩'
    assert framed(blocks, "Not shown of what it undoes: 1") == "/zip"
    assert framed(blocks, "Parameters") == ""


def test_a_persons_words_are_not_called_a_bots() -> None:
    for facts in (rollback(reason=HOSTILE), resumption(reason=HOSTILE)):
        blocks = sent(facts)["blocks"]
        assert framed(blocks, "Reason, in the asker's own words").startswith("<!channel> <!here>")
        assert "in the bot's own words" not in readable(blocks).replace("On behalf of, in the bot's own words", "")
    assert "the bot's" not in reads(resumption())


def test_approve_goes_when_what_is_undone_does_not_fit() -> None:
    """Alone what will run would fit."""
    said_so = reads(rollback(parameters={"a": "x" * 2_500}, original=original(parameters={"b": "y" * 2_600})))
    assert "too many for a card; all are in Details" in said_so
    assert '"a": "xxx' in said_so
    assert '"b"' not in said_so
    assert "[Approve]" not in said_so


def test_a_crowded_rollback_still_shows_both_parameters() -> None:
    facts = crowded_rollback(not_shown=(), on_behalf_of="c:1", triggered_by="c:1")
    blocks = sent(facts)["blocks"]
    assert framed(blocks, "What will run").count("key ") == framed(blocks, UNDONE).count("key ") == 35
    assert actions(blocks) == ["approve", "deny", "details"]
    sent(crowded_rollback())


@pytest.mark.parametrize("asked", [rollback, resumption])
def test_hostile_texts_of_what_people_ask_for(asked: Callable[..., CardFacts]) -> None:
    for text in ("", "\n", "\u202e" * 300, "x" * 10_000, HOSTILE):
        odd = hostile(text)
        facts = asked(
            asker=text,
            reason=text,
            title=text,
            original=odd.original,
            stop=odd.stop,
            bot_title=text,
            may_decide=(text,),
        )
        sent(facts)
        sent(replace(facts, status="revoked", ended_reason=text))


def test_parameters_stand_in_full_as_json() -> None:
    facts = request(parameters={"b": [1, {"z": None, "a": 2.5}], "a": 'x\n"c": 3', "\u20ac": True})
    text = framed(sent(facts)["blocks"], "Parameters")
    assert text == ('"a": "x\\n\\"c\\": 3",\n"b": [\n  1,\n  {\n    "a": 2.5,\n    "z": null\n  }\n],\n"€": true')


def test_only_a_masked_value_is_not_shown_outside_quotes() -> None:
    facts = request(risk="low", parameters={"a": HIDDEN, "b": "⟨not shown⟩"}, not_shown=("/a",))
    blocks = sent(facts)["blocks"]
    assert framed(blocks, "Parameters") == '"a": ⟨not shown⟩,\n"b": "⟨not shown⟩"'
    assert framed(blocks, "Not shown: 1") == "/a"


@pytest.mark.parametrize("risk", ["high", "critical"])
def test_masked_values_of_high_risk_are_approved_elsewhere(risk: str) -> None:
    said_so = reads(request(risk=risk, parameters={"a": HIDDEN}, not_shown=("/a",)))
    assert f"Approve where they can be revealed, over the web API: {API}/v1/requests/{REQUEST}" in said_so
    assert actions(sent(request(risk=risk, parameters=[HIDDEN]))["blocks"]) == ["deny", "details"]


@pytest.mark.parametrize("size", [MAX_PARAMETERS - 7, MAX_PARAMETERS - 6])
def test_approve_goes_when_not_all_can_be_shown(size: int) -> None:
    facts = request(parameters={"a": "x" * size})
    fits = size == MAX_PARAMETERS - 7
    assert ("approve" in actions(sent(facts)["blocks"])) is fits
    if not fits:
        assert f"{MAX_PARAMETERS + 1:,} more characters of it do not fit on this card" in reads(facts)


def test_approve_goes_when_whom_it_is_for_is_cut() -> None:
    facts = request(on_behalf_of="customer:" + "x" * 400)
    assert actions(sent(facts)["blocks"]) == ["deny", "details"]
    assert "… (109 more characters, in Details)" in reads(facts)


def test_critical_risk_asks_once_more() -> None:
    (approve, deny, _) = buttons(sent(STATES["held-critical"])["blocks"])
    assert approve["confirm"]["text"]["text"] == (
        "Cancel a pending order\nFor: customer:yusuf_rossi… (5 more characters, on the card)\n"
        '"order_id": "#W2378156"\n"reason": "no longer needed"\nDigest: 0123456789ab'
    )
    assert "confirm" not in deny
    assert "confirm" not in buttons(sent(request())["blocks"])[0]


@pytest.mark.parametrize("facts", [hostile(risk="critical"), crowded(risk="critical", parameters={"a": 1})])
def test_the_question_fits_and_says_what_it_leaves_out(facts: CardFacts) -> None:
    small = replace(
        facts, on_behalf_of="c:1", triggered_by="c:1", not_shown=(), parameters={"amount": 7, "sql": HOSTILE}
    )
    (approve,) = (button for button in buttons(sent(small)["blocks"]) if button["action_id"] == "approve")
    text = approve["confirm"]["text"]["text"]
    assert '"amount": 7\n(1 of 2 parameters are not repeated here)' in text


def test_a_stronger_level_is_for_elsewhere() -> None:
    said_so = reads(STATES["held-stronger-level"])
    assert f"wants the sign-in level login; a click in Slack is weaker. Decide over the web API: {API}/v1/" in said_so


def test_what_a_bot_says_is_inert_and_labelled() -> None:
    blocks = sent(hostile(parameters={"a": 1}, triggered_by=HOSTILE))["blocks"]
    assert framed(blocks, "Reason, in the bot's own words").startswith("<!channel> <!here> <@U0OLIVIA>")
    markup = [block for block in blocks if "mrkdwn" in str(block)]
    assert markup
    assert not any("OLIVIA" in str(block) for block in markup)


@pytest.mark.parametrize("text", ["", " ", "\n", "\u202e" * 300, "\u200b", "x" * 10_000, "&" * 5_000, "\n" * 5_000])
def test_odd_texts_everywhere(text: str) -> None:
    sent(hostile(text))


def test_a_crowd_is_summarised_and_says_so() -> None:
    said_so = reads(crowded())
    assert "Decisions: 60" in said_so
    assert "58 earlier ones are in Details" in said_so
    assert "and 196 more, all in Details" in said_so
    assert "and 38 more stages, in Details" in said_so
    assert "\n• 20: long name" in said_so
    assert said_so.count("key ") == 70


def test_all_decisions_stand_and_none_is_overwritten() -> None:
    said_so = reads(STATES["withdrawn"])
    assert "Dana Hale approved stage support-leads in Slack, 2026-11-24 12:30 UTC (this no longer counts)" in said_so
    assert "Dana Hale denied stage support-leads in Slack, 2026-11-24 13:00 UTC. Reason: Wrong order." in said_so


def test_no_stage_open_no_buttons() -> None:
    assert actions(sent(request(stages=closed(), decisions=APPROVED))["blocks"]) == ["details"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=30) | st.just(HIDDEN),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)
words = st.text(max_size=60) | st.sampled_from([HOSTILE, HOSTILE * 20])


@settings(max_examples=40, deadline=None)
@given(words, st.dictionaries(words, json_values, max_size=4), st.sampled_from(["low", "moderate", "high", "critical"]))
def test_any_card_is_fine(text: str, parameters: dict[str, Any], risk: str) -> None:
    sent(hostile(text, parameters=parameters, risk=risk))


def test_who_is_away_and_who_decides_for_them() -> None:
    away = (AwayFacts("Dana Hale", NOON, "Marco Silva"), AwayFacts("Priya Rao", NOON, None))
    told = reads(request(away=away))
    assert "Dana Hale is away until" in told
    assert "; Marco Silva decides for Dana Hale" in told
    assert "Priya Rao is away until" in told
    assert "decides for Priya" not in told
