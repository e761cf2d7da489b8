"""The machine where exceptions are at hand: lives begin with a permission, and with what one person may release."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from tests.properties import made
from tests.properties.alone import ENDED, LOST, THEN, Alone, anybody, signers
from tests.properties.asking import Asking, askings
from tests.properties.exceptions import Wish, wishes
from tests.properties.machine import orders, which
from tests.properties.made import ALL, SIMPLE, SOON, Files, GlassMade

GENTLE = replace(SIMPLE, glass=GlassMade(ALL, SOON))
plain = st.builds(
    replace,
    askings,
    parent=st.none(),
    instead=st.none(),
    late=st.just(value=False),
    amount=st.just(5),
)
sure = st.builds(replace, wishes, action=st.sampled_from(["do.low", "do.moderate"]), span=st.just(86_400))


class Excepted(Alone):
    """The gate under everything that may happen, from exceptions on."""

    @initialize(
        files=made.files(),
        makers=st.tuples(made.people, made.people),
        wish=sure,
        asks=st.tuples(plain, plain, plain),
        signing=signers,
        use=st.tuples(st.sampled_from(ENDED), anybody),
        who=which,
        order=orders,
        lost=st.tuples(st.sampled_from(LOST), st.sampled_from(THEN)),
    )
    def begin(  # noqa: PLR0917  as many as the gate begins with, and what becomes of the exceptions
        self,
        files: Files,
        makers: tuple[str, str],
        wish: Wish,
        asks: tuple[Asking, Asking, Asking],
        signing: list[str],
        use: tuple[str | None, str],
        who: int,
        order: list[str],
        lost: tuple[str | None, str | None],
    ) -> None:
        """As the gate begins, but that a permission is granted and used, and one person acts alone, if they may."""
        plans = {**dict.fromkeys(files.plans, GENTLE), made.UNDO_PLAN: SIMPLE}
        self.ground.run(self._begin(replace(files, plans=plans, rules=()), makers))
        self._permit(wish, "per", signing, None, asks[0], own=False)
        if self.oracle.exceptions.permissions:
            self._use(0, asks[1], *use)
        self._ask(asks[2])
        if self.cases[-1].status == "held":
            self._act_alone(self.cases[-1], who, order, *lost)
