"""The guards of the budgets, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

PURE = "app.domain.budget"
STORED = "app.db.budgets"
JUDGED = "app.steps.budgets"
GUARDS = "properties/test_guards_of_budgets.py::"
BY_EXAMPLE = "domain/test_budget.py::"
FILES = "governance/test_budgets.py::"

BUDGETS = (
    Mutant(
        "budget: at all",
        "app.steps.asking:_of_rules",
        "await budgeted(given.asked, given.now, allowed)",
        "allowed",
        (GUARDS + "test_so_many_in_a_span_and_no_more", GUARDS + "test_the_fast_path_knows_budgets"),
    ),
    Mutant(
        "budget: what it takes itself",
        f"{PURE}:over",
        "figure + takes > budget.at_most",
        "figure > budget.at_most",
        (
            BY_EXAMPLE + "test_whatever_comes_in_whatever_order_no_more_is_admitted_than_is_allowed",
            GUARDS + "test_so_many_are_held_at_once_and_no_more",
        ),
    ),
    Mutant(
        "budget: what is not known is too much",
        f"{PURE}:over",
        "figure is None or takes is None or figure + takes",
        "(figure or 0) + (takes or 0)",
        (
            BY_EXAMPLE + "test_what_is_no_whole_number_is_too_much",
            GUARDS + "test_an_amount_that_is_not_said_is_too_much",
            GUARDS + "test_an_amount_that_was_not_said_before_there_was_a_budget_is_too_much",
        ),
    ),
    Mutant(
        "budget: below nothing, of its own",
        f"{PURE}:own",
        "max(0, int(value))",
        "int(value)",
        (
            BY_EXAMPLE + "test_nothing_that_a_request_says_makes_room_for_others",
            BY_EXAMPLE + "test_what_an_amount_takes",
        ),
    ),
    Mutant(
        "budget: below nothing, of earlier ones",
        f"{STORED}:amount",
        "func.greatest(value, 0)",
        "value",
        (GUARDS + "test_an_amount_below_nothing_makes_no_room",),
    ),
    Mutant(
        "budget: what the rules deny is denied as ever",
        f"{JUDGED}:would_be_within",
        "if verdict.outcome is Outcome.DENY:",
        "if False:",
        (GUARDS + "test_what_is_denied_anyway_is_denied_as_ever",),
    ),
    Mutant(
        "budget: what is allowed is not held",
        f"{JUDGED}:would_be_within",
        "if held or budget.counts is not Counts.HOLDS",
        "if True",
        (GUARDS + "test_what_is_allowed_is_not_held_up",),
    ),
    Mutant(
        "budget: what it covers, of the ask",
        f"{JUDGED}:_budgets",
        "if covers(budget.action, asked.ask.action)",
        "if True",
        (GUARDS + "test_it_is_of_one_bot_and_of_what_it_covers",),
    ),
    Mutant(
        "budget: what it covers, of earlier ones",
        f"{JUDGED}:_taken",
        "if covers(budget.action, name)]",
        "]",
        (GUARDS + "test_what_is_not_covered_does_not_count",),
    ),
    Mutant(
        "budget: all that it covers, not this action alone",
        f"{JUDGED}:_taken",
        "[name for name in asked.policy.actions if covers(budget.action, name)]",
        "[ask.action]",
        (
            GUARDS + "test_so_many_in_a_span_and_no_more",
            GUARDS + "test_so_many_are_held_at_once_and_no_more",
            GUARDS + "test_it_is_of_one_bot_and_of_what_it_covers",
        ),
    ),
    Mutant(
        "budget: whose, over a span",
        f"{STORED}:_of_bot",
        "Request.asker_id == taken.bot,",
        "",
        (GUARDS + "test_it_is_of_one_bot_and_of_what_it_covers",),
    ),
    Mutant(
        "budget: whose, of what is held",
        f"{STORED}:held",
        "Request.bot == taken.bot",
        "Request.bot.is_not(None)",
        (GUARDS + "test_it_is_of_one_bot_and_of_what_it_covers",),
    ),
    Mutant(
        "budget: what a stop has ended is held no more",
        f"{STORED}:held",
        ", ~stopped()]",
        "]",
        (GUARDS + "test_what_a_stop_has_ended_is_held_no_more",),
    ),
    Mutant(
        "budget: since when",
        f"{STORED}:_of_bot",
        "Request.created_at > since,",
        "",
        (GUARDS + "test_there_is_room_again_at_the_moment_that_was_told",),
    ),
    Mutant(
        "budget: asked, whatever became of it",
        f"{STORED}:_asked",
        "_not_denied_at_once()",
        "Request.status.not_in(NOT_COUNTED)",
        (
            GUARDS + "test_who_cancels_and_asks_again_gets_no_further",
            GUARDS + "test_what_people_deny_was_asked_all_the_same",
            GUARDS + "test_superseding_takes_of_how_often",
        ),
    ),
    Mutant(
        "budget: denied at once takes nothing",
        f"{STORED}:_asked",
        ", _not_denied_at_once()",
        "",
        (GUARDS + "test_what_is_denied_at_once_takes_nothing",),
    ),
    Mutant(
        "budget: what came to nothing moved nothing",
        f"{STORED}:_moving",
        "Request.status.not_in(NOT_COUNTED), ",
        "",
        (GUARDS + "test_what_came_to_nothing_moved_nothing",),
    ),
    Mutant(
        "budget: what is superseded",
        f"{STORED}:_not_superseded",
        "if taken.without is None:",
        "if True:",
        (GUARDS + "test_what_it_supersedes_does_not_count",),
    ),
    Mutant(
        "budget: the moment that is told",
        f"{JUDGED}:_frees_up",
        "(figure or 0) + takes - budget.at_most",
        "1",
        (GUARDS + "test_there_is_room_again_after_the_budget_was_lowered",),
    ),
    Mutant(
        "budget: covers what the bot may ask for",
        "app.governance.check_budgets:budget_findings",
        "for name in mine)",
        'for name in known.names["actions"])',
        (FILES + "test_each_defect_is_found_where_it_is",),
    ),
    Mutant(
        "budget: adds up whole numbers",
        "app.governance.check_budgets:budget_findings",
        "not_summable(known, budget.action, budget.sum)",
        "()",
        (FILES + "test_each_defect_is_found_where_it_is",),
    ),
)
"""What a bot may take at most."""
