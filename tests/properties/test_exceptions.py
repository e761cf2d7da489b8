"""No sequence of deeds lets anything run that neither people, nor one who may alone, nor a live permission released."""

from __future__ import annotations

from tests.properties.excepted import Excepted
from tests.properties.ground import Ground
from tests.properties.living import Record, live

USUAL = 25

REACHED = {
    "started: released alone": 7,
    "started: after that was taken back": 2,
    "started: by a permission": 6,
    "entry: glass-broken": 11,
    "entry: revoked, stale-authority": 2,
    "entry: revoked, permission-revoked": 1,
    "entry: revoked, permission-expired": 1,
    "entry: revoked, action-changed": 1,
    "entry: revoked, stopped": 5,
    "alone: taken back": 2,
    "reviews: made": 5,
    "reviews: not by this person": 2,
    "reviews: overdue": 3,
    "permissions: granted": 13,
    "permissions: used": 20,
    "permissions: revoked": 3,
}
"""What a run of the usual length must reach at least; a machine that never gets there shows nothing."""


def test_nothing_runs_by_an_exception_that_is_none(ground: Ground, record_property: Record) -> None:
    """Found by none of the generated lives: an exception of who may not, one that is over, nobody's review."""

    class Here(Excepted):
        """The gate on this ground."""

        def __init__(self) -> None:
            super().__init__(ground)

    live(Here, ground, record_property, USUAL, REACHED)
