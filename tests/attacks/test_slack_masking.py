"""Values that the catalogue masks must not come to Slack by another way."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.governance.masking import HIDDEN, masked
from app.governance.schemas import schema_findings, sensitive_paths
from app.slack.picture import Renderer
from app.use_cases import cards
from app.use_cases.governance import install
from app.use_cases.messages import Item
from tests.slack.conftest import Reception, reception_of, user
from tests.slack.office import LEADS
from tests.world import RULES, World

CARD: dict[str, Any] = {"type": "object", "properties": {"number": {"type": "string", "x-sensitive": True}}}
PIN: dict[str, Any] = {"type": "string", "x-sensitive": True}
SECRET = "4111111111111111"

WAYS: dict[str, tuple[dict[str, Any], Any]] = {
    "properties": ({"properties": {"card": CARD}}, {"card": {"number": SECRET}}),
    "items": ({"properties": {"cards": {"type": "array", "items": CARD}}}, {"cards": [{"number": SECRET}]}),
    "prefixItems": (
        {"properties": {"cards": {"type": "array", "prefixItems": [{}, CARD]}}},
        {"cards": [1, {"number": SECRET}]},
    ),
    "allOf": ({"allOf": [{"properties": {"card": CARD}}]}, {"card": {"number": SECRET}}),
    "anyOf": ({"anyOf": [{"properties": {"card": CARD}}, True]}, {"card": {"number": SECRET}}),
    "oneOf in a field": ({"properties": {"card": {"oneOf": [CARD, {"type": "null"}]}}}, {"card": {"number": SECRET}}),
    "then": ({"if": True, "then": {"properties": {"card": CARD}}}, {"card": {"number": SECRET}}),
    "a list in a list": (
        {"properties": {"rows": {"type": "array", "items": {"type": "array", "items": PIN}}}},
        {"rows": [[SECRET]]},
    ),
    "a field named *": ({"properties": {"*": PIN}}, {"*": SECRET}),
    "a field with / and ~": ({"properties": {"a/b~c": PIN}}, {"a/b~c": SECRET}),
    "all of it": ({"x-sensitive": True}, {"pin": SECRET}),
    "a reference to a field": (
        {"properties": {"card": CARD, "backup": {"$ref": "#/properties/card"}}},
        {"backup": {"number": SECRET}},
    ),
    "a reference to a value": (
        {"properties": {"pin": PIN, "old": {"$ref": "#/properties/pin"}}},
        {"old": SECRET},
    ),
    "references in a list": (
        {"properties": {"card": CARD, "others": {"type": "array", "items": {"$ref": "#/properties/card"}}}},
        {"others": [{"number": SECRET}]},
    ),
    "a reference to itself": (
        {"properties": {"pin": PIN, "child": {"$ref": "#"}}},
        {"child": {"child": {"pin": SECRET}}},
    ),
    "$defs": (
        {"$defs": {"card": CARD}, "properties": {"card": {"$ref": "#/$defs/card"}}},
        {"card": {"number": SECRET}},
    ),
    "additionalProperties": ({"additionalProperties": PIN}, {"anything": SECRET}),
    "not": ({"not": {"not": {"properties": {"pin": PIN}}}}, {"pin": SECRET}),
    "contains": ({"properties": {"pins": {"type": "array", "contains": PIN}}}, {"pins": [SECRET]}),
    "dependentSchemas": ({"dependentSchemas": {"a": {"properties": {"pin": PIN}}}}, {"a": 1, "pin": SECRET}),
    "unevaluatedProperties": ({"unevaluatedProperties": PIN}, {"pin": SECRET}),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_marked_is_masked_or_the_rules_are_refused(way: str) -> None:
    """However the mark is reached: whoever wrote it relies on it."""
    schema, parameters = WAYS[way]
    whole = {"type": "object", **schema}
    if list(schema_findings(whole)):
        return
    shown, places = masked(parameters, sensitive_paths(whole))
    assert SECRET not in str(shown)
    assert str(HIDDEN) in str(shown)
    assert places


@pytest.fixture(scope="module")
async def at(world: World) -> AsyncIterator[Reception]:
    """A door of this module's own."""
    async with reception_of(world) as made:
        yield made


@pytest.fixture
async def marked(at: Reception, rules_copy: Path) -> AsyncIterator[Path]:
    """Rules under which payee, thing and a pin are masked; the usual ones are in force again afterwards."""
    source = (rules_copy / "desk.yaml").read_text()
    fields = "{thing: {type: string}, payee: {type: string},"
    masking = (
        "{thing: {type: string, x-sensitive: true}, payee: {type: string, x-sensitive: true},"
        " pins: {type: array, items: {type: object, properties: {pin: {type: string, x-sensitive: true}}}},"
    )
    assert fields in source
    (rules_copy / "desk.yaml").write_text(source.replace(fields, masking))
    await install(at.world.ctx, rules_copy, replace=True, by="ada")
    yield rules_copy
    await install(at.world.ctx, RULES, replace=True, by="ada")


HIDES = {"payee": f"employee:{SECRET}", "pins": [{"pin": SECRET}, {"pin": SECRET}]}


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("action", ["do.once", "do.moderate", "do.grave"])
async def test_a_masked_value_is_nowhere_in_slack(at: Reception, action: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nor in what conflicts, who gains, why it is held, what failed, forms, lists, pages, threads or the log."""
    caplog.set_level(logging.INFO)
    since, sent = len(at.fake.calls), len(at.fake.sent)
    shown = await at.world.ask(action, thing=f"{SECRET}-{action}", parameters=HIDES)
    await at.world.ask(action, thing=f"{SECRET}-{action}", parameters=HIDES)
    people, facts = at.fake.people, await cards.facts(at.world.services, uuid.UUID(shown["id"]))
    ts = await at.card(shown)
    for what in ("details", "deny"):
        await at.press("marco", ts, what)
        form = await at.modal("marco")
        form.open = False
    for said in ("pending", f"show {shown['id']}"):
        await people.command(user("marco"), LEADS, "/interlock", said)
    await people.app_home_opened(user("marco"))
    await at.world.say("marco", shown, "deny")
    after = await cards.facts(at.world.services, uuid.UUID(shown["id"]))
    await at.door.keeping.drain(20)
    render = Renderer("https://interlock.test")
    pictures = [
        render(uuid.uuid4(), kind, [Item(state, live=True)])
        for kind in ("card", "digest", "bare")
        for state in (facts, after, replace(facts, risk="critical"))
    ]
    messages = [str(picture.compose("hmac-sha256:0")) + str(picture.replies) for picture in pictures]
    calls = [str(call.arguments) for call in at.fake.calls[since:]]
    answers = [str(one.answer) for one in at.fake.sent[sent:]]
    assert len(calls) >= 4
    for text in (*messages, *calls, *answers, caplog.text):
        assert SECRET not in text
    assert "not shown" in messages[0]


@pytest.mark.usefixtures("marked")
async def test_high_risk_is_not_approved_on_what_hides_a_value(at: Reception) -> None:
    """Card and Details have no Approve; nor does one count that is made of their hash."""
    shown = await at.world.ask("do.high", parameters=HIDES)
    ts = await at.card(shown)
    with pytest.raises(LookupError):
        await at.press("marco", ts)
    for element in (one for block in at.fake.message(LEADS, ts).blocks for one in block.get("elements", [])):
        if element.get("action_id") == "deny":
            element["action_id"] = "approve"
    assert (await at.press("marco", ts)).ok
    await at.told("marco", "not-shown")
    await at.press("marco", ts, "details")
    modal = await at.modal("marco")
    assert "'approve'" not in str(modal.given)
    assert await at.decisions(shown) == []


@pytest.mark.usefixtures("marked")
async def test_what_was_shown_hidden_is_not_approved_when_the_mark_is_gone(at: Reception) -> None:
    shown = await at.world.ask("do.high", parameters=HIDES | {"pins": []})
    ts = await at.card(shown)
    for element in (one for block in at.fake.message(LEADS, ts).blocks for one in block.get("elements", [])):
        if element.get("action_id") == "deny":
            element["action_id"] = "approve"
    await install(at.world.ctx, RULES, replace=True, by="ada")
    assert (await at.press("marco", ts)).ok
    await at.told("marco", "not-shown")
    assert await at.decisions(shown) == []
