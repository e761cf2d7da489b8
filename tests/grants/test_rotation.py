"""What becomes of a ring, and of its file when several rotate, or one is killed over it."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from app.grants.grants import MAX_LIFETIME, PUBLIC_MEMBERS, jwks
from app.grants.keys import LOOK_EVERY, LiveKeys
from app.grants.rotation import PUBLISHED_FOR, TooSoon, advance, alone, put, replace, ring_file, staged
from app.keys import KeysInvalid, create_missing, grants_path, grants_ring, new_grants_ring, new_signing_jwk
from tests.grants.test_grants import minted
from tests.grants.test_keys import NOON, Hands, write

SECOND = timedelta(seconds=1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_missing(tmp_path)
    write(tmp_path, new_grants_ring(NOON))
    return tmp_path


def rotated(directory: Path, now: datetime) -> Any:
    with alone(directory):
        change = advance(ring_file(directory), now)
        with staged(directory, change) as written:
            put(directory, written)
    return change


def test_a_ring_without_a_next_key_gets_one_and_signs_as_before(directory: Path) -> None:
    old, current = new_signing_jwk(), new_signing_jwk()
    write(directory, {"current": current["kid"], "keys": [old, current]})
    change = rotated(directory, NOON)
    ring = grants_ring(directory)
    assert (change.kind, ring.current, ring.next) == ("grant-key-published", current["kid"], change.kids["next"])
    assert [key["kid"] for key in jwks(ring)["keys"]] == [ring.next, current["kid"], old["kid"]]
    assert change.again_from == NOON + PUBLISHED_FOR


def test_the_next_key_takes_over_once_targets_know_it(directory: Path) -> None:
    before = grants_ring(directory)
    for soon in (NOON, NOON + PUBLISHED_FOR - SECOND):
        with pytest.raises(TooSoon, match=r"may take over from 2026-06-01T12:05:30"):
            rotated(directory, soon)
    assert grants_ring(directory) == before or grants_ring(directory).current == before.current
    change = rotated(directory, NOON + PUBLISHED_FOR)
    ring = grants_ring(directory)
    assert (ring.current, change.kids["previous"], change.removed) == (before.next, [before.current], ())
    assert [key["kid"] for key in jwks(ring)["keys"]] == [ring.next, ring.current, before.current]
    with pytest.raises(TooSoon):
        rotated(directory, NOON + PUBLISHED_FOR)
    again = rotated(directory, NOON + 2 * PUBLISHED_FOR)
    assert (again.kids["previous"], again.removed) == ([before.next], (before.current,))


def test_what_is_published_has_no_private_part(directory: Path) -> None:
    ring = rotated(directory, NOON + PUBLISHED_FOR).document
    shown = jwks(grants_ring(directory))
    assert all(set(key) == {*PUBLIC_MEMBERS, "use", "alg"} for key in shown["keys"])
    assert len(shown["keys"]) == 3
    assert not any(one["d"] in json.dumps(shown) for one in ring["keys"])


def test_a_change_does_not_show_its_keys(directory: Path) -> None:
    change = replace(directory, NOON)
    assert not any(one["d"] in repr(change) for one in change.document["keys"])


def test_the_file_is_its_owners_alone(directory: Path) -> None:
    mask = os.umask(0)
    try:
        rotated(directory, NOON + PUBLISHED_FOR)
    finally:
        os.umask(mask)
    assert grants_path(directory).stat().st_mode & 0o777 == 0o600


def test_it_stays_its_owners_whoever_rotates(directory: Path) -> None:
    """Only root may give a file away; who is not root sees that it stays theirs."""
    owner = (4711, 4712) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(grants_path(directory), *owner)
    rotated(directory, NOON + PUBLISHED_FOR)
    found = grants_path(directory).stat()
    assert (found.st_uid, found.st_gid) == owner


def test_a_link_is_not_replaced(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "ring.json"
    grants_path(directory).rename(elsewhere)
    grants_path(directory).symlink_to(elsewhere)
    with pytest.raises(KeysInvalid, match="is a symbolic link"):
        rotated(directory, NOON + PUBLISHED_FOR)
    assert grants_path(directory).is_symlink()


def test_many_at_once_rotate_once(directory: Path) -> None:
    before = grants_ring(directory)

    def go(_: int) -> bool:
        try:
            rotated(directory, NOON + PUBLISHED_FOR)
        except TooSoon:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(go, range(16))) == [False] * 15 + [True]
    assert grants_ring(directory).current == before.next
    assert len(grants_ring(directory).keys) == 3


def test_whoever_does_not_come_to_an_end_is_not_waited_for_forever(directory: Path) -> None:
    with (
        alone(directory),
        pytest.raises(KeysInvalid, match="somebody else is changing the keys"),
        alone(directory, 0.1),
    ):
        pytest.fail("two at once")


def killed(directory: Path, when: str) -> None:
    with alone(directory):
        change = advance(ring_file(directory), NOON + PUBLISHED_FOR)
        with staged(directory, change) as written:
            if when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            put(directory, written)
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_in_the_middle_the_file_is_whole_and_nothing_is_locked(directory: Path, when: str) -> None:
    before = grants_ring(directory)
    child = multiprocessing.get_context("spawn").Process(target=killed, args=(directory, when))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    ring = grants_ring(directory)
    assert ring.current == (before.current if when == "before" else before.next)
    left = [file for file in directory.iterdir() if file.name.startswith(".")]
    assert len(left) == (1 if when == "before" else 0)
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in left)
    rotated(directory, NOON + 2 * PUBLISHED_FOR)
    assert [file for file in directory.iterdir() if file.name.startswith(".")] == [], "a private key lies about"


def verifies(grant: str, cached: dict[str, Any]) -> bool:
    try:
        jwt.decode(grant, jwk.KeySet.import_key_set(json.loads(json.dumps(cached))), algorithms=["Ed25519"])
    except (JoseError, ValueError):
        return False
    return True


@pytest.mark.parametrize("phase", [0, 1, 37, 150, 299])
def test_no_target_that_keeps_our_keys_for_five_minutes_meets_one_that_it_was_not_told_of(
    directory: Path, phase: int
) -> None:
    """Half an hour of grants, rotated as often as it may be, while API and worker look at the file out of step."""
    hands = Hands()
    api, worker = (LiveKeys(directory, grants_ring(directory), ticks=hands.ticks, now=hands.now) for _ in range(2))
    told, signed, used = jwks(api.ring()), [], set()
    for second in range(1800):
        hands.at = NOON + second * SECOND
        if second % 300 == phase:
            told = jwks(api.ring())
        grant = minted(worker.ring(), now=hands.at)
        used.add(grant.kid)
        signed.append((second, grant.token))
        signed = [one for one in signed if one[0] > second - MAX_LIFETIME.seconds]
        if second % 10 == 0 or second % 300 == phase:
            assert all(verifies(token, told) for _, token in (signed[0], signed[-1])), f"at {second}, {grant.kid}"
        if second % 7 == 0:
            rotate_if_it_may(directory, hands.at)
    assert len(used) == 6


def rotate_if_it_may(directory: Path, now: datetime) -> None:
    try:
        rotated(directory, now)
    except TooSoon:
        return


def test_a_key_that_was_put_away_is_refused(directory: Path) -> None:
    hands = Hands()
    keys = LiveKeys(directory, grants_ring(directory), ticks=hands.ticks, now=hands.now)
    grant = minted(keys.ring(), now=datetime.now(UTC))
    assert verifies(grant.token, jwks(keys.ring()))
    write(directory, replace(directory, NOON).document)
    hands.go(LOOK_EVERY)
    assert not verifies(grant.token, jwks(keys.ring()))
