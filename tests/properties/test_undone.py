"""No sequence of deeds undoes what nobody may undo, lets anything run under a stop, or lets a bot go on unsigned."""

from __future__ import annotations

from tests.properties.ground import Ground
from tests.properties.living import Record, live
from tests.properties.undone import Undone

USUAL = 50

REACHED = {
    "started: action": 20,
    "started: rollback": 6,
    "started: rollback, of what was succeeded": 1,
    "started: rollback, of what was failed": 1,
    "started: rollback, of what was unknown": 1,
    "started: although the bot is stopped": 1,
    "started: governance": 4,
    "entry: revoked, stopped": 1,
    "permissions: granted": 3,
    "entry: glass-broken": 1,
    "refused: governance-change": 1,
    "refused: rollback-approver": 10,
}
"""What a run of the usual length must reach at least; a machine that never gets there shows nothing."""


def test_nothing_is_undone_or_let_go_on_that_the_rules_do_not_release(ground: Ground, record_property: Record) -> None:
    """Found by none of the generated lives: who stood near signs, two at once, a start under a stop."""

    class Here(Undone):
        """The gate on this ground."""

        def __init__(self) -> None:
            super().__init__(ground)

    live(Here, ground, record_property, USUAL, REACHED)
