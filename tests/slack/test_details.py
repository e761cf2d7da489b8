"""Details: everything stands in its pages, and the last one is where it is decided."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from app.domain.errors import Malformed
from app.slack.details import Details, Origin, details, state_of
from app.slack.parameters import printed
from app.slack.relations import UNDONE
from app.slack.text import visible
from app.slack.values import Click, decode
from app.use_cases.card_facts import HIDDEN, CardFacts
from tests.fakes.slack.block_kit import readable
from tests.slack.asked import ASKED_BY_PEOPLE, crowded_rollback
from tests.slack.facts import API, DIGEST, HOSTILE, REQUEST, STATES, crowded, hostile, request
from tests.slack.seen import Json, actions, buttons, fine_view, framed
from tests.slack.test_parameters import read_back, values, without_hidden, words

HASH = "hmac-sha256:" + "e" * 64
HERE = Origin("C0APPROVE", "1764000000.000100")


def made(facts: CardFacts, **how: Any) -> Details:
    return details(facts, **{"live": True, "api_url": API, **how})


def views(facts: CardFacts, **how: Any) -> list[Json]:
    """All pages, each taken by Slack."""
    found = made(facts, **how)
    pages = [found.view(page, HASH, HERE) for page in range(found.pages)]
    for view in pages:
        fine_view(view)
    return pages


def blocks(facts: CardFacts) -> list[Json]:
    return [block for view in views(facts) for block in view["blocks"]]


def test_an_ordinary_request(snapshot: SnapshotAssertion) -> None:
    (view,) = views(STATES["held-second-stage"])
    assert readable(view["blocks"]) == snapshot


@pytest.mark.parametrize("state", ["rollback-of-settled", "rollback-too-long", "resumption"])
def test_what_people_ask_for(state: str, snapshot: SnapshotAssertion) -> None:
    (view,) = views(ASKED_BY_PEOPLE[state])
    assert readable(view["blocks"]) == snapshot


def test_a_rollback_that_is_too_long_for_a_card_is_decided_here() -> None:
    (view,) = views(ASKED_BY_PEOPLE["rollback-too-long"])
    assert actions(view["blocks"]) == ["approve", "deny"]
    assert framed(view["blocks"], UNDONE) == '"sql": "' + "x" * 6_000 + '"'


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("held", ["approve", "deny"]),
        ("held-critical", ["approve", "deny"]),
        ("held-masked", ["approve", "deny"]),
        ("held-too-long", ["approve", "deny"]),
        ("held-masked-high", ["deny"]),
        ("held-stronger-level", []),
        ("held-for-ever", ["approve", "deny"]),
        *((state, []) for state in STATES if not state.startswith("held")),
    ],
)
def test_the_buttons(state: str, expected: list[str]) -> None:
    (view,) = views(STATES[state])
    assert actions(view["blocks"]) == expected
    assert made(STATES[state]).decides is bool(expected)
    assert actions(views(STATES[state], live=False)[0]["blocks"]) == []


def test_decisions_are_on_the_last_page_only() -> None:
    pages = [actions(view["blocks"]) for view in views(request(parameters={"sql": "x" * 40_000}))]
    assert pages[0] == ["next"]
    assert set(map(tuple, pages[1:-1])) == {("back", "next")}
    assert pages[-1] == ["back", "approve", "deny"]


def test_critical_risk_asks_once_more_here_too() -> None:
    approve = buttons(views(STATES["held-critical"])[0]["blocks"])[0]
    assert approve["confirm"]["text"]["text"].endswith("Digest: 0123456789ab")


@pytest.mark.parametrize(
    "facts", [hostile(), crowded(), crowded_rollback(), hostile("\u202e" * 300), hostile("\n" * 5_000), hostile("")]
)
def test_any_page_is_fine(facts: CardFacts) -> None:
    assert views(facts)


def test_the_modal_remembers_where_it_is() -> None:
    found = made(request(parameters={"sql": "x" * 40_000}))
    state = state_of(found.view(1, HASH, HERE))
    assert (state.click, state.page, state.origin) == (Click(REQUEST, DIGEST, HASH), 1, HERE)
    assert decode(buttons(found.view(1, HASH, HERE)["blocks"])[0]["value"]) == state.click
    assert state_of(found.view(99, None, Origin(None, None))).page == found.pages - 1
    assert found.view(0, HASH, HERE)["callback_id"] == "details"


@pytest.mark.parametrize("page", ["1", -1, True, None])
def test_a_page_that_is_none_is_malformed(page: Any) -> None:
    view = made(request()).view(0, HASH, HERE)
    kept = {**json.loads(view["private_metadata"]), "page": page}
    with pytest.raises(Malformed):
        state_of({"private_metadata": json.dumps(kept)})


def test_what_is_hashed_is_all_pages_without_values() -> None:
    facts = request(risk="critical", parameters={"sql": "x" * 40_000})
    found = made(facts)
    assert not any({"value", "confirm"} & set(button) for button in buttons(found.content()))
    shown = [block for page in range(found.pages) for block in found.view(page, HASH, HERE)["blocks"]]
    assert readable(shown) == readable(found.content())


@pytest.mark.aisvs("9.2.2")
def test_every_character_is_there() -> None:
    facts = crowded(parameters={"a": HOSTILE * 60, "b": HIDDEN}, reason=HOSTILE * 20, prompt_excerpt=HOSTILE * 40)
    shown = blocks(facts)
    assert framed(shown, "Parameters") == printed(facts.parameters)
    assert framed(shown, "Reason, in the bot's own words") == visible(HOSTILE * 20)
    assert framed(shown, "What it was prompted with, as the bot tells it") == visible(HOSTILE * 40)
    assert framed(shown, "Not shown: 300").count("\n") == 299
    assert framed(shown, "Title") == facts.title
    said = readable(shown)
    assert all(f"\n• {n}long name" in said for n in range(60))
    assert said.count("Reason: long name") == 60
    assert all(person in said for person in facts.may_decide)
    assert DIGEST in said
    assert REQUEST in said
    cut = [row for row in said.split("\n") if "more characters" in row]
    assert all(row.startswith("== ") for row in cut), "only a page's heading is cut; the title stands below it"


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(words, values, max_size=3), st.integers(0, 9_000), words)
def test_parameters_are_read_back_from_the_pages(parameters: dict[str, Any], size: int, text: str) -> None:
    asked = {**parameters, "long": (text or "x") * (size // (len(text) or 1))}
    found = framed(blocks(request(parameters=asked, risk="low")), "Parameters")
    assert read_back(found) == without_hidden(asked)


LARGE = {
    "one string": {"a": "x" * 262_000},
    "zero width": {"a": "\u200b" * 87_000},
    "beyond the first plane": {"a": "😀" * 65_000},
    "many": {f"key {n}": n for n in range(15_000)},
    "a list": {"a": [1] * 130_000},
    "lines": {"a": "\n" * 130_000},
}


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.aisvs("9.2.2")
def test_256_kib_of_parameters(kind: str) -> None:
    facts = request(parameters=LARGE[kind])
    found = made(facts)
    pages = [found.view(page, HASH, HERE) for page in range(found.pages)]
    for view in (*pages[:2], pages[-1]):
        fine_view(view)
    assert max(len(json.dumps(view)) for view in pages) < 250_000
    assert framed(found.content(), "Parameters") == printed(facts.parameters)
    assert actions(pages[-1]["blocks"]) == ["back", "approve", "deny"]
