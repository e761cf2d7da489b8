"""The rules without a person: everywhere that they sat somebody else does, and nothing else has changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.errors import GovernanceInvalid
from app.domain.request import Level
from app.domain.verdict import AskFacts, Outcome
from app.governance.built_in import ADMINISTRATORS, LINK, OFF_BOARD, PUBLISH, plan_of
from app.governance.files import Governance, load
from app.governance.off_boarding import Leaving, Place, places, without
from tests.governance.small import pay, policy
from tests.world import RULES

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "retail"


@pytest.fixture(scope="module")
def rules() -> Governance:
    return load(RULES)


def instead(document: dict[str, Any], person: str, successor: str) -> dict[str, str]:
    """Every place of a person to one successor, groups too."""
    return {place.key: successor for place in places(document, person) if place.by is None}


def named(governance: Governance, person: str) -> bool:
    """Whether anything that names persons names this one: groups, seats, deployers."""
    persons = [member for group in governance.document["groups"] for member in group["members"]]
    for entry in (*governance.document["bots"], *governance.document["actions"]):
        persons += [entry.get("deployed_by"), *entry.get("owners", {}).values()]
    return person in persons or person in {one.id for one in governance.people}


def test_everywhere_somebody_sits(rules: Governance) -> None:
    found = places(rules.document, "rita")
    assert {place.key for place in found} >= {
        "bots.bot.rollback",
        "bots.other-bot.rollback",
        "actions.undo.well.rollback",
        "groups.signers",
    }
    assert Place("bots", "bot", "incident", "responders") in places(rules.document, "ivan")
    assert places(rules.document, "zoe") == places(rules.document, "nobody") == ()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nobody_is_left_behind(rules: Governance, data: st.DataObject) -> None:
    """Whoever leaves and whoever takes it: refused, or the person is nowhere and all else is as it was."""
    people = sorted(person.id for person in rules.people)
    person, successor = data.draw(st.sampled_from(people)), data.draw(st.sampled_from(people))
    if person == successor:
        return
    try:
        after = without(rules, Leaving(person, seats=instead(rules.document, person, successor)))
    except GovernanceInvalid:
        return
    assert not named(after, person)
    assert places(after.document, person) == ()
    for section in ("targets", "windows", "rules", "plans"):
        assert after.document[section] == rules.document[section]


def test_the_rules_themselves_stay_as_they_are(rules: Governance) -> None:
    before = json.dumps(rules.document)
    without(rules, Leaving("olivia", "rita", {"groups.pair": "zoe"}))
    assert json.dumps(rules.document) == before


def test_a_successor_who_is_in_the_group_already(rules: Governance) -> None:
    after = without(rules, Leaving("marco", seats={"groups.leads": "dana"}))
    [leads] = [group["members"] for group in after.document["groups"] if group["name"] == "leads"]
    assert leads == ["dana", "priya", "olivia", "mia", "tom"]


def test_what_was_out_of_order_before_is_not_held_against_it(rules: Governance) -> None:
    """A version that an older Interlock took, and this one would not: somebody can still leave."""
    document = {**rules.document, "groups": [*rules.document["groups"], {"name": "old", "members": ["long-gone"]}]}
    after = without(replace(rules, document=document), Leaving("zoe"))
    assert after.document == document


def test_all_that_is_wrong_is_told(rules: Governance) -> None:
    with pytest.raises(GovernanceInvalid) as error:
        without(rules, Leaving("olivia", seats={"groups.none": "zoe", "bots.bot.security": "zoe"}))
    told = error.value.told()
    for word in ("groups.none", "bots.bot.security", "bots.bot.business", "actions.undo.once.business"):
        assert word in told


@pytest.mark.parametrize("person", ["dana", "olivia", "tom", "sam", "ivan"])
def test_in_the_example(person: str) -> None:
    """Somebody new takes everything over."""
    example = load(EXAMPLE)
    assert named(example, person)
    newcomer = replace(example.people[0], id="newcomer", emails=(), subjects=frozenset(), identities=())
    rules = replace(example, people=(*example.people, newcomer))
    after = without(rules, Leaving(person, seats=instead(rules.document, person, "newcomer")))
    assert not named(after, person)


@pytest.mark.parametrize("action", [OFF_BOARD, LINK])
def test_one_other_administrator_signs_and_rules_only_tighten_it(tmp_path: Path, action: str) -> None:
    facts: AskFacts = replace(pay(), action=action, parameters={"person": "dana"}, bot="", windows={})
    verdict = policy(tmp_path).change_verdict(facts, None)
    assert verdict.plan == plan_of(action, None)
    assert verdict.plan is not None
    assert [(one.group, one.quorum, one.level) for one in verdict.plan.stages] == [(ADMINISTRATORS, 1, Level.LOGIN)]
    assert verdict.plan.expires == plan_of(PUBLISH, None).expires
    easy = f"""  - {{name: easy, when: 'action.name == "{action}"', allow: true}}\nplans:\n"""
    assert policy(tmp_path, ("plans:\n", easy)).change_verdict(facts, None).plan == plan_of(action, None)
    never = f"""  - {{name: never, when: 'action.name == "{action}"', deny: "Not here"}}\nplans:\n"""
    assert policy(tmp_path, ("plans:\n", never)).change_verdict(facts, None).outcome is Outcome.DENY
