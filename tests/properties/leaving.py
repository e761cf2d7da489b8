"""A machine in which people are away for a while, and are back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.clocks import moment
from app.domain.request import Level
from app.use_cases import delegations
from app.use_cases.actors import Actor
from app.use_cases.delegations import Wish
from tests.properties.absence import Away, Giving, givings, may_give
from tests.properties.watched import Watched


class Leaving(Watched):
    """Delegations are given and ended, in any order with everything else."""

    @rule(giving=givings)
    def leave(self, giving: Giving) -> None:
        """Somebody gives their decisions to another."""
        self._leave(giving)

    def _leave(self, giving: Giving) -> None:
        before = len(self.oracle.given)
        here = self.oracle.here(giving.person) and self.oracle.here(giving.to)
        may = here and may_give(self.oracle.given, giving, self.ground.clock.at)
        self.ground.run(self._answered(partial(self._given, giving)))
        assert (len(self.oracle.given) > before) is may, f"{giving} was taken, or was not"
        self.ground.seen["delegations: given"] += may

    async def _given(self, giving: Giving) -> None:
        begins = None if not giving.after else self.ground.clock.at + timedelta(seconds=giving.after)
        ends = (begins or self.ground.clock.at) + timedelta(seconds=giving.span)
        wish = Wish(giving.to, begins, ends, "Holidays")
        shown, _ = await delegations.give(self.services, self._person(giving.person), uuid.uuid4().hex, wish)
        created, starts, ends = (moment(shown[name]) for name in ("created_at", "from", "until"))
        self.oracle.given.append(Away(shown["id"], shown["person"], shown["delegate"], created, starts, ends))

    @staticmethod
    def _person(person: str) -> Actor:
        return Actor("person", person, f"oidc:https://id.test#{person}", Level.LOGIN)

    @precondition(lambda self: self.oracle.given)
    @rule(at=st.integers(0, 20), by_delegate=st.booleans())
    def be_back(self, at: int, *, by_delegate: bool) -> None:
        """One of the two ends it."""
        one = self.oracle.given[at % len(self.oracle.given)]
        self._end(one, one.delegate if by_delegate else one.person)

    def _end(self, one: Away, who: str) -> None:
        shown = self.ground.run(delegations.end(self.services, self._person(who), uuid.UUID(one.id)))
        over = shown["ended_at"] is not None
        assert over or one.ends <= self.ground.clock.at, f"{one} was not ended"
        self.ground.seen["delegations: ended"] += over and not one.ended
        one.ended = over
