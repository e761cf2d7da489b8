"""What a bot may ask, and what may come of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from app.domain.outcome import Answer, Sent
from tests.properties.made import ACTIONS, SUBJECTS

MOST = 4
"""How many requests one example asks for at most."""

rarely = st.sampled_from([False] * 9 + [True])
seldom_said = st.none() | st.none() | st.sampled_from(SUBJECTS)

ANSWERS = {
    "succeeded": Answer(Sent.SUCCEEDED, 200, {}, None),
    "failed": Answer(Sent.FAILED, 409, None, {"status": 409, "body": None}),
    "uncertain": Answer(Sent.UNCERTAIN, 503, None, {"status": 503, "body": None}),
    "not-sent": Answer(Sent.NOT_SENT, None, None, {"status": None, "body": None, "reason": "refused"}),
}


@dataclass(frozen=True, slots=True)
class Asking:
    """What the bot asks. ``parent``, ``instead``: which earlier request led to it, which one it supersedes."""

    action: str
    behalf: str | None
    trigger: str | None
    payee: str | None
    thing: str | None
    client: int
    parent: int | None
    instead: int | None
    late: bool
    fast: bool
    amount: int | None = None

    def parameters(self, tag: str) -> dict[str, Any]:
        """As they are sent. ``tag``: of this life, whose things are no other's."""
        thing = f"{self.thing}-{tag}" if self.thing else None
        said = {"thing": thing, "payee": self.payee, "amount": self.amount}
        return {key: value for key, value in said.items() if value is not None}


askings = st.builds(
    Asking,
    action=st.sampled_from(list(ACTIONS)),
    behalf=seldom_said,
    trigger=seldom_said,
    payee=seldom_said,
    thing=st.sampled_from([None, "one", "one", "two"]),
    client=st.integers(0, 1),
    parent=st.sampled_from([None, None, None, *range(MOST)]),
    instead=st.sampled_from([None] * 9 + [*range(MOST)]),
    late=rarely,
    fast=st.booleans(),
    amount=st.sampled_from([None, 5, 5, 50]),
)
