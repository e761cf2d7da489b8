"""The guards of the stop switch and of the way back, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.catalogue import BY_EXAMPLE, BY_GRAPH, SEPARATION
from tests.properties.mutants import Mutant

CHANGE = "app.steps.change"
RESUMING = "app.steps.resuming"
POLICY = "app.governance.policy"
START = "app.steps.start"
STOPPING = "properties/test_guards_of_stops.py::"
BUILT_IN = "governance/test_built_in.py::"
CHANGES_NOT = BY_GRAPH + "test_nobody_who_asked_for_a_change_or_owns_the_bot_decides_it"

STOPS = (
    Mutant(
        "stop: who may",
        "app.use_cases.stop:may_stop",
        "return person in policy.responders(bot) | policy.security(bot)",
        "return True",
        (STOPPING + "test_responders_and_security_seats_throw_it_and_nobody_else",),
    ),
    Mutant(
        "stop: who may is asked",
        "app.use_cases.stop:require_stopper",
        "if not may_stop(policy, person, bot):",
        "if False:",
        (STOPPING + "test_responders_and_security_seats_throw_it_and_nobody_else",),
    ),
    Mutant(
        "stop: what was open stays ended",
        "app.steps.stop:stop",
        "row.stop_epoch += 1",
        "pass",
        (STOPPING + "test_what_was_open_is_revoked_and_stays_so",),
    ),
    Mutant(
        "stop: nothing new is admitted",
        "app.steps.asking:_before_rules",
        "if asked.in_force.suspended:",
        "if False:",
        (STOPPING + "test_what_was_open_is_revoked_and_stays_so",),
    ),
    Mutant(
        "stop: shown at once",
        "app.use_cases.views:_as_stopped",
        "if row.status not in (Status.HELD, Status.APPROVED) or not await stops.is_stopped(session, row.id):",
        "if True:",
        (STOPPING + "test_it_reads_revoked_before_that_is_recorded",),
    ),
    Mutant(
        "stop: listed at once",
        "app.use_cases.read:_stands_at",
        "stopped() if Status.REVOKED in statuses else false()",
        "false()",
        (STOPPING + "test_it_reads_revoked_before_that_is_recorded",),
    ),
    Mutant(
        "stop: recorded without anybody looking",
        "app.use_cases.upkeep:record_stops",
        "await _tick(services, request_id)",
        "pass",
        (STOPPING + "test_what_a_stop_has_ended_is_recorded_without_anybody_looking",),
    ),
    Mutant(
        "stop: of the bot that it is about",
        "app.db.governance:in_force",
        "[row.stop_epoch, row.bot_epoch or 0]",
        "[row.stop_epoch, 0]",
        (STOPPING + "test_what_was_open_is_revoked_and_stays_so",),
    ),
    Mutant(
        "stop: what it revoked is superseded by nothing",
        "app.steps.supersede:supersede",
        "if await revoke_if_stopped(found):",
        "if False:",
        (STOPPING + "test_what_a_stop_has_revoked_is_not_superseded",),
    ),
    Mutant(
        "governance-change: who asked",
        f"{SEPARATION}:_own_exclusions",
        "{facts.asker_person, *facts.bot_owners}",
        "{*facts.bot_owners}",
        (BY_EXAMPLE + "test_who_asked_for_a_change_or_owns_the_bot_it_is_about", CHANGES_NOT),
    ),
    Mutant(
        "governance-change: who owns or deployed",
        f"{SEPARATION}:_own_exclusions",
        "{facts.asker_person, *facts.bot_owners}",
        "{facts.asker_person}",
        (
            BY_EXAMPLE + "test_who_asked_for_a_change_or_owns_the_bot_it_is_about",
            CHANGES_NOT,
            STOPPING + "test_who_asked_owned_or_deployed_does_not_let_it_go_on",
        ),
    ),
    Mutant(
        "governance-change: of governance",
        f"{SEPARATION}:_own_exclusions",
        "if facts.kind is Kind.GOVERNANCE and",
        "if False and",
        (CHANGES_NOT, STOPPING + "test_who_asked_owned_or_deployed_does_not_let_it_go_on"),
    ),
    Mutant(
        "change: its owners",
        f"{CHANGE}:consider_change",
        "bot_owners=judged.owners,",
        "",
        (STOPPING + "test_who_owned_the_bot_when_it_was_asked_does_not_let_it_go_on",),
    ),
    Mutant(
        "change: its owners now",
        "app.steps.facts:owners_now",
        "return owners_of_change(policy, row.action, row.about_bot)",
        "return frozenset()",
        (STOPPING + "test_who_owns_the_bot_since_does_not_let_it_go_on",),
    ),
    Mutant(
        "change: of all bots' owners",
        "app.steps.facts:owners_of_change",
        "bots = policy.bots if bot_id is None else (bot_id,)",
        "bots = () if bot_id is None else (bot_id,)",
        (STOPPING + "test_who_asked_owned_or_deployed_does_not_let_it_go_on",),
    ),
    Mutant(
        "resume: a stop thrown again",
        f"{RESUMING}:_ground_gone",
        "found.in_force.stop_epochs[which] != found.row.stop_epochs[which]",
        "False",
        (STOPPING + "test_a_stop_thrown_again_voids_what_would_undo_it",),
    ),
    Mutant(
        "resume: the stop of what it is about",
        f"{RESUMING}:_ground_gone",
        "which = 0 if found.row.action == RESUME_INSTALLATION else 1",
        "which = 0",
        (
            STOPPING + "test_a_stop_thrown_again_voids_what_would_undo_it",
            STOPPING + "test_a_stop_of_all_voids_no_resumption_of_one_nor_is_ended_by_it",
        ),
    ),
    Mutant(
        "resume: its ground at all",
        f"{START}:_ground_of_person_gone",
        "return await change.ground_gone(found)",
        "return None",
        (STOPPING + "test_a_stop_thrown_again_voids_what_would_undo_it",),
    ),
    Mutant(
        "resume: what is suspended",
        f"{RESUMING}:_refusal",
        "if row is None or row.suspended_at is None else None",
        "if False else None",
        (STOPPING + "test_what_is_not_suspended_is_not_resumed",),
    ),
    Mutant(
        "resume: what is suspended still",
        f"{RESUMING}:_apply",
        "if row is None or row.suspended_at is None:",
        "if row is None:",
        (STOPPING + "test_what_somebody_else_has_resumed_is_not_resumed_twice",),
    ),
    Mutant(
        "resume: newer rules",
        f"{START}:_verdict_now",
        "return change.verdict_now(found)",
        'return Verdict(Outcome.ALLOW, "rule", "")',
        (STOPPING + "test_newer_rules_that_deny_it_do_so_before_it_takes_effect",),
    ),
    Mutant(
        "resume: persons ask",
        "app.use_cases.actors:person_id",
        'who.kind == "person" and who.id',
        "who.id",
        (STOPPING + "test_no_bot_asks_for_a_change",),
    ),
    Mutant(
        "built-in: no bot is entitled",
        f"{POLICY}:Policy.entitled",
        " and action_name in self.actions",
        "",
        (BUILT_IN + "test_no_bot_may_ask_for_one",),
    ),
    Mutant(
        "built-in: nothing is allowed",
        f"{POLICY}:Policy.change_verdict",
        "risk=Risk.CRITICAL",
        "risk=Risk.LOW",
        (BUILT_IN + "test_an_allow_frees_nothing", BUILT_IN + "test_whatever_the_rules_say_its_own_stage_is_signed"),
    ),
    Mutant(
        "built-in: its own stage",
        f"{POLICY}:Policy.change_verdict",
        "merge([own, verdict.plan])",
        "verdict.plan",
        (BUILT_IN + "test_a_hold_adds_its_stages_and_takes_none_away",),
    ),
    Mutant(
        "built-in: its own stage, whatever a plan is called",
        "app.domain.plan:merge",
        "dict.fromkeys(plans)",
        "{plan.name: plan for plan in plans}.values()",
        (BUILT_IN + "test_a_plan_of_the_same_name_replaces_nothing",),
    ),
    Mutant(
        "built-in: nobody by a fallback",
        f"{POLICY}:Policy.change_verdict",
        "replace(merge([own, verdict.plan]), fallback=())",
        "merge([own, verdict.plan])",
        (BUILT_IN + "test_the_fallback_of_a_hold_signs_nothing_in_place_of_who_must",),
    ),
    Mutant(
        "built-in: rules that name it",
        f"{POLICY}:Policy.change_verdict",
        "if rule.of_changes]",
        "]",
        (BUILT_IN + "test_rules_that_do_not_name_them_do_not_see_them",),
    ),
    Mutant(
        "built-in: who signs",
        f"{POLICY}:Policy._resumers",
        'self.groups_that_may("administer") | self.security(bot_id)',
        'self.groups_that_may("administer")',
        (BUILT_IN + "test_the_groups_that_sign", STOPPING + "test_only_security_seats_and_administrators_let_it_go_on"),
    ),
    Mutant(
        "built-in: the security seat of the bot that it is about",
        f"{POLICY}:Policy.security",
        "if bot_id in (None, bot.id)]",
        "]",
        (BUILT_IN + "test_the_groups_that_sign",),
    ),
    Mutant(
        "built-in: no other group of a like name",
        f"{POLICY}:Policy.members",
        "if group.startswith(GROUP) and not name else",
        "if group.startswith(GROUP) else",
        (BUILT_IN + "test_the_groups_that_sign",),
    ),
)
"""The stop switch, and the way back."""
