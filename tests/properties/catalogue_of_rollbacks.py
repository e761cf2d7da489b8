"""The guards of rollbacks, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.catalogue import BY_EXAMPLE, BY_GRAPH, SEPARATION
from tests.properties.mutants import Mutant

RULES_OF = "app.domain.rollback:refusal"
UNDOING = "app.steps.rollback"
START = "app.steps.start"
BY_RULE = "domain/test_rollback.py::"
BACK = "properties/test_guards_of_rollbacks.py::"
STOPPING = "properties/test_guards_of_stops.py::"

NEAR = BY_EXAMPLE + "test_who_stood_near_what_a_rollback_undoes"
EACH = BY_RULE + "test_each_refusal_by_its_code"
SIGNS_NOT = BY_GRAPH + "test_nobody_near_the_original_signs_its_rollback"

ROLLBACKS = (
    Mutant(
        "rollback-approver: who approved",
        f"{SEPARATION}:_stood_near_the_original",
        ", *facts.approvers}",
        "}",
        (NEAR, SIGNS_NOT, BACK + "test_who_approved_it_does_not_sign_its_rollback"),
    ),
    Mutant(
        "rollback-approver: who asked to undo it",
        f"{SEPARATION}:_stood_near_the_original",
        "{facts.asker_person, facts.credential_maker,",
        "{facts.credential_maker,",
        (NEAR, SIGNS_NOT),
    ),
    Mutant(
        "rollback-approver: for whom, and who benefited",
        f"{SEPARATION}:_stood_near_the_original",
        "named or bool(",
        "named or False and bool(",
        (NEAR,),
    ),
    Mutant(
        "rollback-approver: of rollbacks",
        f"{SEPARATION}:_own_exclusions",
        "if facts.kind in (Kind.ROLLBACK, Kind.INCIDENT_ROLLBACK) and _stood_near_the_original(person, facts):",
        "if False:",
        (NEAR, SIGNS_NOT, BY_GRAPH + "test_the_personal_exclusions_are_the_same_for_every_stage"),
    ),
    Mutant(
        "rollback: of an action only",
        RULES_OF,
        "if original.kind is not Kind.ACTION:",
        "if False:",
        (EACH,),
    ),
    Mutant(
        "rollback: what something undoes",
        RULES_OF,
        "if original.within is None:",
        "if False:",
        (EACH,),
    ),
    Mutant(
        "rollback: what has an outcome",
        RULES_OF,
        "if original.status not in HAS_OUTCOME:",
        "if False:",
        (BY_RULE + "test_only_an_outcome_is_undone", BACK + "test_what_has_no_outcome_yet_is_not_undone"),
    ),
    Mutant(
        "rollback: in time",
        RULES_OF,
        "if original.until is None or now > original.until:",
        "if original.until is None:",
        (
            BY_RULE + "test_its_last_instant_still_counts_and_the_next_does_not",
            BACK + "test_its_time_is_counted_from_the_outcome",
        ),
    ),
    Mutant(
        "rollback: its last instant",
        RULES_OF,
        "now > original.until",
        "now >= original.until",
        (BY_RULE + "test_its_last_instant_still_counts_and_the_next_does_not",),
    ),
    Mutant(
        "rollback: one stands",
        RULES_OF,
        "if original.rolled_back:",
        "if False:",
        (EACH, BACK + "test_one_stands_at_a_time"),
    ),
    Mutant(
        "rollback: one stands, as the rows say",
        f"{UNDOING}:original_of",
        "rolled_back=bool(standing)",
        "rolled_back=False",
        (BACK + "test_one_stands_at_a_time",),
    ),
    Mutant(
        "rollback: a responder asks",
        "app.use_cases.rollback:_refusal",
        'require(found.policy, who, found.row, "roll back")',
        "pass",
        (BACK + "test_a_responder_asks_and_nobody_else",),
    ),
    Mutant(
        "rollback: who approved, whether that stands or not",
        f"{UNDOING}:approvers_of",
        "if d.say == Say.APPROVE",
        "if d.say == Say.APPROVE and d.standing",
        (BACK + "test_whose_approval_was_void_does_not_sign_its_rollback",),
    ),
    Mutant(
        "rollback: who approved is kept",
        f"{UNDOING}:admission_of",
        '"approved_by": sorted(approved_by)',
        '"approved_by": []',
        (BACK + "test_who_approved_it_does_not_sign_its_rollback",),
    ),
    Mutant(
        "rollback: for whom is inherited",
        f"{UNDOING}:admission_of",
        "on_behalf_of=row.on_behalf_of,",
        "on_behalf_of=None,",
        (BACK + "test_whom_the_original_was_for_does_not_sign",),
    ),
    Mutant(
        "rollback: who benefited is inherited",
        f"{UNDOING}:admission_of",
        "subjects=frozenset(row.beneficiaries) | subjects,",
        "subjects=subjects,",
        (BACK + "test_who_benefited_from_it_does_not_sign",),
    ),
    Mutant(
        "rollback: who benefits from undoing it",
        f"{UNDOING}:admission_of",
        "subjects=frozenset(row.beneficiaries) | subjects,",
        "subjects=frozenset(row.beneficiaries),",
        (BACK + "test_who_benefits_from_undoing_it_does_not_sign",),
    ),
    Mutant(
        "rollback: who made the credential is inherited",
        f"{UNDOING}:admission_of",
        "credential_maker=row.credential_maker,",
        "credential_maker=None,",
        (BACK + "test_who_made_the_credential_that_asked_does_not_sign",),
    ),
    Mutant(
        "rollback: the owners are inherited",
        f"{UNDOING}:admission_of",
        "bot_owners=frozenset(row.bot_owners).union(",
        "bot_owners=frozenset().union(",
        (BACK + "test_the_owner_of_the_bot_does_not_sign",),
    ),
    Mutant(
        "rollback: the owners now",
        "app.steps.facts:owners_now",
        "for action in actions))",
        "for action in ()))",
        (BACK + "test_the_owner_of_the_bot_does_not_sign",),
    ),
    Mutant(
        "rollback: the owners whom the original's action names",
        "app.steps.facts:owners_now",
        'actions = {row.action, (row.undoes or {}).get("action", row.action)}',
        "actions = {row.action}",
        (BACK + "test_the_owner_whom_the_original_names_since_does_not_sign",),
    ),
    Mutant(
        "rollback: refused for what it is",
        f"{UNDOING}:admission_of",
        "verdict if verdict.outcome is Outcome.DENY else error or verdict",
        "error or verdict",
        (BACK + "test_what_is_refused_is_refused_for_what_it_is",),
    ),
    Mutant(
        "rollback: the incident seat of that bot",
        "app.steps.access:_person_roles",
        'person in policy.groups_that_may("respond")',
        'policy.may(person, "respond")',
        (BACK + "test_the_incident_seat_of_another_bot_asks_nothing",),
    ),
    Mutant(
        "rollback: its own plan",
        f"{UNDOING}:_plan",
        "if named in policy.plans:",
        "if False:",
        (BACK + "test_its_plan_is_its_own_or_what_the_original_passed",),
    ),
    Mutant(
        "rollback: what the original passed",
        f"{UNDOING}:_plan",
        "if passed is not None and all(stage.group in policy.groups for stage in passed.stages):",
        "if False:",
        (BACK + "test_its_plan_is_its_own_or_what_the_original_passed",),
    ),
    Mutant(
        "rollback: the higher risk",
        f"{UNDOING}:admission_of",
        "max(risk, undo.risk)",
        "undo.risk",
        (BACK + "test_its_risk_is_the_higher_of_both",),
    ),
    Mutant(
        "rollback: the risk of undoing it",
        f"{UNDOING}:admission_of",
        "max(risk, undo.risk)",
        "risk",
        (BACK + "test_its_risk_is_the_higher_of_both",),
    ),
    Mutant(
        "rollback: the conflict key is inherited",
        f"{UNDOING}:admission_of",
        "conflict_key=row.conflict_key or conflict_key,",
        "conflict_key=conflict_key,",
        (BACK + "test_the_key_that_somebody_else_has_is_waited_for",),
    ),
    Mutant(
        "rollback: always held",
        f"{UNDOING}:_hold",
        "Outcome.HOLD",
        "Outcome.ALLOW",
        (BACK + "test_it_starts_once_signed_only",),
    ),
    Mutant(
        "rollback, start: the outcome that was signed for",
        f"{UNDOING}:ground_gone",
        'original is None or original.status != undoes.get("status")',
        "original is None",
        (BACK + "test_an_outcome_that_people_settled_meanwhile_ends_it",),
    ),
    Mutant(
        "rollback, start: who asked is there still",
        f"{UNDOING}:_may_ask_still",
        "found.crowd.active.get(asker, False)",
        "True",
        (BACK + "test_who_asked_may_ask_for_it_still",),
    ),
    Mutant(
        "rollback, start: who asked is a responder still",
        f"{UNDOING}:_may_ask_still",
        ' & MAY["roll back"]',
        "",
        (BACK + "test_who_asked_may_ask_for_it_still",),
    ),
    Mutant(
        "rollback, start: the parameters that were signed for",
        f"{UNDOING}:ground_gone",
        "(again.action.name, again.parameters) == (found.row.action, found.row.parameters)",
        "again.action.name == found.row.action",
        (BACK + "test_what_would_run_is_what_was_signed",),
    ),
    Mutant(
        "rollback, start: rules that still say how",
        f"{UNDOING}:ground_gone",
        "if isinstance(again, Verdict):\n        return NOT_REVERSIBLE",
        "if isinstance(again, Verdict):\n        return None",
        (BACK + "test_what_would_run_is_what_was_signed",),
    ),
    Mutant(
        "rollback, start: its ground at all",
        f"{START}:_ground_of_person_gone",
        "return rollback.ground_gone(found) or await _incident_over(found)",
        "return None",
        (
            BACK + "test_what_would_run_is_what_was_signed",
            BACK + "test_an_outcome_that_people_settled_meanwhile_ends_it",
        ),
    ),
    Mutant(
        "rollback, start: a plan that asks for more",
        f"{START}:_rules_still_agree",
        "if found.policy.version == found.row.policy_version:",
        'if found.row.kind == "rollback" or found.policy.version == found.row.policy_version:',
        (BACK + "test_newer_rules_want_more_people_for_it",),
    ),
    Mutant(
        "rollback: the key not before nothing is on its way",
        f"{START}:_original_is_over",
        "if found.now < earliest:",
        "if False:",
        (BACK + "test_the_key_of_an_unknown_one_is_taken_over_once_nothing_is_on_its_way",),
    ),
    Mutant(
        "rollback: the key is taken over",
        f"{START}:_key_is_free",
        "[found.row.id] if found.original is None else [found.row.id, found.original.id]",
        "[found.row.id]",
        (BACK + "test_the_key_of_an_unknown_one_is_taken_over_once_nothing_is_on_its_way",),
    ),
    Mutant(
        "rollback: the key is given back",
        "app.steps.finish:conclude",
        "if found.original is not None and",
        "if False and",
        (BACK + "test_a_rollback_that_failed_gives_the_key_back",),
    ),
    Mutant(
        "rollback: the key is given back by one that failed only",
        "app.steps.finish:conclude",
        " and status is Status.FAILED",
        "",
        (BACK + "test_a_rollback_that_failed_gives_the_key_back",),
    ),
    Mutant(
        "rollback: an unknown one without its key stands in nobody's way",
        "app.db.requests:unknown_with_key",
        ", ExecutionAttempt.holds_key)",
        ")",
        (BACK + "test_a_rollback_that_failed_gives_the_key_back",),
    ),
    Mutant(
        "rollback: not cancelled by the bot's owner",
        "app.steps.access:_person_roles",
        " and row.kind == Kind.ACTION",
        "",
        (BACK + "test_the_owner_of_the_bot_does_not_cancel_its_rollback",),
    ),
    Mutant(
        "rollback: goes on although the bot is stopped",
        "app.steps.scene:Scene.stopped",
        "if self.row.kind != Kind.ACTION:",
        "if False:",
        (
            BACK + "test_it_runs_although_the_bot_is_suspended",
            STOPPING + "test_who_asked_owned_or_deployed_does_not_let_it_go_on",
        ),
    ),
)
"""From what may be undone to what runs."""
