"""Delegation: each rule by example, and counting against the same said in another way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.delegation import LONGEST, Delegation, beside, distinct, most_apart, period_error
from app.domain.plan import Tally
from app.domain.request import Kind, Risk, Say
from app.domain.separation import Facts, Person, Voter, exclusions, only_vote, stands_for, tally
from tests.domain.strategies import NOW
from tests.domain.test_separation import DANA, ONE, TWO_STAGES, facts_of, names

EVE, MARCO = Person("eve"), Person("marco", groups=frozenset({"leads", "finance"}))
BOTH = {group: frozenset({"dana", "marco"}) for group in ("leads", "finance")}
HOUR = timedelta(hours=1)


def given_to(delegate: str, *away: Person, **changed: Any) -> Facts:
    """A request that Dana and Marco may decide, and for which somebody stands in."""
    return facts_of(**{"members": BOTH, "delegators": {delegate: frozenset(away)}, **changed})


def test_a_delegate_has_the_right_of_who_is_away() -> None:
    assert names(Voter(EVE), facts_of()) == ["not-eligible"]
    assert names(Voter(EVE), given_to("eve", DANA)) == []
    assert names(Voter(DANA), given_to("eve", DANA)) == []
    assert stands_for(EVE, given_to("eve", MARCO, DANA), _stage()) == ["dana", "marco"]
    assert stands_for(DANA, given_to("eve", DANA), _stage()) == []


def _stage() -> Any:
    plan = facts_of().plan
    assert plan is not None
    return plan.stages[0]


@pytest.mark.parametrize(
    "away",
    [
        replace(DANA, active=False),
        replace(DANA, groups=frozenset({"finance"})),
        Person("joined", groups=frozenset({"leads"})),
    ],
    ids=["has left", "left the group", "joined it since"],
)
def test_who_has_no_right_lends_none(away: Person) -> None:
    assert names(Voter(EVE), given_to("eve", away)) == ["not-eligible"]
    assert stands_for(EVE, given_to("eve", away), _stage()) == []


def test_what_was_lent_is_not_lent_on() -> None:
    facts = facts_of(delegators={"eve": frozenset({DANA}), "max": frozenset({EVE})})
    assert names(Voter(Person("max")), facts) == ["not-eligible"]
    assert names(Voter(EVE), facts) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"asker_person": "dana"},
        {"credential_maker": "dana"},
        {"on_behalf_of": "customer:mia"},
        {"triggered_by": "customer:mia"},
        {"bot_owners": frozenset({"dana"})},
        {"bot_owners": frozenset({"dana"}), "risk": Risk.MODERATE},
        {"beneficiaries": frozenset({"customer:mia"})},
        {"kind": Kind.ROLLBACK, "approvers": frozenset({"dana"})},
        {"kind": Kind.GOVERNANCE, "bot_owners": frozenset({"dana"}), "risk": Risk.LOW},
    ],
    ids=str,
)
def test_every_exclusion_is_inherited(changed: dict[str, Any]) -> None:
    """By an outsider, by who might decide in their own right, and also from who has left."""
    for delegate in (EVE, MARCO):
        facts = given_to(delegate.id, DANA, **changed)
        assert "delegate-excluded" in names(Voter(delegate), facts)
        left = given_to(delegate.id, replace(DANA, active=False), **changed)
        assert "delegate-excluded" in names(Voter(delegate), left)
    assert names(Voter(MARCO), given_to("eve", DANA, **changed)) == []


def test_a_delegate_has_their_own_exclusions_too() -> None:
    facts = given_to("eve", DANA, asker_person="eve")
    assert [broken.invariant for broken in exclusions(EVE, facts)] == ["self-approval"]
    assert [broken.invariant for broken in exclusions(DANA, facts)] == []  # who is away inherits nothing


def test_where_one_word_is_enough_it_is_not_the_owners_delegates() -> None:
    facts = given_to("marco", DANA, bot_owners=frozenset({"dana"}), risk=Risk.LOW)
    assert [broken.invariant for broken in only_vote(MARCO, facts)] == ["delegate-excluded"]
    assert [broken.invariant for broken in only_vote(DANA, facts)] == ["bot-owner"]
    assert only_vote(EVE, facts) == []


def test_the_owners_delegate_is_no_other_vote() -> None:
    """Below high, a stage of two wants one vote that is neither an owner's nor their delegate's."""
    votes = {0: {"eve": Say.APPROVE, "marco": Say.APPROVE}}
    facts = given_to("eve", DANA, risk=Risk.LOW, bot_owners=frozenset({"dana", "marco"}), stood=votes)
    two = replace(facts, plan=facts_of(replace(ONE, quorum=2)).plan)
    assert tally([DANA, EVE, MARCO], two, 0).stands_near == {"dana", "eve", "marco"}
    assert not tally([DANA, EVE, MARCO], two, 0).passes(2)


@pytest.mark.parametrize(("first", "then"), [(EVE, DANA), (DANA, EVE)])
@pytest.mark.parametrize("say", list(Say))
def test_the_pair_votes_once_on_a_stage(first: Person, then: Person, say: Say) -> None:
    facts = given_to("eve", DANA, stood={0: {first.id: say}})
    assert names(Voter(then), facts) == ["one-person-one-vote"]
    assert names(Voter(first), facts) == []
    votes = tally([DANA, EVE, MARCO], facts, 0)
    assert votes.may_still == {"marco"}


def test_one_who_stands_in_for_two_bars_both_and_they_do_not_bar_each_other() -> None:
    people, facts = [DANA, EVE, MARCO], given_to("eve", DANA, MARCO)
    assert tally(people, replace(facts, stood={0: {"eve": Say.APPROVE}}), 0).may_still == frozenset()
    assert tally(people, replace(facts, stood={0: {"dana": Say.APPROVE}}), 0).may_still == {"marco"}


def test_votes_of_a_pair_count_once() -> None:
    """Where the delegation has begun since; neither voids the other."""
    facts = given_to("eve", DANA, stood={0: {"eve": Say.APPROVE, "dana": Say.APPROVE}})
    votes = tally([DANA, EVE], facts, 0)
    assert votes.approvals == {"dana", "eve"}
    assert votes.count == 1
    assert votes.passes(1)
    assert not votes.passes(2)


@pytest.mark.parametrize(("first", "then"), [(EVE, DANA), (DANA, EVE), (DANA, MARCO)])
def test_the_pair_decides_one_stage(first: Person, then: Person) -> None:
    for repeat in (False, True):
        facts = given_to(then.id if then is not DANA else first.id, DANA, stood={0: {first.id: Say.APPROVE}})
        plan = facts_of(*TWO_STAGES.stages, repeat=repeat).plan
        assert plan is not None
        broken = names(Voter(then), replace(facts, plan=plan.advance(NOW)))
        assert broken == ([] if repeat else ["stage-repeat"])


def test_a_quorum_that_only_a_pair_could_fill_is_out_of_reach() -> None:
    assert not tally([DANA, EVE], given_to("eve", DANA), 0).reachable(2)
    assert tally([DANA, EVE, MARCO], given_to("eve", DANA), 0).reachable(2)
    assert tally([DANA, EVE, MARCO], given_to("eve", DANA, MARCO), 0).reachable(2)  # as long as the two vote themselves
    assert not tally([DANA, EVE, MARCO], given_to("eve", DANA, MARCO), 0).reachable(3)
    said = given_to("eve", DANA, MARCO, stood={0: {"eve": Say.APPROVE}})
    assert not tally([DANA, EVE, MARCO], said, 0).reachable(2)


@pytest.mark.parametrize(
    ("starts", "ends", "blamed"),
    [
        (timedelta(0), HOUR, None),
        (timedelta(0), LONGEST, None),
        (HOUR, LONGEST + HOUR, None),
        (timedelta(0), LONGEST + timedelta(microseconds=1), "until"),
        (-timedelta(microseconds=1), HOUR, "from"),
        (HOUR, HOUR, "until"),
        (timedelta(0), timedelta(0), "until"),
        (2 * HOUR, HOUR, "until"),
    ],
)
def test_a_period_lies_ahead_and_is_thirty_days_long_at_most(
    starts: timedelta, ends: timedelta, blamed: str | None
) -> None:
    wrong = period_error(NOW, NOW + starts, NOW + ends)
    assert (wrong and wrong[0]) == blamed


def test_it_counts_for_what_comes_after_it() -> None:
    one = Delegation("dana", "eve", NOW, NOW + HOUR, NOW + 2 * HOUR)
    assert [one.given_before(moment) for moment in (NOW - HOUR, NOW, NOW + HOUR)] == [False, False, True]


# Counting, against counting by trying everything.

FEW = "abcdef"
givers = st.dictionaries(st.sampled_from(FEW), st.sampled_from(FEW), max_size=6)
some = st.frozensets(st.sampled_from(FEW))


def pairs_of(given_: dict[str, str]) -> frozenset[tuple[str, str]]:
    """Everybody gives to one at most, as in a database."""
    return frozenset((to, person) for person, to in given_.items() if person != to)


@given(some, givers)
def test_distinct_is_the_number_of_heaps(persons: frozenset[str], given_: dict[str, str]) -> None:
    pairs = pairs_of(given_)
    heap = {person: {person} for person in persons}
    for one, other in pairs:
        if one in heap and other in heap:
            merged = heap[one] | heap[other]
            for person in merged:
                heap[person] = merged
    assert distinct(persons, pairs) == len({frozenset(found) for found in heap.values()})


@given(some, givers)
def test_most_apart_is_the_largest_set_in_which_no_two_are_a_pair(
    persons: frozenset[str], given_: dict[str, str]
) -> None:
    pairs = pairs_of(given_)
    sizes = [
        size
        for size in range(len(persons) + 1)
        for chosen in combinations(sorted(persons), size)
        if not any(beside(one, pairs) & set(chosen) for one in chosen)
    ]
    assert most_apart(persons, pairs) == max(sizes)


@given(some, some, some, givers, st.integers(0, 4))
def test_reachable_means_that_votes_which_may_still_come_would_pass(
    approved: frozenset[str], may: frozenset[str], near: frozenset[str], given_: dict[str, str], quorum: int
) -> None:
    """Near are, with an owner, who stands in for one, as the product has it."""
    pairs = pairs_of(given_)
    owners = near | {delegate for delegate, away in pairs if away in near}
    votes = Tally(approved, frozenset(), may - approved, frozenset(owners), pairs)
    free = [person for person in sorted(votes.may_still) if not beside(person, pairs) & approved]
    further = [
        chosen
        for size in range(len(free) + 1)
        for chosen in combinations(free, size)
        if not any(beside(one, pairs) & set(chosen) for one in chosen)
    ]
    passing = [chosen for chosen in further if replace(votes, approvals=approved | set(chosen)).passes(quorum)]
    assert votes.reachable(quorum) == bool(passing)
