"""The guards of the grant keys, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

LIVE = "grants/test_keys.py::"
ROTATING = "grants/test_rotation.py::"
KNOWN = ROTATING + "test_no_target_that_keeps_our_keys_for_five_minutes_meets_one_that_it_was_not_told_of"

GRANT_KEYS = (
    Mutant(
        "grant keys: published before it signs",
        "app.grants.rotation:advance",
        "if now < after:",
        "if False:",
        (KNOWN, ROTATING + "test_the_next_key_takes_over_once_targets_know_it"),
    ),
    Mutant(
        "grant keys: what has signed stays published",
        "app.grants.rotation:advance",
        'jwk["kid"] in (coming, current)',
        'jwk["kid"] in (coming,)',
        (KNOWN, ROTATING + "test_the_next_key_takes_over_once_targets_know_it"),
    ),
    Mutant(
        "grant keys: one at a time",
        "app.grants.rotation:_lock",
        "fcntl.LOCK_EX",
        "fcntl.LOCK_SH",
        (ROTATING + "test_whoever_does_not_come_to_an_end_is_not_waited_for_forever",),
    ),
    Mutant(
        "grant keys: no private key is left about",
        "app.grants.rotation:alone",
        "left.unlink(missing_ok=True)",
        "pass",
        (ROTATING + "test_killed_in_the_middle_the_file_is_whole_and_nothing_is_locked",),
    ),
    Mutant(
        "grant keys: a process takes none that was never published",
        "app.grants.keys:LiveKeys._take",
        "if why is not None:",
        "if False:",
        (LIVE + "test_a_file_that_cannot_be_used_leaves_the_ring_that_was_good",),
    ),
    Mutant(
        "grant keys: published for long enough",
        "app.grants.keys:unpublished",
        "since + JWKS_FOR <= now",
        "True",
        (LIVE + "test_a_file_that_cannot_be_used_leaves_the_ring_that_was_good",),
    ),
    Mutant(
        "grant keys: a stolen ring is put away at once",
        "app.grants.keys:unpublished",
        " or not old.keys.keys() & new.keys.keys()",
        "",
        (LIVE + "test_a_stolen_ring_is_put_away_at_once",),
    ),
    Mutant(
        "grant keys: a changed file is noticed",
        "app.grants.keys:LiveKeys._look",
        "if seen != self._seen:",
        "if self._seen is None:",
        (LIVE + "test_a_changed_file_is_noticed_within_a_second",),
    ),
)
