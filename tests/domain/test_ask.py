"""What a bot or a person asks, kept as text until it is admitted, and compared when its key comes again."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ask import Ask, loads
from app.domain.digest import canonical

ASK = Ask(
    kind="action",
    asker_kind="bot",
    asker_id="support-bot",
    client_id="client-1",
    action="orders.cancel",
    parameters={"order_id": "#W1", "amount": 1.5},
    reason="The customer asked.",
    on_behalf_of="customer:mia",
    triggered_by="customer:mia",
    context={"model": "chat-large"},
    parent="5f0c1f0e-0000-5000-8000-000000000001",
    supersedes="5f0c1f0e-0000-5000-8000-000000000002",
)
WHO = {"kind", "asker_kind", "asker_id", "client_id"}
OURS = {"part_of"}
"""What nobody can say: Interlock alone asks so."""
UNDO = replace(ASK, kind="rollback", asker_kind="person", asker_id="ivan", client_id=None, reverses="5f0c1f0e-0")


def test_it_comes_back_from_a_workflows_start() -> None:
    assert loads(ASK.dumps()) == ASK
    bare = Ask("action", "bot", "support-bot", None, "users.read", {})
    assert loads(bare.dumps()) == bare
    assert loads(UNDO.dumps()) == UNDO


def test_its_text_is_canonical() -> None:
    assert ASK.dumps().encode() == canonical(json.loads(ASK.dumps()))
    assert set(json.loads(ASK.dumps())) == {field.name for field in fields(Ask)}


def test_the_body_is_all_but_who_asked() -> None:
    assert ASK.body() == {
        "action": "orders.cancel",
        "parameters": {"order_id": "#W1", "amount": 1.5},
        "reason": "The customer asked.",
        "on_behalf_of": "customer:mia",
        "triggered_by": "customer:mia",
        "context": {"model": "chat-large"},
        "parent": "5f0c1f0e-0000-5000-8000-000000000001",
        "supersedes": "5f0c1f0e-0000-5000-8000-000000000002",
    }


@pytest.mark.parametrize("name", sorted(field.name for field in fields(Ask)))
def test_the_same_key_with_another_field_is_another_body_unless_only_who_asked_differs(name: str) -> None:
    other = {"other": 1} if name in ("parameters", "context") else "other"
    changed = replace(ASK, **{name: other})  # type: ignore[arg-type]
    assert (changed.body() == ASK.body()) is (name in WHO | OURS)
    assert changed.dumps() != ASK.dumps()


@pytest.mark.parametrize("name", sorted(field.name for field in fields(Ask)))
def test_of_a_rollback_only_what_it_undoes_and_why_is_said_by_its_asker(name: str) -> None:
    """The rest is worked out from the original, and may be otherwise when the same key comes again."""
    assert UNDO.body() == {"reverses": "5f0c1f0e-0", "reason": "The customer asked."}
    changed = replace(UNDO, **{name: {"other": 1} if name in ("parameters", "context") else "other"})  # type: ignore[arg-type]
    assert (changed.body() != UNDO.body()) is (name in ("reverses", "reason", "incident"))
    assert changed.dumps() != UNDO.dumps()


safe = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2**53) + 1, 2**53 - 1) | safe,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(safe, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(safe, json_values, max_size=3), st.none() | safe)
def test_whatever_is_asked_keeps_its_value_and_its_bytes(parameters: dict[str, Any], reason: str | None) -> None:
    """Every number that the API lets in: beyond 2^53 a float would come back as an integer that has no bytes."""
    asked = replace(ASK, parameters=parameters, context=parameters, reason=reason)
    kept = loads(asked.dumps())
    assert kept == asked
    assert canonical(kept.body()) == canonical(asked.body())


@pytest.mark.parametrize("text", ['{"kind":"action"}', '{"more":1,' + ASK.dumps()[1:]])
def test_a_text_that_is_no_ask_is_not_read(text: str) -> None:
    with pytest.raises(TypeError):
        loads(text)


def test_of_the_rollback_of_an_incident_what_was_chosen_and_why_is_said_by_its_asker() -> None:
    about = {"id": "5f0c1f0e-2", "requests": "all"}
    many = replace(UNDO, kind="incident_rollback", reverses=None, incident=about)
    assert many.body() == {"incident": about, "reason": "The customer asked."}
    assert replace(many, incident={**about, "requests": []}).body() != many.body()
