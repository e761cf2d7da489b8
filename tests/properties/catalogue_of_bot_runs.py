"""The guards of what a bot runs itself, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

ITSELF = "properties/test_guards_of_bot_runs.py::"

BOT_RUNS = (
    Mutant(
        "bot run: not settled or undone while its grant may be used",
        "app.steps.finish:over_at",
        "if row.mode == Mode.BOT and attempt.grant_expires_at is not None:",
        "if False:",
        (
            ITSELF + "test_people_settle_it_not_before_its_grant_is_over",
            ITSELF + "test_it_is_undone_by_interlock_and_not_while_its_grant_may_be_used",
        ),
    ),
    Mutant(
        "bot run: what it reported is its word",
        "app.steps.start:_original_is_over",
        " and found.original.mode != Mode.BOT",
        "",
        (ITSELF + "test_it_is_undone_by_interlock_and_not_while_its_grant_may_be_used",),
    ),
    Mutant(
        "bot run: time to report beyond its grant",
        "app.steps.act:begin_for_bot",
        "max(action.start_within or REPORT_WITHIN, REPORT_AT_LEAST)",
        "action.start_within or REPORT_WITHIN",
        (ITSELF + "test_nothing_is_called_not_reported_while_the_grant_may_be_used",),
    ),
    Mutant(
        "bot run: not reported it may have happened",
        "app.steps.tick:_never_reported",
        'if execution["reads"] else',
        "if True else",
        (ITSELF + "test_never_reported_it_is_unknown_and_keeps_its_key",),
    ),
    Mutant(
        "bot run: not reported it keeps its key",
        "app.steps.tick:_never_reported",
        "attempt.holds_key = status is Status.UNKNOWN",
        "attempt.holds_key = False",
        (ITSELF + "test_never_reported_it_is_unknown_and_keeps_its_key",),
    ),
    Mutant(
        "bot run: no grant again after a stop",
        "app.steps.act:grant_again",
        " or found.stopped",
        "",
        (ITSELF + "test_a_stop_lists_what_was_handed_out_and_hands_out_nothing_again",),
    ),
    Mutant(
        "bot run: no expired grant again",
        "app.steps.act:grant_again",
        "found.now >= last.grant_expires_at",
        "False",
        (ITSELF + "test_nothing_is_called_not_reported_while_the_grant_may_be_used",),
    ),
    Mutant(
        "bot run: the key that signed it before",
        "app.steps.start:same_grant",
        '"kid": last.grant_kid',
        '"kid": None',
        (ITSELF + "test_a_rotation_does_not_take_away_what_was_handed_out",),
    ),
    Mutant(
        "bot run: what is blocked costs nothing",
        "app.steps.act:begin_blocked",
        "if not await requests.key_is_taken(found.session, key, [found.row.id]):",
        "if True:",
        (ITSELF + "test_what_is_blocked_is_said_so_and_started_when_the_key_is_free",),
    ),
)
