"""The guards of delegation, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

SEPARATION = "app.domain.separation"
DELEGATION = "app.domain.delegation"
PLAN = "app.domain.plan"
FACTS = "app.steps.facts"
GIVING = "app.use_cases.delegations"
STORED = "app.db.delegations"
BY_EXAMPLE = "domain/test_delegation.py::"
ATTACK = "attacks/test_delegation.py::"
VOTES = "attacks/test_delegated_votes.py::"
API = "api/test_delegations.py::"

DELEGATIONS = (
    Mutant(
        "delegate-excluded: inherited",
        f"{SEPARATION}:exclusions",
        "if any(_own_exclusions(away, facts) for away in facts.delegators.get(person.id, ())):",
        "if False:",
        (
            BY_EXAMPLE + "test_every_exclusion_is_inherited",
            ATTACK + "test_who_made_the_credential_sends_nobody",
            ATTACK + "test_for_whom_the_bot_acts_sends_nobody",
            ATTACK + "test_who_benefits_sends_nobody",
            ATTACK + "test_the_bots_owner_sends_nobody",
            ATTACK + "test_who_approved_sends_nobody_to_sign_its_rollback",
            ATTACK + "test_who_asks_for_a_change_sends_nobody",
            ATTACK + "test_the_exclusion_stays_when_who_is_excluded_leaves",
            ATTACK + "test_who_is_excluded_sends_nobody_to_settle",
        ),
    ),
    Mutant(
        "delegate-excluded: the owner's delegate as the only vote",
        f"{SEPARATION}:only_vote",
        "if _stands_for_owner(person.id, facts) else []",
        "if False else []",
        (
            BY_EXAMPLE + "test_where_one_word_is_enough_it_is_not_the_owners_delegates",
            ATTACK + "test_the_bots_owner_sends_nobody",
        ),
    ),
    Mutant(
        "delegate-excluded: the owner's delegate stands near",
        f"{SEPARATION}:_near",
        " | {id_ for id_ in facts.delegators if _stands_for_owner(id_, facts)}",
        "",
        (
            BY_EXAMPLE + "test_the_owners_delegate_is_no_other_vote",
            ATTACK + "test_below_high_risk_the_owners_delegate_is_no_other_vote",
        ),
    ),
    Mutant(
        "a right is lent: not by who has left",
        f"{SEPARATION}:stands_for",
        "if away.active and _in_groups",
        "if _in_groups",
        (BY_EXAMPLE + "test_who_has_no_right_lends_none", VOTES + "test_a_vote_for_who_has_left_is_void"),
    ),
    Mutant(
        "a right is lent: by who was in the group and is",
        f"{SEPARATION}:stands_for",
        "away.active and _in_groups(away, facts, stage)",
        "away.active",
        (
            BY_EXAMPLE + "test_who_has_no_right_lends_none",
            ATTACK + "test_who_joins_the_group_after_admission_lends_nothing",
            ATTACK + "test_who_left_the_group_lends_nothing",
            ATTACK + "test_a_right_that_was_given_is_not_passed_on",
        ),
    ),
    Mutant(
        "one-person-one-vote: the pair",
        f"{SEPARATION}:_of_stage",
        "if person.id not in stood and others & stood:",
        "if False:",
        (
            BY_EXAMPLE + "test_the_pair_votes_once_on_a_stage",
            VOTES + "test_both_together_are_no_quorum_of_two",
            ATTACK + "test_a_loop_makes_nobody_more",
            VOTES + "test_one_who_stands_in_for_two_is_one_vote",
        ),
    ),
    Mutant(
        "stage-repeat: the pair",
        f"{SEPARATION}:_of_stage",
        "{person.id, *others} & facts",
        "{person.id} & facts",
        (
            BY_EXAMPLE + "test_the_pair_decides_one_stage",
            VOTES + "test_the_two_of_them_do_not_decide_two_stages",
        ),
    ),
    Mutant(
        "one-person-one-vote: the count of approvals",
        f"{PLAN}:Tally.count",
        "distinct(self.approvals, self.pairs)",
        "len(self.approvals)",
        (
            BY_EXAMPLE + "test_votes_of_a_pair_count_once",
            VOTES + "test_votes_of_two_who_become_a_pair_count_once_at_the_start",
        ),
    ),
    Mutant(
        "one-person-one-vote: who is a pair",
        f"{SEPARATION}:tally",
        "pairs=facts.pairs,",
        "pairs=frozenset(),",
        (
            BY_EXAMPLE + "test_votes_of_a_pair_count_once",
            BY_EXAMPLE + "test_a_quorum_that_only_a_pair_could_fill_is_out_of_reach",
        ),
    ),
    Mutant(
        "out of reach: what a pair may still do",
        f"{PLAN}:Tally.reachable",
        "most_apart(more, self.pairs)",
        "len(more)",
        (
            BY_EXAMPLE + "test_a_quorum_that_only_a_pair_could_fill_is_out_of_reach",
            VOTES + "test_a_quorum_that_only_a_pair_could_fill_is_out_of_reach",
        ),
    ),
    Mutant(
        "not for what is pending",
        f"{FACTS}:_delegators",
        "given.given_before(row.created_at) and ",
        "",
        (ATTACK + "test_nobody_is_called_in_for_what_is_pending",),
    ),
    Mutant(
        "not for what is pending: at the same instant",
        f"{DELEGATION}:Delegation.given_before",
        "self.created_at < admitted_at",
        "self.created_at <= admitted_at",
        (BY_EXAMPLE + "test_it_counts_for_what_comes_after_it",),
    ),
    Mutant(
        "not for what is pending: not to read",
        "app.steps.access:roles",
        "if given.given_before(row.created_at)",
        "if True",
        (ATTACK + "test_nobody_is_called_in_for_what_is_pending",),
    ),
    Mutant(
        "not for what is pending: not to list",
        "app.use_cases.access:visible",
        "(Request.created_at > one.created_at) & what",
        "what",
        (VOTES + "test_a_delegate_lists_what_they_may_decide_and_nothing_else",),
    ),
    Mutant(
        "time-boxed: not before",
        f"{STORED}:_runs",
        "row.starts_at <= now < row.ends_at",
        "now < row.ends_at",
        (ATTACK + "test_not_before_it_begins",),
    ),
    Mutant(
        "time-boxed: not after",
        f"{STORED}:_runs",
        " < row.ends_at",
        "",
        (VOTES + "test_a_vote_by_a_delegation_that_has_run_out_is_void",),
    ),
    Mutant(
        "time-boxed: not when ended",
        f"{STORED}:_runs",
        "row.ended_at is None and ",
        "",
        (
            ATTACK + "test_an_ended_one_is_over",
            VOTES + "test_a_vote_by_a_delegation_that_was_ended_since_is_void",
        ),
    ),
    Mutant(
        "time-boxed: 30 days",
        f"{DELEGATION}:period_error",
        "if ends_at - starts_at > LONGEST:",
        "if False:",
        (BY_EXAMPLE + "test_a_period_lies_ahead_and_is_thirty_days_long_at_most", API + "test_what_cannot_be"),
    ),
    Mutant(
        "not backdated",
        f"{DELEGATION}:period_error",
        "if starts_at < created_at:",
        "if False:",
        (BY_EXAMPLE + "test_a_period_lies_ahead_and_is_thirty_days_long_at_most", API + "test_what_cannot_be"),
    ),
    Mutant(
        "one delegate at a time",
        f"{GIVING}:_check",
        "if other is not None:",
        "if False:",
        (API + "test_one_at_a_time", API + "test_of_many_at_once_one_stands"),
    ),
    Mutant(
        "one delegate at a time: in turn",
        f"{GIVING}:_locked",
        'await ledger.lock_stream(session, f"person:{known.pid}")',
        "pass",
        (API + "test_of_many_at_once_one_stands",),
    ),
    Mutant(
        "given by who has signed in",
        f"{GIVING}:_surely",
        "if who.level < Level.LOGIN:",
        "if False:",
        (API + "test_a_click_is_not_enough",),
    ),
    Mutant(
        "given by who is here still",
        f"{GIVING}:_locked",
        "if known is None or not known.active:",
        "if known is None:",
        (VOTES + "test_one_who_left_meanwhile_gives_nothing",),
    ),
    Mutant(
        "given to who is here",
        f"{GIVING}:_check",
        "if delegate is None or not delegate.active:",
        "if delegate is None:",
        (API + "test_who_has_left_decides_for_nobody",),
    ),
    Mutant(
        "ended by the two or who may administer",
        f"{GIVING}:end",
        'if person not in (row.person_id, row.delegate_id) and not policy.may(person, "administer"):',
        "if False:",
        (API + "test_who_ends_it",),
    ),
    Mutant(
        "seen by the two, auditors and who may administer",
        f"{GIVING}:_seen",
        "if row is None or not (sees_all or person in (row.person_id, row.delegate_id)):",
        "if row is None:",
        (API + "test_who_ends_it",),
    ),
    Mutant(
        "settle: the pair counts once",
        "app.steps.settle:_settle",
        "distinct(said, (await bench(found)).facts.pairs)",
        "len(said)",
        (VOTES + "test_the_two_of_them_do_not_settle_high_risk",),
    ),
    Mutant(
        "settle: not by the delegate of who approved",
        "app.steps.settle:settling_violations",
        "near = {person_id, *beside(person_id, people.facts.pairs)}",
        "near = {person_id}",
        (VOTES + "test_the_delegate_of_who_approved_does_not_settle",),
    ),
    Mutant(
        "rollback: in whose right it was approved",
        "app.steps.rollback:approvers_of",
        "for person in (d.person_id, *d.stands_for)",
        "for person in (d.person_id,)",
        (ATTACK + "test_in_whose_right_it_was_approved_signs_no_rollback_of_it",),
    ),
)
"""Each rule of DESIGN.md section 8 under `delegate-excluded`, and who may give, end and see."""
