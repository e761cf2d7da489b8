"""A state machine over the gate: generated people, plans and rules, and everything that may happen, in any order.

After each deed the product's rows and entries are held against `tests.properties.oracle`.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from app.db import requests
from app.domain.ask import Ask
from app.domain.request import Level
from app.steps import judge
from app.steps.admit import Held, admit
from app.steps.finish import finish
from app.steps.scene import scene
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act, attempts, decide, stop
from app.use_cases.actors import Actor
from tests.properties import made
from tests.properties.absence import Giving, givings
from tests.properties.asking import ANSWERS, MOST, Asking, askings, rarely
from tests.properties.ground import NOON
from tests.properties.leaving import Leaving
from tests.properties.made import ACCOUNTS, ACTIONS, GROUPS, LEVELS, POOL, RESPONDERS, RISKS, SUBJECTS, UNDO_PLAN, Files
from tests.properties.oracle import Case
from tests.properties.rows import Said

which = st.integers(0, MOST - 1)
accounts = st.sampled_from([*POOL, *POOL, *ACCOUNTS])
levels = st.sampled_from(["strong", "strong", *LEVELS])
says = st.sampled_from(["approve", "approve", "approve", "deny", "abstain"])
spans = st.sampled_from([1, 9, 11, 60, 660, 3700]).map(lambda seconds: timedelta(seconds=seconds))
orders = st.permutations(POOL)
LOST = ["withdraws", "left", "withdraws", "group", "absent", "back", "buyer", "owner"]
OTHERWISE = [None, None, None, "allow", "deny"]


class Gate(Leaving):
    """The gate under everything that may happen."""

    @initialize(
        files=made.files(),
        makers=st.tuples(made.people, made.people),
        away=st.lists(givings, max_size=4),
        first=askings,
        second=askings,
    )
    def begin(self, files: Files, makers: tuple[str, str], away: list[Giving], first: Asking, second: Asking) -> None:
        """An installation under these files, a bot with two credentials, who is away, and two asks of its."""
        self.ground.run(self._begin(files, makers))
        for giving in away:
            self._leave(giving)
        self._ask(first)
        self._ask(second)

    # What the bot does.

    @precondition(lambda self: len(self.cases) < MOST)
    @rule(asking=askings)
    def ask(self, asking: Asking) -> None:
        """Ask for something, on behalf of somebody, perhaps to somebody's benefit."""
        self._ask(asking)

    def _ask(self, asking: Asking) -> None:
        before, after = self._at(asking.parent), self._at(asking.instead)
        client, maker = self.clients[asking.client]
        ask = Ask(
            *("action", "bot", "bot", client, asking.action),
            parameters=asking.parameters(self.tag),
            on_behalf_of=asking.behalf or "customer:nobody",
            triggered_by=asking.trigger,
            parent=None if before is None else before.id,
            supersedes=None if after is None else after.id,
        )
        case = self._case(ask, maker, before)
        self.cases.append(case)
        self._do(
            case, lambda: self._admit(case, ask, late=asking.late, fast=asking.fast and ACTIONS[ask.action].by_bot)
        )

    def _case(self, ask: Ask, maker: str, parent: Case | None) -> Case:
        of = ACTIONS[ask.action]
        risk = max(of.risk, parent.risk if parent else "low", key=RISKS.index)
        irreversible = of.reversibility == "irreversible" or (parent is not None and parent.irreversible)
        return Case(
            id=str(uuid.uuid4()),
            action=ask.action,
            behalf=ask.on_behalf_of or "",
            trigger=ask.triggered_by,
            payee=ask.parameters.get("payee"),
            amount=ask.parameters.get("amount"),
            maker=maker,
            risk=risk,
            irreversible=irreversible,
            admitted=self.oracle.files,
            stops=self.oracle.stops,
            key=ask.parameters.get("thing") if of.thing else None,
        )

    async def _admit(self, case: Case, ask: Ask, *, late: bool, fast: bool) -> None:
        """Admit, and then let the row live without a workflow: each use case runs its step right here."""
        id_, waited = uuid.UUID(case.id), timedelta(seconds=61 if late else 0)
        try:
            await admit(self.services.ctx, id_, ask, waited=waited, fast=fast)
        except Held:
            await admit(self.services.ctx, id_, ask, waited=waited)
        await self.ground.sql("update request set has_workflow = false where id = :id", id=id_)

    @precondition(lambda self: self.cases)
    @rule(at=which)
    def execute(self, at: int) -> None:
        """Start what is approved, or go on with what was started."""
        self._execute(self._pick(at, "approved", "executing"))

    def _execute(self, case: Case) -> None:
        bot = self.bot
        if case.by_bot:
            self._do(case, lambda: act.grant(self.services, bot, uuid.UUID(case.id)))
        else:
            owner = f"owner-{len(self.runs)}"
            self._do(case, lambda: self._start(case, owner))

    @property
    def bot(self) -> Actor:
        """The bot, by one of its credentials."""
        return Actor("bot", "bot", "client:bot", Level.CLICK, client_id=self.clients[0][0])

    async def _start(self, case: Case, owner: str) -> None:
        turn = await start(self.services.ctx, uuid.UUID(case.id), owner)
        if turn.go is not None:
            self.runs.append((case, turn.go.n, owner))
            assert self.oracle.now <= (case.expires_at or NOON), "an attempt after expires_at"
            assert case.kind != "action" or case.stops == self.oracle.stops, "an attempt under a stop"
        self.ground.seen["blocked"] += turn.state.blocked

    @precondition(lambda self: self.runs)
    @rule(at=st.integers(0, 20), answer=st.sampled_from(sorted(ANSWERS)))
    def answer(self, at: int, answer: str) -> None:
        """The outcome of a call comes in, perhaps late, perhaps again."""
        self._answer(at, answer)

    def _answer(self, at: int, answer: str) -> None:
        case, n, owner = self.runs[-1 - at % len(self.runs)]
        self._do(case, lambda: finish(self.services.ctx, uuid.UUID(case.id), n, owner, ANSWERS[answer]))

    @precondition(lambda self: self.cases)
    @rule(at=which, status=st.sampled_from(["succeeded", "failed"]))
    def report(self, at: int, status: str) -> None:
        """The bot says what came of what it ran."""
        self._report(self._pick(at, "executing"), status)

    def _report(self, case: Case, status: str) -> None:
        said: dict[str, Any] = {"status": status, "detail": None, "result": None}
        self._do(case, lambda: act.report(self.services, self.bot, uuid.UUID(case.id), **said))

    # What people do.

    @precondition(lambda self: self.cases)
    @rule(at=which, account=accounts, level=levels, say=says, other=rarely, silent=rarely)
    def decide(self, *, at: int, account: str, level: str, say: str, other: bool, silent: bool) -> None:
        """Anybody decides, by any account, however they signed in."""
        case, reason = self._pick(at, "held", "approved"), None if silent else "because"
        self._do(case, lambda: self._decide(case, account, level, say, reason, other=other))

    @precondition(lambda self: self.cases)
    @rule(at=which, order=orders)
    def agree(self, at: int, order: list[str]) -> None:
        """Everybody who may says yes, one after the other."""
        self._agree(self._pick(at, "held"), order)

    def _agree(self, case: Case, order: list[str]) -> None:
        for person in [*order, *order]:
            if case.status == "held" and self.oracle.would_count(case, person):
                self._do(case, partial(self._decide, case, person, "strong", "approve", "because"), again=False)

    @precondition(lambda self: self.cases)
    @rule(at=which, order=orders, answer=st.sampled_from(sorted(ANSWERS)))
    def carry_out(self, at: int, order: list[str], answer: str) -> None:
        """The main job: everybody says yes, it runs, and there is an outcome."""
        case = self._pick(at, "held", "approved")
        self._agree(case, order)
        self._execute(case)
        if self.runs and self.runs[-1][0] is case:
            self._answer(0, answer)

    async def _decide(
        self, case: Case, account: str, level: str, say: str, reason: str | None, *, other: bool = False
    ) -> None:
        id_, key = uuid.UUID(case.id), uuid.uuid4().hex
        actor = await self.ground.who(self.services, account, level)
        assert (actor.id if actor.kind == "person" else None) == self.oracle.person_of(account)
        digest = "sha256:" + "0" * 64 if other else (await self.ground.rows([case.id]))[case.id].digest
        try:
            await decide.decide(self.services, actor, id_, decision=say, reason=reason, digest=digest, key=key)
        finally:
            await self._heard(case, actor, key, Said(actor.id, level, say, reason is not None, not other))

    async def _heard(self, case: Case, actor: Actor, key: str, said: Said) -> None:
        async with self.ground.database.transaction() as session:
            kept = await requests.attempt_with_key(session, uuid.UUID(case.id), actor.key, key)
        if kept is not None:
            self.oracle.said[str(kept.id)] = said

    @precondition(lambda self: self.cases)
    @rule(at=which, account=accounts, level=levels, say=says)
    def begin_to_decide(self, at: int, account: str, level: str, say: str) -> None:
        """An attempt is on its way: not judged, and recorded only later."""
        case = self._pick(at, "held")
        self._do(case, lambda: self._store(case, account, level, say), again=False)

    async def _store(self, case: Case, account: str, level: str, say: str) -> None:
        actor = await self.ground.who(self.services, account, level)
        async with scene(self.services.ctx, uuid.UUID(case.id)) as found:
            body = {"decision": say, "reason": "because", "digest": found.row.digest}
            attempt = attempts.build(found, actor, "decide", None, body)
            await requests.store_attempt(found.session, attempt)
        self.oracle.said[str(attempt.id)] = Said(actor.id, level, say, reason=True, digest=True)
        self.pending.append((case, attempt.id))

    @precondition(lambda self: self.pending)
    @rule(at=st.integers(0, 20))
    def decide_at_last(self, at: int) -> None:
        """An attempt that was on its way arrives."""
        case, attempt = self.pending[at % len(self.pending)]
        self._do(case, lambda: judge.decide(self.services.ctx, uuid.UUID(case.id), attempt))

    @precondition(lambda self: self.cases)
    @rule(at=which, account=st.sampled_from(["bot", *RESPONDERS, *POOL]))
    def cancel(self, at: int, account: str) -> None:
        """The bot, a responder, or anybody cancels."""
        case = self._pick(at, "held", "approved")
        self._do(case, lambda: self._cancel(case, account))

    async def _cancel(self, case: Case, account: str) -> None:
        bot = account == "bot"
        actor = self.bot if bot else await self.ground.who(self.services, account, "login")
        await act.cancel(self.services, actor, uuid.UUID(case.id), "changed their mind")

    @precondition(lambda self: any(case.status == "unknown" for case in self.cases))
    @rule(at=which, account=st.sampled_from([*RESPONDERS, *POOL]), status=st.sampled_from(["succeeded", "failed"]))
    def settle(self, at: int, account: str, status: str) -> None:
        """Somebody says what an unknown outcome was."""
        case = self._pick(at, "unknown")
        self._do(case, lambda: self._settle(case, account, status))

    async def _settle(self, case: Case, account: str, status: str) -> None:
        actor = await self.ground.who(self.services, account, "login")
        await act.settle(self.services, actor, uuid.UUID(case.id), status=status, reason="looked")

    # What time and others do.

    @rule(span=spans)
    def time_goes_by(self, span: timedelta) -> None:
        """Nobody looks at the clock meanwhile."""
        self.ground.clock.at += span

    @precondition(lambda self: self.cases)
    @rule(at=which)
    def look(self, at: int) -> None:
        """Do what is due."""
        case = self._pick(at, "held", "approved", "executing")
        self._do(case, lambda: tick(self.services.ctx, uuid.UUID(case.id)))

    @precondition(lambda self: self.done)
    @rule(at=st.integers(0, 40))
    def again(self, at: int) -> None:
        """A step that has run runs again."""
        case, deed = self.done[-1 - at % len(self.done)]
        self._do(case, deed, again=False)

    @precondition(lambda self: self.cases)
    @rule(at=which, order=orders, who=st.integers(0, 5), how=st.sampled_from(LOST))
    def undermine(self, at: int, order: list[str], who: int, how: str) -> None:
        """Somebody withdraws, or loses the standing to have said yes, before the start."""
        case, files = self._pick(at, "held", "approved"), self.oracle.files
        self._agree(case, order)
        voters = sorted(self.oracle.approvers(case)) or order
        person = voters[who % len(voters)]
        if how == "left":
            self.oracle.gone.add(person)
            self.ground.run(self.ground.sql("update person set active = false where id = :id", id=person))
        elif how == "group":
            self._put(groups={name: members - {person} for name, members in files.groups.items()})
        elif how == "back":
            for one in [one for one in self.oracle.given if person in (one.person, one.delegate)]:
                self._end(one, one.person)
        elif how == "absent":
            self._put(present=files.present - {person})
        elif how == "withdraws":
            self._do(case, partial(self._decide, case, person, "click", "deny", "because"))
        elif how == "buyer" and case.behalf:
            self._put(subjects={**files.subjects, case.trigger or case.payee or case.behalf: person})
        else:
            self._put(deployer=person)
        self._execute(case)

    @precondition(lambda self: self.cases)
    @rule(at=which, order=orders)
    def object_to(self, at: int, order: list[str]) -> None:
        """Somebody who may says no, after half of the others have said yes."""
        case = self._pick(at, "held")
        self._agree(case, order[:4])
        for person in [person for person in order if self.oracle.would_count(case, person)][:1]:
            self._do(case, partial(self._decide, case, person, "strong", "deny", "because"))

    @precondition(lambda self: self.cases)
    @rule(at=which, order=orders, plan=st.sampled_from(made.PLANS), other=made.plans, says=st.sampled_from(OTHERWISE))
    def outdate(self, at: int, order: list[str], plan: str, other: made.PlanMade, says: str | None) -> None:
        """Newer rules speak of what was approved, before the start."""
        case, files = self._pick(at, "held", "approved"), self.oracle.files
        plan = UNDO_PLAN if case.kind == "rollback" else plan
        self._agree(case, order)
        rules = tuple(rule for rule in files.rules if rule[0] != case.action)
        self._put(plans={**files.plans, plan: other}, rules=(*rules, (case.action, says or plan)))
        self._execute(case)

    @rule(
        what=st.sampled_from(["group", "account", "subject", "coming and going", "seats"]),
        group=st.tuples(st.sampled_from(GROUPS), made.crowds),
        link=st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(SUBJECTS), st.none() | made.people),
        seats=st.tuples(made.people, made.seats),
    )
    def people_change(
        self,
        what: str,
        group: tuple[str, frozenset[str]],
        link: tuple[str, str, str | None],
        seats: tuple[str, str],
    ) -> None:
        """A group has other members, an account or subject is somebody else's, somebody goes, seats change hands."""
        files, (account, subject, person) = self.oracle.files, link
        changes: dict[str, dict[str, Any]] = {
            "group": {"groups": {**files.groups, group[0]: group[1]}},
            "account": {"accounts": {**files.accounts, account: person}},
            "subject": {"subjects": {**files.subjects, subject: person}},
            "coming and going": {"present": files.present ^ {seats[0]}},
            "seats": {"deployer": seats[0], "business": seats[1]},
        }
        self._put(**changes[what])

    @rule(plan=st.sampled_from(made.PLANS), other=made.plans, rules=st.none() | made.rules)
    def rules_change(self, plan: str, other: made.PlanMade, rules: tuple[tuple[str, str], ...] | None) -> None:
        """A plan asks for more or for less, or there are other rules."""
        self._put(**({"plans": {**self.oracle.files.plans, plan: other}} if rules is None else {"rules": rules}))

    @rule(what=st.sampled_from(["stop", "resume", "title", "entitled", "tamper"]), at=which, spared=rarely)
    def mishap(self, what: str, at: int, *, spared: bool) -> None:
        """What should be rare, for it ends everything that is open."""
        if what == "resume" or self.oracle.stopped:
            self._let_go_on()
        elif not spared:
            return
        elif what == "stop":
            self._throw(RESPONDERS[0], of_all=False)
        elif what == "tamper" and self.cases:
            case = self._pick(at, "approved", "held")
            case.tampered = True
            forge = "update request set nonce = 'forged' where id = :id"
            self.ground.run(self.ground.sql(forge, id=uuid.UUID(case.id)))
        else:
            self._redefine(list(ACTIONS)[at], entitled=what == "entitled")

    def _let_go_on(self) -> None:
        """Behind everybody's back, so that lives go on."""
        self.oracle.stopped.clear()
        for table in ("bot", "installation"):
            self.ground.run(self.ground.sql(f"update {table} set suspended_at = null"))  # noqa: S608  one of the two

    def _throw(self, who: str, *, of_all: bool) -> None:
        """The switch: it stops at once if this person may, else not at all."""
        actor = Actor("person", who, f"oidc:https://id.test#{who}", Level.LOGIN)
        answered = self.ground.seen["answered: stopped"]
        self.ground.run(self._answered(partial(self._thrown, actor, None if of_all else "bot")))
        may = who in self.oracle.files.responders | {"sec"}
        assert (self.ground.seen["answered: stopped"] > answered) is may, f"{who} has stopped it, or has not"
        if may:
            all_, bots = self.oracle.stops
            self.oracle.stops = (all_ + of_all, bots + (not of_all))
            self.oracle.stopped.add("all" if of_all else "bot")

    async def _thrown(self, actor: Actor, bot: str | None) -> None:
        answer = await stop.suspend(self.services, actor, bot, "It runs amok")
        flying = {one["request_id"] for one in answer["in_flight"]} & {case.id for case in self.cases}
        assert flying <= {case.id for case in self.cases if case.kind == "action" and case.status == "executing"}
        self.ground.seen["answered: stopped"] += 1

    def _redefine(self, action: str, *, entitled: bool) -> None:
        files = self.oracle.files
        if entitled:
            self._put(entitled=frozenset(ACTIONS) - {action})
        else:
            self._put(titles={**(files.titles or {}), action: (files.titles or {}).get(action, 0) + 1})
