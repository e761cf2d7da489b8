"""Forms: Slack takes them, they keep the click, and give back what was typed."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from syrupy.assertion import SnapshotAssertion

from app.domain.errors import Malformed
from app.slack.forms import form_state, notice, reason_form
from app.slack.values import Click, Origin
from app.use_cases.card_facts import CardFacts
from tests.fakes.slack.block_kit import readable
from tests.slack.facts import DIGEST, HOSTILE, REQUEST, STATES, crowded, hostile, request
from tests.slack.seen import Json, fine_view

CLICK = Click(REQUEST, DIGEST, "hmac-sha256:" + "e" * 64)
HERE = Origin("C0APPROVE", "1764000000.000100")


def filled(view: Json, reason: Any) -> Json:
    """The view as Slack sends it back when somebody has submitted it."""
    return {**view, "state": {"values": {"reason": {"reason": {"type": "plain_text_input", "value": reason}}}}}


def test_the_form_says_what_it_is_about(snapshot: SnapshotAssertion) -> None:
    view = reason_form("deny", STATES["held"], CLICK, HERE)
    assert readable(view["blocks"]) == snapshot


@pytest.mark.parametrize("decision", ["deny", "approve"])
@pytest.mark.parametrize("facts", [request(), hostile(), crowded(), hostile(""), request(on_behalf_of=None)])
def test_what_was_typed_comes_back(decision: Literal["deny", "approve"], facts: CardFacts) -> None:
    view = reason_form(decision, facts, CLICK, HERE)
    fine_view(view)
    assert view["callback_id"] == decision
    (field,) = (block for block in view["blocks"] if block["type"] == "input")
    assert (field["block_id"], field["element"]["action_id"]) == ("reason", "reason")
    state = form_state(filled(view, "  It has shipped.\n"))
    assert (state.decision, state.reason, state.click, state.origin) == (decision, "It has shipped.", CLICK, HERE)


@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_nothing_typed_is_no_reason(reason: str | None) -> None:
    assert form_state(filled(reason_form("deny", request(), CLICK, HERE), reason)).reason == ""
    assert form_state(reason_form("deny", request(), CLICK, HERE)).reason == ""


@pytest.mark.parametrize("change", [{"callback_id": "details"}, {"private_metadata": "{}"}, {"private_metadata": None}])
def test_another_view_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        form_state({**filled(reason_form("deny", request(), CLICK, HERE), "no"), **change})


@pytest.mark.parametrize("sentence", ["It is closed.", HOSTILE, HOSTILE * 20, ""])
def test_a_notice_is_inert(sentence: str) -> None:
    fine_view(notice("Not recorded", sentence))
    fine_view(notice(HOSTILE, sentence))
    fine_view(notice("Stopped", sentence, [sentence] * 21))
