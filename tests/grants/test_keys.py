"""The ring of a process that runs while its file changes: on clocks of the test's own."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.grants.keys import LiveKeys
from app.grants.rotation import PUBLISHED_FOR, advance, alone, put, replace, ring_file, staged
from app.keys import beside, create_missing, grants_path, grants_ring, new_grants_ring, new_signing_jwk

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class Hands:
    """Both clocks of a process."""

    at: datetime = NOON

    def ticks(self) -> float:
        return self.at.timestamp()

    def now(self) -> datetime:
        return self.at

    def go(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_missing(tmp_path)
    write(tmp_path, new_grants_ring(NOON))
    return tmp_path


def write(directory: Path, document: dict[str, Any]) -> None:
    with beside(grants_path(directory), document) as written:
        put(directory, written)


def live(directory: Path, hands: Hands) -> LiveKeys:
    return LiveKeys(directory, grants_ring(directory), ticks=hands.ticks, now=hands.now)


def rotated(directory: Path, now: datetime) -> dict[str, Any]:
    with alone(directory):
        change = advance(ring_file(directory), now)
        with staged(directory, change) as written:
            put(directory, written)
    return change.kids


def test_a_changed_file_is_noticed_within_a_second(directory: Path) -> None:
    hands = Hands()
    keys = live(directory, hands)
    before = keys.ring()
    hands.go(PUBLISHED_FOR.total_seconds())
    kids = rotated(directory, hands.at)
    assert keys.ring().current == kids["current"] == before.next
    hands.go(0.5)
    document = ring_file(directory)
    write(directory, {**document, "keys": [one for one in document["keys"] if one["kid"] not in kids["previous"]]})
    assert set(keys.ring().keys) == {kids["next"], *before.keys}, "not looked at more than once a second"
    hands.go(0.5)
    assert set(keys.ring().keys) == {kids["next"], kids["current"]}


def test_a_process_that_slept_over_several_rotations_goes_on_with_the_newest(directory: Path) -> None:
    hands = Hands()
    keys = live(directory, hands)
    for _ in range(2):
        hands.go(PUBLISHED_FOR.total_seconds())
        kids = rotated(directory, hands.at)
    document = ring_file(directory)
    write(directory, document)
    hands.go(1)
    assert (keys.ring().current, keys.amiss) == (kids["current"], None)


def bad(directory: Path, how: str) -> None:
    path = grants_path(directory)
    match how:
        case "gone":
            path.unlink()
        case "cut off":
            path.write_text(path.read_text()[:100])
        case "open to others":
            path.chmod(0o644)
        case "empty":
            write(directory, {"current": "x", "keys": []})
        case "next is not there":
            write(directory, {**ring_file(directory), "next": "nobody"})
        case "next is not published":
            write(directory, {**ring_file(directory), "published": {}})
        case "no time":
            write(directory, {**ring_file(directory), "published": {ring_file(directory)["next"]: "noon"}})
        case "never published":
            document, jwk = ring_file(directory), new_signing_jwk()
            write(directory, {**document, "current": jwk["kid"], "keys": [*document["keys"], jwk]})
        case "published just now":
            document, jwk = ring_file(directory), new_signing_jwk()
            published = {**document["published"], jwk["kid"]: "2026-06-01T12:00:00Z"}
            ring = {"current": jwk["kid"], "published": published, "keys": [*document["keys"], jwk]}
            write(directory, ring)


HOW = (
    "gone", "cut off", "open to others", "empty", "next is not there", "next is not published", "no time",
    "never published", "published just now",
)  # fmt: skip


@pytest.mark.parametrize("how", HOW)
def test_a_file_that_cannot_be_used_leaves_the_ring_that_was_good(
    directory: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    hands, good = Hands(), ring_file(directory)
    keys = live(directory, hands)
    before = keys.ring()
    bad(directory, how)
    for _ in range(3):
        hands.go(1)
        assert keys.ring() is before
        assert keys.amiss is not None
    assert [record.levelname for record in caplog.records] == ["ERROR"], "said once"
    assert not any(str(jwk["d"]) in caplog.text for jwk in good["keys"])
    write(directory, good)
    hands.go(1)
    assert (keys.amiss, keys.ring().keys.keys()) == (None, before.keys.keys())


def test_a_stolen_ring_is_put_away_at_once(directory: Path) -> None:
    """None of its keys is left, so there is no other that could sign meanwhile."""
    hands = Hands()
    keys = live(directory, hands)
    before = keys.ring()
    change = replace(directory, hands.at)
    write(directory, change.document)
    hands.go(1)
    assert (keys.ring().current, keys.amiss) == (change.kids["current"], None)
    assert not keys.ring().keys.keys() & before.keys.keys()
    assert set(change.removed) == set(before.keys)


def test_a_ring_as_releases_before_wrote_it_is_read(directory: Path) -> None:
    jwk = new_signing_jwk()
    write(directory, {"current": jwk["kid"], "keys": [jwk]})
    ring = grants_ring(directory)
    assert (ring.current, ring.next, ring.published) == (jwk["kid"], None, {})
    assert json.loads(grants_path(directory).read_bytes()).keys() == {"current", "keys"}
