"""The guards of owner reviews, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

STEP = "app.steps.owner_review"
LAPSING = "app.steps.lapsing"
STORED = "app.db.owner_reviews"
USE = "app.use_cases.owner_reviews"
ATTACK = "attacks/test_owner_reviews.py::"
FILES = "governance/test_owner_review.py::"
REAL = "workflows/test_owner_review.py::"

REVIEWS = (
    Mutant(
        "owner review: nothing of high risk is admitted",
        "app.steps.asking:_judge",
        "if await lapsing.refuses(given.asked.session, given.asked.ask.asker_id, given.chain[0]):",
        "if False:",
        (
            ATTACK + "test_nothing_of_high_risk_is_to_be_had",
            ATTACK + "test_nor_at_the_end_of_a_chain_that_is_of_high_risk",
            ATTACK + "test_nor_what_a_rule_would_allow",
        ),
    ),
    Mutant(
        "owner review: by the worst of the chain",
        "app.steps.asking:_judge",
        "given.asked.ask.asker_id, given.chain[0])",
        "given.asked.ask.asker_id, given.action.risk)",
        (ATTACK + "test_nor_at_the_end_of_a_chain_that_is_of_high_risk",),
    ),
    Mutant(
        "owner review: nor started",
        "app.steps.start:_ground_gone",
        "await lapsing.ended(found) or ",
        "",
        (
            ATTACK + "test_what_people_approved_before_does_not_start",
            ATTACK + "test_nor_what_was_held_before_and_approved_since",
            ATTACK + "test_nor_what_one_person_releases_alone",
        ),
    ),
    Mutant(
        "owner review: it lapses between steps",
        f"{STEP}:tick",
        "await stops.lock(session, known.bot)",
        "pass",
        (ATTACK + "test_it_lapses_between_steps_of_the_bot",),
    ),
    Mutant(
        "owner review: what is of lower risk goes on",
        f"{LAPSING}:refuses",
        "risk >= Risk.HIGH and ",
        "",
        (ATTACK + "test_all_else_goes_on", ATTACK + "test_what_is_of_lower_risk_and_was_approved_starts"),
    ),
    Mutant(
        "owner review: of that bot alone",
        f"{STORED}:lapsed",
        "Stored.bot == bot, ",
        "",
        (ATTACK + "test_what_lapses_is_of_that_bot_alone",),
    ),
    Mutant(
        "owner review: until it is made",
        f"{STORED}:lapsed",
        "Stored.done_at.is_(None), ",
        "",
        (ATTACK + "test_a_late_review_lets_it_live_again",),
    ),
    Mutant(
        "owner review: what is overdue has not lapsed",
        f"{STORED}:lapsed",
        ", Stored.lapsed_at.is_not(None)",
        "",
        (ATTACK + "test_an_overdue_one_that_has_not_lapsed_stops_nothing",),
    ),
    Mutant(
        "owner review: others only once it is escalated",
        f"{STEP}:Seated.may_make",
        "[] if review.escalated_at is None else self.others(review.bot)",
        "self.others(review.bot)",
        (ATTACK + "test_nobody_but_the_business_owner_at_first",),
    ),
    Mutant(
        "owner review: who has left is not told",
        f"{STEP}:Seated._here",
        " if person in self.active",
        "",
        (ATTACK + "test_where_nobody_owns_it_others_are_told_at_once",),
    ),
    Mutant(
        "owner review: who may make it",
        f"{USE}:_require",
        "if person not in people.may_make(review):",
        "if False:",
        (
            ATTACK + "test_nobody_but_the_business_owner_at_first",
            ATTACK + "test_nor_anybody_but_whom_it_was_escalated_to_later",
        ),
    ),
    Mutant(
        "owner review: as of now, not of its opening",
        f"{STEP}:Seated.may_make",
        "*self.owners(review.bot), ",
        "*review.owners, ",
        (ATTACK + "test_not_who_has_handed_the_seat_over",),
    ),
    Mutant(
        "owner review: who is here still",
        f"{USE}:_require",
        "if person not in people.active:",
        "if False:",
        (ATTACK + "test_not_who_has_left",),
    ),
    Mutant(
        "owner review: signed in",
        f"{USE}:_require",
        "if who.level < Level.LOGIN:",
        "if False:",
        (ATTACK + "test_not_by_a_click",),
    ),
    Mutant(
        "owner review: nobody learns of another bot's",
        f"{USE}:attest",
        "if review is None or not (bots is None or review.bot in bots):",
        "if review is None:",
        (ATTACK + "test_a_stranger_does_not_even_see_it", ATTACK + "test_not_the_owner_of_another_bot"),
    ),
    Mutant(
        "owner review: once",
        f"{USE}:attest",
        "if review.done_at is not None:",
        "if False:",
        (ATTACK + "test_it_is_made_once",),
    ),
    Mutant(
        "owner review: the words of its kind",
        f"{USE}:attest",
        "if finding.word not in FINDINGS:",
        "if False:",
        (ATTACK + "test_it_takes_the_words_of_its_kind",),
    ),
    Mutant(
        "owner review: and of the other kind",
        "app.use_cases.reviews:attest",
        "if finding.word not in FINDINGS:",
        "if False:",
        (ATTACK + "test_it_takes_the_words_of_its_kind",),
    ),
    Mutant(
        "owner review: one at a time",
        f"{STEP}:open_review",
        " or await owner_reviews.open_of(session, given.bot)",
        "",
        (ATTACK + "test_it_is_opened_once", ATTACK + "test_the_next_one_does_not_hide_that_the_last_has_lapsed"),
    ),
    Mutant(
        "owner review: not before it is due",
        f"{STEP}:tick",
        "if at is not None and at <= now:",
        "if at is not None:",
        (ATTACK + "test_in_nobodys_time_others_are_brought_in_and_then_it_lapses",),
    ),
    Mutant(
        "owner review: others have their days",
        f"{STEP}:_escalate",
        "max(now, review.due_at)",
        "review.due_at",
        (ATTACK + "test_in_nobodys_time_others_are_brought_in_and_then_it_lapses",),
    ),
    Mutant(
        "owner review: it lapses",
        f"{STEP}:_lapse",
        "review.lapsed_at = now",
        "pass",
        (ATTACK + "test_nothing_of_high_risk_is_to_be_had", ATTACK + "test_what_people_approved_before_does_not_start"),
    ),
    Mutant(
        "owner review: where nobody owns it others are told",
        f"{STEP}:_opened",
        "if not review.owners:",
        "if False:",
        (ATTACK + "test_where_nobody_owns_it_others_are_told_at_once",),
    ),
    Mutant(
        "owner review: not of a bot that is gone",
        f"{STEP}:standing",
        "if review.bot not in policy.bots:",
        "if False:",
        (ATTACK + "test_a_bot_that_is_gone_is_not_reviewed_and_none_lapses",),
    ),
    Mutant(
        "owner review: nobody by name",
        f"{STEP}:make",
        '"person": people.pids[made.person]',
        '"person": made.person',
        (ATTACK + "test_persons_are_on_the_ledger_as_nobody_and_words_nowhere",),
    ),
    Mutant(
        "owner review: no words in clear",
        f"{STEP}:make",
        'secret.seal({"reason": made.reason, "identity": made.identity})',
        '{"reason": made.reason, "identity": made.identity}',
        (ATTACK + "test_persons_are_on_the_ledger_as_nobody_and_words_nowhere",),
    ),
    Mutant(
        "owner review: the worker looks as well",
        "app.use_cases.upkeep:sweep",
        "await owner_reviews.sweep(services.ctx, now - overdue)",
        "pass",
        (REAL + "test_one_whose_workflow_was_lost_is_escalated_by_the_sweeper",),
    ),
    Mutant(
        "owner review: neither every hour nor never",
        "app.governance.models_review:_days",
        "if not SHORTEST <= duration(text) <= LONGEST:",
        "if False:",
        (FILES + "test_each_defect_is_found_where_it_is",),
    ),
    Mutant(
        "owner review: less often asks for less",
        "app.domain.owner_review:Terms.looser",
        "self.every > before.every",
        "False",
        (FILES + "test_who_is_reviewed_less_often_or_later_has_it_told",),
    ),
)
"""DESIGN.md section 9: who reviews a bot, and what lapses when nobody does."""
