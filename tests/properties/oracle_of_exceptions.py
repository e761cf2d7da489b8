"""The oracle, where one person releases something alone, another looks at that, and a permission lets the bot go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.properties.absence import away_for, beside
from tests.properties.exceptions import (
    REVIEWED,
    Exceptions,
    Permission,
    Review,
    closed_to_one,
    may_ask,
    strictest,
    wrong_in_wish,
)
from tests.properties.made import LEVELS, RESUMERS, GlassMade
from tests.properties.oracle import Case, Demand, Oracle, definition
from tests.properties.rows import Row, Said, Vote


@dataclass
class WholeOracle(Oracle):
    """With the exceptions as well."""

    exceptions: Exceptions = field(default_factory=Exceptions)

    # Alone.

    def too_near(self, case: Case, person: str) -> set[str]:
        """Why this person's word alone is not enough for this request, whatever its risk."""
        found = self.near(case, person)
        if not self.here(person):
            found.add("unlinked-identity")
        if person in self.stand_near(case):
            found.add("bot-owner or their delegate")
        return found

    def terms(self, demands: Sequence[Demand]) -> GlassMade | None:
        """What all these plans say of it together."""
        return strictest(demand.glass for demand in demands if demand.holds())

    def wrong_in_break(self, case: Case, said: Said | None, status: str | None) -> Iterator[str]:
        """Why nobody should have released this alone, as they just did."""
        if said is None or said.person is None or said.say != "break":
            yield "nobody said that"
            return
        yield from sorted(self.too_near(case, said.person))
        if said.person not in self.files.responders:
            yield "they do not respond"
        if LEVELS.index(said.level) < LEVELS.index("recent"):
            yield "weak-authentication"
        if not said.digest:
            yield "another digest was signed"
        if case.kind != "action" or status != "held":
            yield f"it is {case.kind}, and was {status}"
        if case.glass is not None:
            yield "it was released alone before"
        if self.stopped or self.stops != case.stops:
            yield "the bot was stopped"
        if case.expires_at is None or self.now > case.expires_at:
            yield "it is past expires_at"
        yield from closed_to_one(self.terms(case.demands), case.risk, irreversible=case.irreversible)

    def due(self, case: Case) -> timedelta:
        """In which time another must have looked at it."""
        terms = self.terms(case.demands)
        return REVIEWED["24h" if terms is None else terms.review_within]

    def wrong_with_reviewer(self, case: Case, by: str, person: str) -> set[str]:
        """Why this person must not review what ``by`` released."""
        found = self.too_near(case, person)
        if person in {by, *beside(self.pairs(case), by), *case.part}:
            found.add("they had a part in it")
        return found

    def reviewers(self, case: Case, by: str) -> list[str]:
        """Who is to review it: who sits on the exceptions seat, else who on security, else administrators."""
        for seat in ({self.files.exceptions}, {"sec"}, set(RESUMERS) - {"sec"}):
            able = sorted(person for person in seat if not self.wrong_with_reviewer(case, by, person))
            if able:
                return able
        return []

    def may_review(self, case: Case, review: Review, person: str | None, level: str) -> bool:
        """This person's word is the review of it."""
        named = person is not None and person in review.reviewers and review.done is None
        signed = LEVELS.index(level) >= LEVELS.index("login")
        return named and signed and not self.wrong_with_reviewer(case, review.by, person or "")

    def takes_part(self, case: Case, row: Row, vote: Vote) -> None:
        """Somebody has said yes, in their right and of those for whom they stand in."""
        stage = row.stages[vote.stage]
        away = {one for one in away_for(self.pairs(case), vote.person) if self.here(one)}
        if vote.say == "approve":
            case.part |= {vote.person, *(one for one in away if self.own_right(case, one, stage))}

    def unreleased(self, case: Case, demands: Sequence[Demand], row: Row) -> Iterator[str]:
        """Without the quorum it takes one person who may, by all plans, or a permission that goes on."""
        if case.glass is not None and not case.glass.void:
            yield from sorted(self.too_near(case, case.glass.by))
            if case.glass.by not in self.files.responders:
                yield "who released it alone does not respond any more"
            yield from closed_to_one(self.terms(demands), case.risk, irreversible=case.irreversible)
        elif case.permission is not None and not row.stages:
            yield from self.ended(case.permission)
        else:
            yield from super().unreleased(case, demands, row)

    # By permission.

    def ended(self, permission: Permission) -> Iterator[str]:
        """Why it lets nothing go any more."""
        if permission.revoked:
            yield "the permission was revoked"
        if self.now >= permission.ends:
            yield "the permission has ended"

    def allowing(self, case: Case, at: datetime) -> Permission | None:
        """By which permission what would be held is not: the one that ends first."""
        if case.risk == "critical" or case.irreversible:
            return None
        fit = [
            one
            for one in self.exceptions.permissions
            if one.live(at)
            and one.definition == definition(case.admitted, case.action)
            and one.speaks_of(case.action, case.payee, case.amount)
            and not any(self._near(case, person) & {"on-behalf-of", "beneficiary"} for person in one.by)
        ]
        return min(fit, key=lambda one: (one.ends, one.id), default=None)

    def wrong_in_ask(self, case: Case, cases: Sequence[Case], at: datetime) -> Iterator[str]:
        """Of a permission, too."""
        yield from super().wrong_in_ask(case, cases, at)
        if case.wish is not None:
            yield from wrong_in_wish(case.admitted, case.wish)
            if not may_ask(case.admitted, case.asker or ""):
                yield f"{case.asker} holds no seat that asks for permissions"

    def ground_gone(self, case: Case) -> Iterator[str]:
        """Of a permission, too."""
        yield from super().ground_gone(case)
        if case.wish is None:
            return
        yield from wrong_in_wish(self.files, case.wish)
        if not (self.here(case.asker or "") and may_ask(self.files, case.asker or "")):
            yield "who asked for it may not any more"
        if definition(self.files, case.wish.action) != definition(case.admitted, case.wish.action):
            yield "the action is another than its signers knew"
        if case.ends is None or self.now >= case.ends:
            yield "it would have ended"

    def granted(self, case: Case) -> None:
        """It is in force now."""
        assert case.wish is not None
        assert case.ends is not None
        known = definition(case.admitted, case.wish.action)
        by = frozenset({case.asker or "", *case.part})
        self.exceptions.permissions.append(Permission(case.id, case.wish, known, case.ends, by))
