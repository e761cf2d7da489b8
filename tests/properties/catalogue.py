"""The rules of the gate, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

SEPARATION = "app.domain.separation"
PLAN = "app.domain.plan"
VERDICT = "app.domain.verdict"
PROGRESS = "app.domain.progress"
BY_EXAMPLE = "domain/test_separation.py::"
BY_GRAPH = "domain/test_separation_graphs.py::"
DECIDING = "properties/test_guards_of_decisions.py::"
EXECUTING = "properties/test_guards_of_execution.py::"

ONE_RULE = BY_EXAMPLE + "test_one_rule_broken"
WHO_MAY = BY_GRAPH + "test_eligible_is_exactly_who_may"
NEAR = BY_GRAPH + "test_nobody_who_stands_near_is_ever_eligible"

INVARIANTS = (
    Mutant(
        "self-approval: the asker",
        f"{SEPARATION}:_own_exclusions",
        "(facts.asker_person, facts.credential_maker)",
        "(facts.credential_maker,)",
        (ONE_RULE, NEAR),
    ),
    Mutant(
        "self-approval: who made the credential",
        f"{SEPARATION}:_own_exclusions",
        "(facts.asker_person, facts.credential_maker)",
        "(facts.asker_person,)",
        (ONE_RULE, DECIDING + "test_who_made_the_credential"),
    ),
    Mutant(
        "on-behalf-of: for whom",
        f"{SEPARATION}:_own_exclusions",
        "{facts.on_behalf_of, facts.triggered_by}",
        "{facts.triggered_by}",
        (ONE_RULE, NEAR),
    ),
    Mutant(
        "on-behalf-of: whose message",
        f"{SEPARATION}:_own_exclusions",
        "{facts.on_behalf_of, facts.triggered_by}",
        "{facts.on_behalf_of}",
        (ONE_RULE, WHO_MAY),
    ),
    Mutant(
        "bot-owner: high and critical",
        f"{SEPARATION}:_own_exclusions",
        "facts.risk >= Risk.HIGH",
        "facts.risk > Risk.CRITICAL",
        (ONE_RULE, BY_EXAMPLE + "test_the_bots_owner", BY_GRAPH + "test_an_owner_never_decides_high_or_critical"),
    ),
    Mutant(
        "bot-owner: critical alone",
        f"{SEPARATION}:_own_exclusions",
        "facts.risk >= Risk.HIGH",
        "facts.risk > Risk.HIGH",
        (BY_EXAMPLE + "test_the_bots_owner",),
    ),
    Mutant(
        "bot-owner: the only vote",
        f"{SEPARATION}:_of_stage",
        "stage.quorum == 1",
        "stage.quorum == 0",
        (ONE_RULE, BY_EXAMPLE + "test_the_bots_owner", WHO_MAY),
    ),
    Mutant(
        "bot-owner: one vote that is not theirs",
        f"{PLAN}:Tally.passes",
        " and bool(self.approvals - self.stands_near)",
        "",
        (BY_EXAMPLE + "test_below_high_owners_alone_are_no_quorum",),
    ),
    Mutant(
        "bot-owner: whom the tally counts as near",
        f"{SEPARATION}:tally",
        "_near(facts) if facts.risk < Risk.HIGH else frozenset()",
        "frozenset()",
        (BY_EXAMPLE + "test_below_high_owners_alone_are_no_quorum",),
    ),
    Mutant(
        "beneficiary",
        f"{SEPARATION}:_own_exclusions",
        "if person.subjects & facts.beneficiaries:",
        "if False:",
        (ONE_RULE, WHO_MAY),
    ),
    Mutant(
        "not-eligible",
        f"{SEPARATION}:_of_stage",
        "if not _in_groups(person, facts, stage) and not stands_for(person, facts, stage):",
        "if False:",
        (ONE_RULE, WHO_MAY),
    ),
    Mutant(
        "not-eligible: when admitted",
        f"{SEPARATION}:_in_groups",
        "{group for group in stage.groups if person.id in facts.members.get(group, ())}",
        "set(stage.groups)",
        (ONE_RULE, WHO_MAY, DECIDING + "test_who_joined_after_admission"),
    ),
    Mutant(
        "not-eligible: now",
        f"{SEPARATION}:_in_groups",
        "bool(then & person.groups)",
        "bool(then)",
        (WHO_MAY, BY_EXAMPLE + "test_a_vote_of_who_lost_the_standing_is_void"),
    ),
    Mutant(
        "not-eligible: the same group then and now",
        f"{SEPARATION}:_in_groups",
        "bool(then & person.groups)",
        "bool(then) and bool(person.groups & set(stage.groups))",
        (BY_EXAMPLE + "test_a_group_left_or_joined_since_does_not_count",),
    ),
    Mutant(
        "one-person-one-vote: the quorum",
        f"{PLAN}:Tally.passes",
        "self.count >= quorum",
        "self.count >= 1",
        (
            BY_GRAPH + "test_no_quorum_by_fewer_persons_or_by_owners_alone",
            DECIDING + "test_a_quorum_of_distinct_persons",
        ),
    ),
    Mutant(
        "unlinked-identity: who is gone",
        f"{SEPARATION}:violations",
        "voter.person is None or not voter.person.active",
        "voter.person is None",
        (BY_EXAMPLE + "test_an_identity_of_no_single_active_person_never_decides", WHO_MAY),
    ),
    Mutant(
        "not-human",
        f"{SEPARATION}:violations",
        "if not voter.human:",
        "if False:",
        (BY_EXAMPLE + "test_a_bot_never_decides_and_hears_nothing_else",),
    ),
    Mutant(
        "weak-authentication",
        f"{SEPARATION}:_of_stage",
        "if level < stage.level:",
        "if False:",
        (BY_EXAMPLE + "test_the_level_is_met_or_weak",),
    ),
    Mutant(
        "stage-repeat",
        f"{SEPARATION}:_of_stage",
        "if not plan.allow_repeat and any(",
        "if False and any(",
        (BY_EXAMPLE + "test_who_decided_one_stage_does_not_decide_the_next_unless_the_plan_says_so", WHO_MAY),
    ),
    Mutant(
        "stage-repeat: two stages ago",
        f"{SEPARATION}:_of_stage",
        "for i in range(index)",
        "for i in range(max(0, index - 1), index)",
        (BY_EXAMPLE + "test_who_decided_two_stages_ago_does_not_decide_either",),
    ),
    Mutant(
        "stale-authority: the tally",
        f"{SEPARATION}:tally",
        "approvals=frozenset(p for p in able if stood.get(p) is Say.APPROVE)",
        "approvals=frozenset(p for p in stood if stood.get(p) is Say.APPROVE)",
        (
            BY_EXAMPLE + "test_a_vote_of_who_lost_the_standing_is_void",
            BY_GRAPH + "test_a_yes_stands_only_while_its_approvers_do",
        ),
    ),
)
"""Each rule of app/domain/separation.py."""

RULES = (
    Mutant(
        "merge: the largest quorum",
        f"{PLAN}:_stricter",
        "quorum=max(",
        "quorum=min(",
        (
            "domain/test_plan.py::test_two_plans_in_one",
            "domain/test_plan.py::test_a_merge_is_at_least_as_strict_as_each_plan",
        ),
    ),
    Mutant(
        "merge: the strictest level",
        f"{PLAN}:_stricter",
        "level=max(",
        "level=min(",
        ("domain/test_plan.py::test_a_merge_is_at_least_as_strict_as_each_plan",),
    ),
    Mutant(
        "merge: no repeat unless all allow",
        f"{PLAN}:merge",
        "allow_repeat=all(",
        "allow_repeat=any(",
        ("domain/test_plan.py::test_a_merge_is_at_least_as_strict_as_each_plan",),
    ),
    Mutant(
        "merge: the shortest expiry",
        f"{PLAN}:merge",
        "expires=min(",
        "expires=max(",
        ("domain/test_plan.py::test_a_merge_is_at_least_as_strict_as_each_plan",),
    ),
    Mutant(
        "verdict: deny beats all",
        f"{VERDICT}:combine",
        "match.outcome is Outcome.DENY]",
        "match.outcome is Outcome.DENY and not matches]",
        ("domain/test_verdict.py::test_a_denial_gives_its_sentence",),
    ),
    Mutant(
        "verdict: a rule that errs denies",
        f"{VERDICT}:combine",
        "for match in matches if match.error]",
        "for match in matches if match.error and not matches]",
        ("domain/test_verdict.py::test_an_error_denies_before_all_else",),
    ),
    Mutant(
        "verdict: allow never frees the critical",
        f"{VERDICT}:combine",
        "risk is Risk.CRITICAL or ",
        "",
        ("domain/test_verdict.py::test_an_allow_never_frees_the_critical_the_irreversible_or_another_models",),
    ),
    Mutant(
        "verdict: allow never frees the irreversible",
        f"{VERDICT}:combine",
        "risk is Risk.CRITICAL or reversibility is Reversibility.IRREVERSIBLE",
        "risk is Risk.CRITICAL",
        ("domain/test_verdict.py::test_an_allow_never_frees_the_critical_the_irreversible_or_another_models",),
    ),
    Mutant(
        "newer rules: a passed stage counts only on the same terms",
        f"{PLAN}:_same_terms",
        "passed.level >= wanted.level and ",
        "",
        ("domain/test_plan.py::test_what_the_newer_rules_ask_beyond_is_missing",),
    ),
    Mutant(
        "newer rules: a larger quorum",
        f"{PLAN}:missing",
        "if at is not None and kept[at].quorum >= rule.quorum:",
        "if at is not None:",
        ("domain/test_plan.py::test_a_grown_quorum_opens_its_stage_again_and_its_votes_stand",),
    ),
    Mutant(
        "newer rules: signatures of who might repeat",
        f"{PLAN}:missing",
        "held is not None and (newer.allow_repeat or not held.allow_repeat)",
        "held is not None",
        ("domain/test_plan.py::test_signatures_of_who_might_repeat_are_not_taken_where_nobody_may",),
    ),
    Mutant(
        "newer rules: no repeat unless those of admission allow it",
        f"{PLAN}:missing",
        "newer.allow_repeat and (held is None or held.allow_repeat)",
        "newer.allow_repeat",
        (EXECUTING + "test_newer_rules_that_let_people_repeat_lift_nothing_that_was_asked_before",),
    ),
    Mutant(
        "progress: nothing goes on past expires_at",
        f"{PROGRESS}:progress",
        "if now > expires_at:",
        "if False:",
        ("domain/test_progress.py::test_past_expiry_nothing_goes_on", EXECUTING + "test_a_hold_ends_at_its_expiry"),
    ),
    Mutant(
        "progress: a stage ends when its time is over",
        f"{PROGRESS}:_escalation",
        "if stage.closes_at is not None and now >= stage.closes_at:",
        "if False:",
        ("domain/test_progress.py::test_a_late_stage_with_nowhere_to_go_ends_the_request",),
    ),
    Mutant(
        "states: the table",
        "app.domain.states:may_become",
        "then in TRANSITIONS[now]",
        "True",
        ("domain/test_states.py::test_a_move_is_legal_only_if_the_design_has_it",),
    ),
    Mutant(
        "digest: what it is of",
        "app.domain.digest:request_digest",
        'sha256({"v": 1, **locals()})',
        'sha256({"v": 1, **{k: v for k, v in locals().items() if k != "parameters"}})',
        ("domain/test_digest.py::test_any_field_moves_the_digest",),
    ),
    Mutant(
        "ledger: the chain",
        "app.domain.ledger:_defects",
        'if body["prev"] != prev:',
        "if False:",
        ("domain/test_ledger.py::test_a_removed_entry_is_found_though_the_rest_is_renumbered",),
    ),
)
"""Plans, verdicts, states, digest and ledger."""
