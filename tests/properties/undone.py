"""The machine with what people ask for: to undo what was done, to stop one bot or all, and to let them go on."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from app.domain.ask import Ask
from app.governance.built_in import RESUME_BOT, RESUME_INSTALLATION
from app.steps.tick import tick
from tests.properties import made
from tests.properties.alone import Alone
from tests.properties.asking import ANSWERS, MOST, Asking, askings
from tests.properties.machine import accounts, orders, which
from tests.properties.made import ACTIONS, POOL, RESPONDERS, RESUMERS, RISKS, UNDO, UNDOING, Files
from tests.properties.oracle import ENDED, QUIET, USABLE, Case

HOW = [None, None, "hasty", "settled", "stopped"]
REPORTED_WITHIN = timedelta(minutes=10)
askers = st.sampled_from([*RESPONDERS * 16, *POOL])
signers = st.permutations(RESUMERS)
outcomes = st.sampled_from(["succeeded", "uncertain", "uncertain", *sorted(ANSWERS)])
undoable = st.builds(
    replace,
    askings,
    action=st.sampled_from([name for name, of in ACTIONS.items() if of.undone]),
    parent=st.none(),
    instead=st.none(),
    late=st.just(value=False),
)


class Undone(Alone):
    """The gate under everything that may happen, rollbacks and the stop switch too."""

    @initialize(
        files=made.files(),
        makers=st.tuples(made.people, made.people),
        first=undoable,
        second=askings,
        order=orders,
        answer=outcomes,
        easy=st.booleans(),
    )
    def begin(  # noqa: PLR0917  as many as the gate begins with, and how what is done was done
        self,
        files: Files,
        makers: tuple[str, str],
        first: Asking,
        second: Asking,
        order: list[str],
        answer: str,
        *,
        easy: bool,
    ) -> None:
        """As the gate begins, but that something is done already, if people can agree on it; mostly they can."""
        plans = dict.fromkeys(files.plans, made.SIMPLE) if easy else files.plans
        self.ground.run(self._begin(replace(files, plans=plans), makers))
        self._carried_out(first, order, answer)
        self._ask(second)

    @precondition(lambda self: self.cases and len(self.cases) < 3 * MOST)
    @rule(at=which, who=askers)
    def roll_back(self, at: int, who: str) -> None:
        """Somebody asks to undo whatever it is: what has an outcome, mostly."""
        self._roll_back(self._pick(at, *ENDED), who)

    def _roll_back(self, of: Case, who: str) -> Case:
        """A responder or not: whether one may ask is looked at where it is asked, not where it is admitted."""
        ask = Ask("rollback", "person", who, None, UNDO, {}, reason="It was wrong", reverses=of.id)
        yes = frozenset(vote.person for vote in (of.row.votes if of.row else []) if vote.say == "approve")
        yes |= {of.glass.by} if of.glass else set()
        case = Case(
            id=str(uuid.uuid4()),
            action=UNDO,
            behalf=of.behalf,
            trigger=of.trigger,
            payee=of.payee,
            maker=of.maker,
            risk=max(of.risk, "moderate", key=RISKS.index),
            irreversible=True,
            admitted=self.oracle.files,
            stops=self.oracle.stops,
            key=of.key,
            kind="rollback",
            asker=who,
            undoes=of,
            undone=of.status,
            approvers=yes,
        )
        self.cases.append(case)
        self._do(case, lambda: self._admit(case, ask, late=False, fast=False))
        return case

    @precondition(lambda self: len(self.cases) < 3 * MOST)
    @rule(asking=undoable, who=askers, order=orders, answers=st.tuples(outcomes, outcomes), how=st.sampled_from(HOW))
    def undo(self, asking: Asking, who: str, order: list[str], answers: tuple[str, str], how: str | None) -> None:
        """Something is done and undone: everybody says yes who may, it runs, and there is an outcome; each time."""
        of = self._undoable() or self._carried_out(asking, order, answers[0])
        if of.status not in ENDED:
            return
        case = self._roll_back(of, who)
        for near in [who, *sorted(case.approvers)][:3]:
            self._do(case, partial(self._decide, case, near, "strong", "approve", "because"), again=False)
        self._agree(case, order)
        self.ground.clock.at += timedelta(0) if how == "hasty" else USABLE if of.by_bot else QUIET
        if how == "stopped":
            self._throw("sec", of_all=True)
        if how == "settled" and of.status == "unknown":
            for responder in RESPONDERS:
                self._do(of, partial(self._settle, of, responder, "failed"))
        self._execute(case)
        if self.runs and self.runs[-1][0] is case:
            self._answer(0, answers[1])

    def _undoable(self) -> Case | None:
        ended = [case for case in self.cases if case.status in ENDED and ACTIONS.get(case.action, UNDOING).undone]
        return next((case for case in ended if not case.undone_by(self.cases)), None)

    def _carried_out(self, asking: Asking, order: list[str], answer: str) -> Case:
        self._ask(asking)
        case = self.cases[-1]
        self._agree(case, order[:4])  # somebody must be left to sign that it is undone
        self._agree(case, order)
        for _ in range(3):
            if case.status in ("approved", "executing"):
                self._execute(case)
            if self.runs and self.runs[-1][0] is case:
                self._answer(0, answer)
            if case.by_bot and case.status == "executing":
                self._came_of(case, answer)
            if case.status == "executing":
                self.ground.clock.at += QUIET
        return case

    def _came_of(self, case: Case, answer: str) -> None:
        """The bot says so, or nothing in time."""
        if answer in ("succeeded", "failed"):
            self._report(case, answer)
        else:
            self.ground.clock.at += REPORTED_WITHIN
            self._do(case, lambda: tick(self.services.ctx, uuid.UUID(case.id)))

    @rule(
        who=st.sampled_from([*RESPONDERS, "sec", *POOL]),
        of_all=st.booleans(),
        back=st.sampled_from([True, True, False]),
        order=orders,
    )
    def throw(self, *, who: str, of_all: bool, back: bool, order: list[str]) -> None:
        """Somebody throws the switch after people have said yes; mostly what was stopped goes on soon."""
        for case in [case for case in self.cases if case.status == "held"][-2:]:
            self._agree(case, order)
        self._throw(who, of_all=of_all)
        if back:
            self._let_go_on()

    @precondition(lambda self: self.oracle.stopped)
    @rule(
        who=st.sampled_from([*RESPONDERS, *RESUMERS]),
        order=signers,
        account=accounts,
        deployer=st.none() | st.sampled_from(["ada", "ben"]),
        again=st.booleans(),
    )
    def go_on(self, *, who: str, order: list[str], account: str, deployer: str | None, again: bool) -> None:
        """The signed way back, which who deployed the bot or asks does not sign; perhaps it is stopped once more."""
        case = self._resumption(who, of_all="all" in self.oracle.stopped)
        if deployer is not None:
            self._put(deployer=deployer)
        self._do(case, partial(self._decide, case, who, "strong", "approve", "because"), again=False)
        self._do(case, partial(self._decide, case, account, "strong", "approve", "because"))
        for person in order:
            if case.status == "held":
                self._do(case, partial(self._decide, case, person, "login", "approve", "because"))
        if again:
            self._throw(RESPONDERS[0], of_all=case.of_all)
        self._execute(case)
        self._start_what_was_ready()

    def _start_what_was_ready(self) -> None:
        """What people had said yes to before the stop: it is not brought back by a resumption."""
        for case in [case for case in self.cases if case.kind == "action" and case.status == "approved"]:
            self._execute(case)

    def _let_go_on(self) -> None:
        """By a signed request, if that can be; else behind everybody's back."""
        for of in sorted(self.oracle.stopped):
            case = self._resumption(RESPONDERS[1], of_all=of == "all")
            for person in RESUMERS:
                self._do(case, partial(self._decide, case, person, "login", "approve", "because"))
            self._execute(case)
        if self.oracle.stopped:
            super()._let_go_on()
        self._start_what_was_ready()

    def _resumption(self, who: str, *, of_all: bool) -> Case:
        action, parameters = (RESUME_INSTALLATION, {}) if of_all else (RESUME_BOT, {"bot": "bot"})
        ask = Ask("governance", "person", who, None, action, parameters, reason="It is mended")
        case = Case(
            id=str(uuid.uuid4()),
            action=action,
            behalf="",
            trigger=None,
            payee=None,
            maker="",
            risk="high",
            irreversible=False,
            admitted=self.oracle.files,
            stops=self.oracle.stops,
            key=None,
            kind="governance",
            asker=who,
            of_all=of_all,
        )
        self.cases.append(case)
        self._do(case, lambda: self._admit(case, ask, late=False, fast=False))
        return case

    @precondition(lambda self: any(case.kind == "rollback" and case.status == "approved" for case in self.cases))
    @rule(at=which, later=st.sampled_from([timedelta(0), QUIET, timedelta(hours=2)]))
    def start_undoing(self, at: int, later: timedelta) -> None:
        """What was signed starts some time after."""
        self.ground.clock.at += later
        ready = [case for case in self.cases if case.kind == "rollback" and case.status == "approved"]
        self._execute(ready[at % len(ready)])
