"""No sequence of deeds reaches `executing` without the quorum that the rules demand; no final state is left."""

from __future__ import annotations

import pytest

from tests.properties.alone import Alone
from tests.properties.ground import Ground
from tests.properties.living import Record, live
from tests.races.stopping import rounds

USUAL = rounds(60, 100)

REACHED = {
    "started": 25,
    "started: quorum of 2": 6,
    "started: more than one stage": 6,
    "started: after being held again": 1,
    "started: run by the bot": 5,
    "started: risk critical": 2,
    "entry: vote-void": 2,
    "entry: held-again, stale-authority": 2,
    "entry: held-again, policy-stricter": 5,
    "entry: revoked, policy-stricter": 1,
    "entry: escalated, quorum-out-of-reach": 10,
    "entry: withdrawn": 1,
    "move: held > approved": 30,
    "move: held > denied": 2,
    "move: held > expired": 10,
    "move: held > cancelled": 3,
    "move: executing > succeeded": 2,
    "move: executing > failed": 2,
    "entry: glass-broken": 2,
    "permissions: granted": 5,
    "permissions: used": 3,
    "refused: self-approval": 1,
    "refused: on-behalf-of": 1,
    "refused: bot-owner": 3,
    "refused: not-eligible": 3,
    "refused: unlinked-identity": 3,
}
"""What a run of the usual length must reach at least; a machine that never gets there shows nothing."""


@pytest.mark.aisvs("9.2.1")
def test_nothing_runs_that_the_rules_do_not_release(ground: Ground, record_property: Record) -> None:
    """Found by none of the generated lives: too few persons, a final state left, a moved expiry, a broken stream."""

    class Here(Alone):
        """The gate on this ground."""

        def __init__(self) -> None:
            super().__init__(ground)

    live(Here, ground, record_property, USUAL, REACHED)
