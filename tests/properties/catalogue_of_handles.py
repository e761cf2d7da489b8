"""The guards of handles, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

FETCH = "app.steps.fetch"
HANDING = "app.steps.handing"
GUARDS = "properties/test_guards_of_handles.py::"

HANDLES = (
    Mutant(
        "handle: of this attempt",
        f"{FETCH}:_is_of",
        'verify_secret(handle, last.handle_hash or "")',
        "True",
        (GUARDS + "test_only_by_its_own_handle",),
    ),
    Mutant(
        "handle: its attempt is under way",
        f"{FETCH}:_is_of",
        " and last.outcome is None",
        "",
        (GUARDS + "test_not_once_its_attempt_is_over",),
    ),
    Mutant(
        "handle: the action as it was",
        f"{FETCH}:_may",
        "action.version != found.row.action_version or ",
        "",
        (GUARDS + "test_not_what_the_catalogue_says_otherwise",),
    ),
    Mutant(
        "handle: nobody has stopped it",
        f"{FETCH}:_may",
        " or found.stopped",
        "",
        (GUARDS + "test_not_while_its_bot_is_stopped",),
    ),
    Mutant(
        "handle: a client of its target",
        f"{FETCH}:_may",
        "client not in found.policy.targets[action.target].clients",
        "False",
        (GUARDS + "test_only_by_a_client_of_its_target",),
    ),
    Mutant(
        "handle: in time",
        f"{FETCH}:_may",
        "found.now > last.started_at + action.errand.start_within",
        "False",
        (GUARDS + "test_not_after_the_time_to_start",),
    ),
    Mutant(
        "handle: until the grant expires",
        f"{FETCH}:_may",
        " and found.now < last.grant_expires_at",
        "",
        (GUARDS + "test_the_same_until_it_expires",),
    ),
    Mutant(
        "handle: the grant of the start",
        "app.steps.start:same_grant",
        "return grant if grant.sha256 == last.grant_hash else None",
        "return grant",
        (GUARDS + "test_no_other_grant_than_that_of_the_start",),
    ),
    Mutant(
        "handle: fetched once, told once",
        f"{FETCH}:fetch",
        "if last.fetched_at is None:",
        "if True:",
        (GUARDS + "test_the_same_until_it_expires",),
    ),
    Mutant(
        "handed over: what was not fetched was not sent",
        f"{HANDING}:judged",
        "if attempt.handle_hash is None or attempt.fetched_at is not None:",
        "if True:",
        (GUARDS + "test_what_was_not_fetched_was_not_sent",),
    ),
    Mutant(
        "handed over: what was fetched may have been done",
        f"{HANDING}:judged",
        " or attempt.fetched_at is not None",
        "",
        (GUARDS + "test_what_was_fetched_may_have_been_done",),
    ),
    Mutant(
        "handed over: found again, not begun again",
        "app.steps.start:_again",
        "if last.outcome is None and last.handle_hash is not None:",
        "if False:",
        (GUARDS + "test_who_takes_over_looks_for_what_was_handed_over",),
    ),
    Mutant(
        "handed over: one owner of the attempt",
        f"{HANDING}:taken_over",
        "last.owner = owner",
        "pass",
        (GUARDS + "test_who_takes_over_looks_for_what_was_handed_over",),
    ),
)
