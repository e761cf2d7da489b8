"""The guards of break-glass and its reviews, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

DOMAIN = "app.domain.glass"
GLASS = "app.steps.glass"
START = "app.steps.start"
REVIEWING = "app.steps.reviewing"
RELEASING = "app.use_cases.break_glass"
REVIEWS = "app.use_cases.reviews"
BY_EXAMPLE = "domain/test_glass.py::"
ATTACK = "attacks/test_break_glass.py::"
REVIEW = "attacks/test_reviews.py::"

EXCEPTIONS = (
    Mutant(
        "break-glass: never",
        f"{DOMAIN}:refusal",
        "if glass.never:",
        "if False:",
        (BY_EXAMPLE + "test_what_one_person_may_release", ATTACK + "test_nothing_where_the_plan_says_never"),
    ),
    Mutant(
        "break-glass: nothing critical",
        f"{DOMAIN}:refusal",
        "if risk is Risk.CRITICAL and CRITICAL not in glass.allow:",
        "if False:",
        (BY_EXAMPLE + "test_what_one_person_may_release", ATTACK + "test_nothing_critical"),
    ),
    Mutant(
        "break-glass: nothing irreversible",
        f"{DOMAIN}:refusal",
        "if reversibility is Reversibility.IRREVERSIBLE and IRREVERSIBLE not in glass.allow:",
        "if False:",
        (BY_EXAMPLE + "test_what_one_person_may_release", ATTACK + "test_nothing_irreversible"),
    ),
    Mutant(
        "break-glass: several plans",
        f"{DOMAIN}:strictest",
        "any(one.never for one in said)",
        "all(one.never for one in said)",
        (BY_EXAMPLE + "test_several_plans_say_the_strictest",),
    ),
    Mutant(
        "break-glass: who loosens it has lowered the bar",
        "app.domain.lowering:asks_less",
        "now.plan is None or looser(now.plan.glass, before.plan.glass)",
        "now.plan is None",
        (BY_EXAMPLE + "test_who_loosens_it_has_lowered_the_bar",),
    ),
    Mutant(
        "break-glass: personal exclusions stand",
        f"{GLASS}:exclusions_of_one",
        "broken = exclusions(person, facts)",
        "broken: list[Violation] = []",
        (
            ATTACK + "test_who_made_the_credential_does_not",
            ATTACK + "test_for_whom_the_bot_acts_does_not",
            ATTACK + "test_who_benefits_does_not",
            ATTACK + "test_the_delegate_of_who_is_excluded_does_not",
        ),
    ),
    Mutant(
        "break-glass: the bot's owner at any risk",
        f"{GLASS}:exclusions_of_one",
        " + [more for more in only_vote(person, facts) if more not in broken]",
        "",
        (
            ATTACK + "test_the_bots_owner_does_not_at_any_risk",
            ATTACK + "test_the_owners_delegate_does_not",
        ),
    ),
    Mutant(
        "break-glass: who is here still",
        f"{GLASS}:violations",
        "if person is None or not person.active:",
        "if person is None:",
        (ATTACK + "test_who_has_left_does_not",),
    ),
    Mutant(
        "break-glass: signed in lately",
        f"{GLASS}:violations",
        "if level < NEEDED:",
        "if False:",
        (ATTACK + "test_an_old_sign_in_is_not_enough",),
    ),
    Mutant(
        "break-glass: who let themselves in",
        f"{GLASS}:violations",
        "if person_id not in people.facts.policy_authors and await entitled_by_themselves(found, person_id, BREAK):",
        "if False:",
        (ATTACK + "test_who_let_themselves_in_does_not",),
    ),
    Mutant(
        "break-glass: by rules within the cool-down",
        "app.steps.lowering:entitled_by_themselves",
        "age < cool_down and ",
        "",
        (ATTACK + "test_who_let_themselves_in_may_in_time_and_who_responded_before_may_at_once",),
    ),
    Mutant(
        "break-glass: who responded before",
        "app.steps.lowering:entitled_by_themselves",
        " and not _may(old, person, found.row, what)",
        "",
        (ATTACK + "test_who_let_themselves_in_may_in_time_and_who_responded_before_may_at_once",),
    ),
    Mutant(
        "break-glass: a responder",
        f"{RELEASING}:_released",
        'require(found.policy, who, found.row, "break the glass of")',
        'require(found.policy, who, found.row, "read")',
        (ATTACK + "test_who_is_no_responder_does_not",),
    ),
    Mutant(
        "break-glass: what time has made of it",
        f"{RELEASING}:_judged",
        "if await go_on(found, people):",
        "if False:",
        (ATTACK + "test_nothing_whose_time_is_over_though_nobody_has_looked",),
    ),
    Mutant(
        "break-glass: what one was shown",
        f"{GLASS}:conflict",
        "if digest != row.digest:",
        "if False:",
        (ATTACK + "test_nothing_but_what_one_was_shown",),
    ),
    Mutant(
        "break-glass: only what a bot asks for",
        f"{GLASS}:conflict",
        "if row.kind != Kind.ACTION:",
        "if False:",
        (ATTACK + "test_nothing_but_what_a_bot_asks_for",),
    ),
    Mutant(
        "break-glass: only what somebody could review",
        f"{GLASS}:conflict",
        "if why is None and not reviewers(found.policy, row, people, person_id):",
        "if False:",
        (ATTACK + "test_nothing_that_nobody_could_review",),
    ),
    Mutant(
        "break-glass: not again when newer rules took it back",
        f"{GLASS}:_refusal",
        "if row.break_glass is not None and not stands(row):",
        "if False:",
        (ATTACK + "test_newer_rules_that_took_it_back_and_allow_it_again",),
    ),
    Mutant(
        "break-glass: newer rules that allow it no more",
        f"{START}:_rules_still_agree",
        "await glass.rules_still_allow(found, verdict.plan)",
        "True",
        (ATTACK + "test_newer_rules_that_allow_it_no_more_hold_it_again_for_people",),
    ),
    Mutant(
        "break-glass: votes of the plan that was cut short",
        f"{GLASS}:_hold_again",
        "decision.standing = False",
        "pass",
        (ATTACK + "test_newer_rules_that_allow_it_no_more_hold_it_again_for_people",),
    ),
    Mutant(
        "break-glass: what was asked before newer rules took it back",
        f"{GLASS}:_both",
        "merge([*before, newer])",
        "merge([newer])",
        (ATTACK + "test_newer_rules_that_took_it_back_and_ask_for_others_ask_for_those_of_before_too",),
    ),
    Mutant(
        "break-glass: who still may, at the start",
        f"{START}:_votes_still_stand",
        "may = await glass.still_may(found)",
        "may = True",
        (ATTACK + "test_who_has_lost_the_standing_has_released_nothing",),
    ),
    Mutant(
        "break-glass: a responder still, at the start",
        f"{GLASS}:still_may",
        'return bool(roles(found.policy, "person", by, found.row) & MAY[BREAK])',
        "return True",
        (ATTACK + "test_who_has_lost_the_standing_has_released_nothing",),
    ),
    Mutant(
        "break-glass: here and not too close, at the start",
        f"{GLASS}:still_may",
        "if person is None or not person.active or exclusions_of_one(person, people.facts):",
        "if False:",
        (ATTACK + "test_who_has_lost_the_standing_has_released_nothing",),
    ),
    Mutant(
        "break-glass: who released it signs no rollback of it",
        "app.steps.rollback:approvers_of",
        '{row.break_glass["by"]} if row.break_glass is not None else set()',
        "set()",
        (ATTACK + "test_who_released_it_signs_nothing_that_covers_it_up",),
    ),
    Mutant(
        "break-glass: nor settles it",
        "app.steps.settle:settling_violations",
        "approved |= breaker(found.row) in near",
        "pass",
        (ATTACK + "test_who_released_it_does_not_settle_it",),
    ),
    Mutant(
        "review: not by who released or approved it",
        f"{GLASS}:reviewer_violations",
        "if person_id in {by, *beside(by, people.facts.pairs), *_approved(people.made)}:",
        "if False:",
        (
            REVIEW + "test_who_released_it_does_not_review_it",
            REVIEW + "test_nor_who_stands_in_for_them",
            REVIEW + "test_nor_who_approved_it",
            REVIEW + "test_nor_who_approved_it_since",
        ),
    ),
    Mutant(
        "review: who was named",
        f"{REVIEWS}:_may_not",
        "if person not in review.reviewers:",
        "if False:",
        (REVIEW + "test_nor_who_was_not_named",),
    ),
    Mutant(
        "review: signed in",
        f"{REVIEWS}:_may_not",
        "if who.level < Level.LOGIN:",
        "if False:",
        (REVIEW + "test_nor_who_has_left_or_only_clicks",),
    ),
    Mutant(
        "review: once",
        f"{REVIEWING}:conflict",
        "if review.done_at is None:",
        "if True:",
        (REVIEW + "test_it_is_made_once",),
    ),
    Mutant(
        "review: overdue once",
        "app.db.reviews:_overdue",
        " & Stored.overdue_at.is_(None)",
        "",
        (
            REVIEW + "test_in_nobodys_time_the_bot_is_suspended_exactly_once",
            REVIEW + "test_a_bot_that_people_let_go_on_is_not_suspended_again_for_the_same",
        ),
    ),
    Mutant(
        "review: not overdue when made",
        "app.db.reviews:_overdue",
        " & Stored.done_at.is_(None)",
        "",
        (ATTACK + "test_a_responder_releases_it_alone_and_another_reviews_it",),
    ),
    Mutant(
        "review: the bot is suspended",
        f"{REVIEWING}:suspend_for_overdue",
        "await _suspend(ctx, session, bot, late[0])",
        "pass",
        (REVIEW + "test_in_nobodys_time_the_bot_is_suspended_exactly_once",),
    ),
    Mutant(
        "review: the worker looks",
        "app.use_cases.upkeep:sweep",
        "await suspend_overdue(services.ctx)",
        "pass",
        ("workflows/test_break_glass.py::test_the_worker_suspends_what_nobody_has_reviewed_and_people_let_it_go_on",),
    ),
    Mutant(
        "review: the plan's time",
        f"{GLASS}:release",
        "plan.glass.review_within,",
        "timedelta(hours=24),",
        (REVIEW + "test_a_shorter_time_counts",),
    ),
)
"""Each rule of DESIGN.md section 8 under break-glass: what it replaces, and what it does not."""
