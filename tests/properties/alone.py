"""A machine in which one person releases something alone and another looks at it, and permissions let the bot go."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.ask import Ask
from app.domain.clocks import moment, rfc3339
from app.domain.request import Level
from app.governance.built_in import PERMIT
from app.steps.reviewing import Finding
from app.use_cases import break_glass, permissions, reviews
from app.use_cases.break_glass import Pull
from tests.properties.asking import MOST, Asking, askings, rarely
from tests.properties.exceptions import (
    Permission,
    Review,
    Wish,
    askers_of_permissions,
    closed_to_one,
    may_revoke,
    wishes,
)
from tests.properties.machine import Gate, levels, orders, which
from tests.properties.made import POOL, RESPONDERS, RESUMERS, SIMPLE, UNDO_PLAN
from tests.properties.oracle import Case
from tests.properties.rows import Said

LOST = [None, None, None, "left", "seat", "owner", "never", "never", "other", "buyer"]
THEN = [None, "looked at", "looked at", "overdue"]
CHANGED = [None, None, None, None, "title", "seat", "entitled", "late"]
ENDED = [None, None, None, "revoked", "revoked", "ended", "title", "stopped"]
signers = st.permutations(RESUMERS)
anybody = st.sampled_from(["exc", *RESUMERS, *RESPONDERS, *POOL])
signed = st.sampled_from(["login", "login", "recent", "click"])


class Alone(Gate):
    """The gate under everything that may happen, exceptions too."""

    # Break-glass.

    @precondition(lambda self: self.cases)
    @rule(at=which, who=st.sampled_from([*RESPONDERS * 3, *POOL]), level=levels, other=rarely)
    def break_the_glass(self, at: int, who: str, level: str, *, other: bool) -> None:
        """Anybody releases something alone, however they signed in."""
        self._pull(self._pick(at, "held"), who, level, other=other)

    def _pull(self, case: Case, account: str, level: str, *, other: bool = False) -> None:
        self._do(case, partial(self._pulled, case, account, level, uuid.uuid4().hex, other=other))

    async def _pulled(self, case: Case, account: str, level: str, key: str, *, other: bool) -> None:
        actor = await self.ground.who(self.services, account, level)
        digest = "sha256:" + "0" * 64 if other else (await self.ground.rows([case.id]))[case.id].digest
        try:
            pull = Pull("Nobody answers", digest, key)
            await break_glass.break_glass(self.services, actor, uuid.UUID(case.id), pull)
        finally:
            await self._heard(case, actor, key, Said(actor.id, level, "break", reason=True, digest=not other))

    @precondition(lambda self: any(case.kind == "action" and case.status == "held" for case in self.cases))
    @rule(at=which, who=which, order=orders, how=st.sampled_from(LOST), then=st.sampled_from(THEN))
    def act_alone(self, at: int, who: int, order: list[str], how: str | None, then: str | None) -> None:
        """A responder releases something, loses the standing to have done so or not, and it is to start."""
        self._act_alone(self._to_release(at), who, order, how, then)

    def _act_alone(self, case: Case, who: int, order: list[str], how: str | None, then: str | None) -> None:
        if then is not None and any(len(demand.stages) > 1 for demand in case.demands):
            self._agree(case, order[:1])
        responders = sorted(self.oracle.files.responders)
        able = [person for person in responders if not self.oracle.too_near(case, person)] or responders
        person = able[who % len(able)]
        for other in [one for one in order if one not in responders and self.oracle.would_count(case, one)][:1]:
            self._pull(case, other, "strong")
        self._pull(case, person, "login")
        self._pull(case, person, "strong")
        if case.glass is None or case.status != "approved":
            return
        self._lose(case, person, how)
        self._execute(case)
        if how in ("never", "other"):
            self._pull(case, person, "strong")
            self._agree(case, order)
            self._execute(case)
        if self.runs and self.runs[-1][0] is case:
            self._answer(0, "succeeded")
        review = self.oracle.exceptions.reviews[-1]
        if then == "looked at":
            self._attest(review, review.reviewers[0], "login", "justified")
        elif then == "overdue":
            self._sweep(late=True, back=True)

    def _to_release(self, at: int) -> Case:
        """Something held, mostly what one person may release."""
        held = [case for case in self.cases if case.kind == "action" and case.status == "held"]
        fit = [
            case
            for case in held
            if case.glass is None
            and not list(closed_to_one(self.oracle.terms(case.demands), case.risk, irreversible=case.irreversible))
        ]
        return (fit or held)[at % len(fit or held)]

    def _lose(self, case: Case, person: str, how: str | None) -> None:
        files = self.oracle.files
        if how == "left":
            self.oracle.gone.add(person)
            self.ground.run(self.ground.sql("update person set active = false where id = :id", id=person))
        elif how == "seat":
            self._put(more=files.more - {person})
        elif how == "owner":
            self._put(deployer=person)
        elif how == "never":
            self._put(plans={name: replace(plan, glass=None) for name, plan in files.plans.items()})
        elif how == "other":
            self._put(plans={**dict.fromkeys(files.plans, replace(SIMPLE, glass=None)), UNDO_PLAN: SIMPLE})
        elif how == "buyer" and case.behalf:
            self._put(subjects={**files.subjects, case.trigger or case.payee or case.behalf: person})

    # Reviews.

    @precondition(lambda self: self.oracle.exceptions.reviews)
    @rule(at=which, who=anybody, named=st.sampled_from([True, True, False]), level=signed, fair=st.booleans())
    def look_back(self, *, at: int, who: str, named: bool, level: str, fair: bool) -> None:
        """Somebody who was named says what they found, or somebody who was not."""
        found = [one for one in self.oracle.exceptions.reviews if one.done is None] or self.oracle.exceptions.reviews
        review = found[at % len(found)]
        person = review.reviewers[at % len(review.reviewers)] if named else who
        self._attest(review, person, level, "justified" if fair else "unjustified")

    def _attest(self, review: Review, person: str, level: str, word: str) -> None:
        case, self.oracle.now = next(one for one in self.cases if one.id == review.case), self.ground.clock.at
        may = self.oracle.may_review(case, review, person, level)
        actor = replace(self._person(person), level=Level[level.upper()])
        said = Finding(word, "I looked")
        self._do(case, lambda: reviews.attest(self.services, actor, uuid.UUID(review.id), said), again=False)
        [[by]] = self._select("select done_by from review where id = :id", id=uuid.UUID(review.id))
        assert by == (person if may else review.done), f"{review} is now by {by}"
        review.done = by
        self.ground.seen["reviews: made"] += may
        self.ground.seen["reviews: not by this person"] += not may

    def _select(self, statement: str, **values: Any) -> Any:
        return self.ground.run(self.ground.select(statement, **values))

    @precondition(lambda self: any(one.done is None and not one.overdue for one in self.oracle.exceptions.reviews))
    @rule(late=st.booleans(), back=st.sampled_from([True, True, True, False]), order=orders)
    def sweep(self, *, late: bool, back: bool, order: list[str]) -> None:
        """The worker looks for what nobody has reviewed in time; what was signed meanwhile is to start."""
        for case in [case for case in self.cases if case.status == "held"][-1:]:
            self._agree(case, order)
        self._sweep(late=late, back=back)

    def _sweep(self, *, late: bool, back: bool) -> None:
        known = self.oracle.exceptions
        if late:
            first = min(one.due for one in known.reviews if one.done is None and not one.overdue)
            self.ground.clock.at = max(self.ground.clock.at, first)
        due = known.late(self.ground.clock.at)
        assert self.ground.run(reviews.suspend_overdue(self.services.ctx)) == len(due), f"{due} were due"
        for one in due:
            one.overdue = True
        if due:
            self._stopped_for_overdue(back=back)
        self.ground.seen["reviews: overdue"] += len(due)

    def _stopped_for_overdue(self, *, back: bool) -> None:
        [[since]] = self._select("select suspended_at from bot where id = 'bot'")
        assert since is not None, "what was not reviewed in time suspends the bot"
        all_, bots = self.oracle.stops
        self.oracle.stops = (all_, bots + 1)
        self.oracle.stopped.add("bot")
        for case in [case for case in self.cases if case.kind == "action" and case.status == "approved"]:
            self._execute(case)
        if back:
            self._let_go_on()

    # Standing permissions.

    @precondition(lambda self: len(self.cases) < 2 * MOST)
    @rule(
        wish=wishes, who=askers_of_permissions, order=signers, how=st.sampled_from(CHANGED), asking=askings, own=rarely
    )
    def permit(self, *, wish: Wish, who: str, order: list[str], how: str | None, asking: Asking, own: bool) -> None:
        """Somebody asks for a permission, those who may sign it do, something changes or not; and the bot asks."""
        self._permit(wish, who, order, how, asking, own=own)

    def _permit(self, wish: Wish, who: str, order: list[str], how: str | None, asking: Asking, *, own: bool) -> None:
        case = self._wished(wish, who)
        if own:
            self._do(case, partial(self._decide, case, who, "strong", "approve", "because"), again=False)
        self._agree(case, [self.oracle.files.exceptions, *order])
        if how == "late":
            self.ground.clock.at += timedelta(seconds=wish.span)
        elif how == "seat":
            self._put(exceptions="exc", business=POOL[len(who) % len(POOL)])
        elif how is not None:
            self._redefine(wish.action, entitled=how == "entitled")
        self._execute(case)
        if case.status == "succeeded":
            self._ask(replace(asking, action=wish.action, amount=5, parent=None, instead=None, payee=None, late=False))

    def _wished(self, wish: Wish, who: str) -> Case:
        ends = rfc3339(self.ground.clock.at + timedelta(seconds=wish.span))
        parameters: dict[str, Any] = {"bot": "bot", "action": wish.action, "when": wish.when, "max_uses": wish.uses}
        if wish.total is not None:
            parameters["max_total"] = {"parameter": wish.of, "at_most": wish.total}
        ask = Ask("governance", "person", who, None, PERMIT, {**parameters, "expires_at": ends}, reason="It is usual")
        case = Case(
            id=str(uuid.uuid4()),
            action=PERMIT,
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
            wish=wish,
            ends=moment(ends),
        )
        self.cases.append(case)
        self._do(case, lambda: self._admit(case, ask, late=False, fast=False))
        return case

    @precondition(lambda self: self.oracle.exceptions.permissions and len(self.cases) < 3 * MOST)
    @rule(at=which, asking=askings, how=st.sampled_from(ENDED), who=anybody)
    def use(self, at: int, asking: Asking, how: str | None, who: str) -> None:
        """The bot asks for what it has a permission for, that ends or not, and it is to start."""
        self._use(at, asking, how, who)

    def _use(self, at: int, asking: Asking, how: str | None, who: str) -> None:
        one = self.oracle.exceptions.permissions[-1 - at % len(self.oracle.exceptions.permissions)]
        if how == "ended":
            self.ground.clock.at = max(self.ground.clock.at, one.ends - timedelta(seconds=30))
        self._ask(replace(asking, action=one.wish.action, fast=asking.fast and how is None))
        case = self.cases[-1]
        if how == "ended":
            self.ground.clock.at = max(self.ground.clock.at, one.ends)
        elif how == "revoked":
            self._revoke(one, who)
        elif how == "title":
            self._redefine(one.wish.action, entitled=False)
        elif how == "stopped":
            self._throw(RESPONDERS[0], of_all=False)
        self._execute(case)
        if self.runs and self.runs[-1][0] is case:
            self._answer(0, "uncertain" if who in RESUMERS else "succeeded")
        if how == "stopped":
            self._let_go_on()

    @precondition(lambda self: self.oracle.exceptions.permissions)
    @rule(at=which, who=anybody)
    def revoke(self, at: int, who: str) -> None:
        """Somebody ends a permission."""
        self._revoke(self.oracle.exceptions.permissions[-1 - at % len(self.oracle.exceptions.permissions)], who)

    def _revoke(self, one: Permission, who: str) -> None:
        may, id_ = may_revoke(self.oracle.files, who), uuid.UUID(one.id)
        self.ground.run(self._answered(lambda: permissions.revoke(self.services, self._person(who), id_, "Enough")))
        [[revoked]] = self._select("select revoked_at is not null from standing_permission where id = :id", id=id_)
        assert revoked is (one.revoked or may), f"{one} was revoked by {who}, or was not"
        self.ground.seen["permissions: revoked"] += revoked and not one.revoked
        one.revoked = revoked
