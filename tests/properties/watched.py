"""What holds after every deed: rows, decisions and entries of the product against the oracle."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from app.domain.clocks import moment
from app.domain.errors import Forbidden, InterlockError
from tests.properties.absence import beside
from tests.properties.exceptions import Broken, Review
from tests.properties.ground import NOON, Ground
from tests.properties.made import ACTIONS, Files
from tests.properties.oracle import ENDED, MOVES, Case, demanded, merged
from tests.properties.oracle_of_exceptions import WholeOracle
from tests.properties.rows import Row

Deed = Callable[[], Awaitable[Any]]


class Watched(RuleBasedStateMachine):
    """A machine that looks at everything after each deed."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self.ground, self.services, self.tag = ground, ground.services(), uuid.uuid4().hex
        self.oracle: WholeOracle
        self.clients: list[tuple[str, str]] = []
        self.cases: list[Case] = []
        self.pending: list[tuple[Case, uuid.UUID]] = []
        self.runs: list[tuple[Case, int, str]] = []
        self.done: list[tuple[Case, Deed]] = []

    async def _begin(self, files: Files, makers: tuple[str, str]) -> None:
        self.ground.clock.at = NOON
        self.oracle = WholeOracle(files, NOON)
        await self.ground.sql("delete from use_case")  # one of an earlier life is of a later moment, and would stand
        await self.ground.put(self.services, files)
        for table in ("delegation", "review", "standing_permission"):
            await self.ground.sql(f"delete from {table}")  # noqa: S608  one of the three
        await self.ground.sql("update bot set suspended_at = null")
        await self.ground.sql("update installation set suspended_at = null")
        self.clients = [(await self.ground.credential(maker), maker) for maker in makers]

    def _pick(self, at: int, *statuses: str) -> Case:
        fit = [case for case in self.cases if case.status in statuses] or self.cases
        return fit[at % len(fit)]

    def _at(self, at: int | None) -> Case | None:
        """One of the bot's own requests."""
        mine = [case for case in self.cases if case.kind == "action"]
        return None if at is None or not mine else mine[at % len(mine)]

    def _put(self, **changes: Any) -> None:
        """Other files are in force; who is in them is active again."""
        self.oracle.files = replace(self.oracle.files, **changes).sound()
        self.oracle.gone.clear()
        self.ground.run(self.ground.put(self.services, self.oracle.files))

    def _do(self, case: Case, deed: Deed, *, again: bool = True) -> None:
        """Do it, whatever it is answered with, and look at everything."""
        self.oracle.now = self.ground.clock.at
        self.ground.run(self._answered(deed))
        if again:
            self.done.append((case, deed))
        self.ground.run(self._look(case))

    async def _answered(self, deed: Deed) -> None:
        try:
            await deed()
        except Forbidden as error:
            self.ground.seen.update(f"refused: {broken.invariant}" for broken in error.violations)
        except InterlockError as error:
            self.ground.seen[f"answered: {type(error).__name__}"] += 1

    async def _look(self, touched: Case) -> None:
        rows = await self.ground.rows([case.id for case in self.cases])
        for case in self.cases:
            row = rows[case.id]
            if case is touched or (row.version, row.status) != (case.version, case.status):
                self._hold_against(case, *await self.ground.details(row))
        busy = [case.key for case in self.cases if case.key and self._has_its_key(case)]
        assert len(busy) == len(set(busy)), "two at once under one conflict key"
        for case in self.cases:
            assert len(case.undone_by(self.cases)) <= 1, f"two rollbacks of {case} stand"
        if any(case.wish for case in self.cases):
            await self._count()

    async def _count(self) -> None:
        stored = await self.ground.select(
            "select id::text, uses, total, revoked_at is not null from standing_permission"
        )
        known = {(one.id, one.uses, one.total, one.revoked) for one in self.oracle.exceptions.permissions}
        assert sorted(map(tuple, stored)) == sorted(known), "permissions are not as they were granted and used"

    def _has_its_key(self, case: Case) -> bool:
        """It executes or nobody knows what came of it, and no rollback of it has taken the key over."""
        over = [one for one in case.undone_by(self.cases) if one.status in ("executing", "unknown", "succeeded")]
        return case.status == "executing" or (case.status == "unknown" and not over)

    def _hold_against(self, case: Case, row: Row, entries: list[dict[str, Any]]) -> None:
        if case.expires_at is None:
            self._admitted(case, row, entries[0])
        assert row.expires_at == case.expires_at, "expires_at moved"
        assert len(entries) >= case.entries, "entries are gone"
        for entry in entries[case.entries :]:
            self._entry(case, row, entry)
        assert row.status == case.status, f"the row is {row.status}, its last entry says {case.status}"
        heard = {entry["facts"]["attempt"]: moment(entry["at"]) for entry in entries if "level" in entry["facts"]}
        for vote in (vote for vote in row.votes if vote.id not in case.decided):
            self.oracle.now = heard.get(vote.id, self.oracle.now)  # as of when it was recorded, to the millisecond
            wrong = list(self.oracle.wrong_in_vote(case, row, vote))
            assert not wrong, f"{vote} was recorded: {wrong}"
            self.oracle.takes_part(case, row, vote)
        wrong = list(self.oracle.wrong_in_plan(case, row))
        assert not wrong, f"the plan of {case} is not what was asked for: {wrong}"
        case.decided |= {vote.id for vote in row.votes}
        case.version, case.entries, case.row = row.version, len(entries), row

    def _admitted(self, case: Case, row: Row, entry: Mapping[str, Any]) -> None:
        case.expires_at, case.admitted_at = row.expires_at, moment(entry["at"])
        if not row.stages and row.status in ("denied", "expired"):
            return
        wanted, wrong = (
            demanded(case, case.admitted),
            list(self.oracle.wrong_in_ask(case, self.cases, moment(entry["at"]))),
        )
        assert not wrong, f"{case} was admitted: {wrong}"
        assert wanted is not None, "the rules deny it"
        if case.kind == "action" and wanted.holds():
            case.permission = self.oracle.allowing(case, moment(entry["at"]))
        assert row.permission == (case.permission and case.permission.id), f"{case} was allowed by {row.permission}"
        if case.permission is not None:
            wanted = merged([])
            case.permission.used(case.amount)
            self.ground.seen["permissions: used"] += 1
        assert row.expires_at == moment(entry["at"]) + wanted.expires
        assert [stage["group"] for stage in row.stages] == list(wanted.stages)
        case.by(wanted, case.admitted)

    def _entry(self, case: Case, row: Row, entry: Mapping[str, Any]) -> None:
        facts, seen = entry["facts"], self.ground.seen
        why, then = facts.get("why"), facts["status"]
        seen[f"entry: {entry['kind']}" + (f", {why}" if why else "")] += 1
        if entry["kind"] == "started":
            self.oracle.now = case.started_at = moment(entry["at"])
            over = [] if case.permission is None or row.stages else list(self.oracle.ended(case.permission))
            assert not over, f"{case} was started: {over}"
        if entry["kind"] == "glass-broken":
            self._broken(case, row, entry)
        if then == case.status:
            return
        assert then in MOVES.get(case.status, ()), f"{case.status} became {then}"
        seen[f"move: {case.status} > {then}"] += 1
        if then == "executing":
            self.oracle.now = moment(entry["at"])
            self._started(case, row)
        if why == "policy-stricter" and then == "held":
            wanted = demanded(case, self.oracle.files)
            assert wanted is not None, "held again by rules that deny it"
            case.by(wanted, self.oracle.files)
            self._taken_back(case, row)
        if case.status == "executing" and then in ENDED:
            case.ended_at = moment(entry["at"])
        if why == "not-reported":
            assert moment(entry["at"]) >= case.quiet_at, "its grant could be used still"
            assert (then == "lapsed") is (ACTIONS[case.action].reversibility == "read_only")
        if case.kind == "governance" and then == "succeeded":
            self._let(case)
        case.status = then

    def _broken(self, case: Case, row: Row, entry: Mapping[str, Any]) -> None:
        """Somebody has released it alone: whether they might, who must look at it, and by when."""
        facts, self.oracle.now = entry["facts"], moment(entry["at"])
        said = self.oracle.said.get(facts["attempt"])
        wrong = list(self.oracle.wrong_in_break(case, said, case.status))
        assert not wrong, f"{case} was released alone: {wrong}"
        assert said is not None
        by, glass = said.person or "", row.glass or {}
        able, due = self.oracle.reviewers(case, by), self.oracle.now + self.oracle.due(case)
        assert able, "nobody could review it"
        assert (glass["by"], glass["reviewers"], moment(facts["due_at"])) == (by, able, due)
        case.glass = Broken(by)
        self.oracle.exceptions.reviews.append(Review(glass["review"], case.id, by, due, able))

    def _taken_back(self, case: Case, row: Row) -> None:
        """What one person released is held again for people: that is over for good."""
        if case.glass is not None and not case.glass.void:
            assert (row.glass or {})["void_at"] is not None
            case.glass.void = True
            self.ground.seen["alone: taken back"] += 1

    def _let(self, case: Case) -> None:
        """What a person asked for has come to be."""
        if case.wish is not None:
            self.oracle.granted(case)
            self.ground.seen["permissions: granted"] += 1
        else:
            self.oracle.stopped.discard("all" if case.of_all else "bot")

    def _started(self, case: Case, row: Row) -> None:
        wrong = list(self.oracle.wrong_at_start(case, row))
        assert not wrong, f"{case} was started: {wrong}"
        seen, quorum = self.ground.seen, max((stage["quorum"] for stage in row.stages), default=0)
        seen["started"] += 1
        seen[f"started: {len(row.stages)} stages"] += 1
        seen["started: more than one stage"] += len(row.stages) > 1
        seen[f"started: quorum of {quorum}"] += 1
        seen["started: after being held again"] += len(case.demands) > 1 or not all(v.standing for v in row.votes)
        seen[f"started: risk {case.risk}"] += 1
        seen["started: run by the bot"] += case.by_bot
        by = [vote for vote in row.votes if vote.standing and vote.say == "approve"]
        seen["started: by a delegate"] += not all(
            self.oracle.own_right(case, vote.person, row.stages[vote.stage]) for vote in by
        )
        seen["started: while a voter's pair was away"] += any(
            beside(self.oracle.pairs(case), vote.person) for vote in by
        )
        seen[f"started: {case.kind}"] += 1
        seen["started: released alone"] += case.glass is not None and not case.glass.void
        seen["started: after that was taken back"] += case.glass is not None and case.glass.void
        seen["started: by a permission"] += case.permission is not None and not row.stages
        seen[f"started: {case.kind}, of what was {case.undone}"] += case.undoes is not None
        seen["started: although the bot is stopped"] += bool(self.oracle.stopped) and case.kind == "rollback"
