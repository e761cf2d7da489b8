"""An oversight report: the figures of a period, each with the entries that are its evidence, as one document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import oversight as db
from app.db.oversight import Cited, Question
from app.domain.oversight import Period

Figures = dict[str, Any]


def _counted(one: Cited) -> Figures:
    return {**one.by, "count": one.count}


def _timed(one: Cited) -> Figures:
    return {**one.by, "count": one.count, "median_ms": one.median_ms, "p95_ms": one.p95_ms}


_LISTS: Mapping[str, tuple[Question, Callable[[Cited], Figures]]] = {
    "outcomes": (db.STANDING, _counted),
    "refused": (db.REFUSED, _counted),
    "decided": (db.DECIDED, _timed),
    "violations": (db.VIOLATED, _counted),
    "endings": (db.ENDED, _counted),
    "break_glass": (db.GLASS, _counted),
    "break_glass_reviews": (db.GLASS_REVIEWS, _counted),
    "permissions": (db.PERMISSIONS, _counted),
    "permission_uses": (db.PERMITTED, _counted),
    "owner_reviews": (db.OWNER_REVIEWS, _counted),
    "rollbacks": (db.UNDOING, _counted),
    "incidents": (db.INCIDENTS, _counted),
    "unknowns": (db.UNKNOWN, _counted),
    "settled": (db.SETTLED, _counted),
    "settlers": (db.SETTLERS, _counted),
    "suspensions": (db.SUSPENSIONS, _counted),
    "publications": (db.PUBLICATIONS, _counted),
}
"""What is counted alike: by which question, and how a figure of it is told."""

QUESTIONS: Mapping[str, Question] = {
    "requests": db.ADMITTED,
    "reviewers": db.REVIEWED,
    **{name: question for name, (question, _) in _LISTS.items()},
}
"""By list of figures; the evidence of the first of ``violations`` is called ``violations/0``."""

ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Draft:
    figures: Figures = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)

    def put(self, name: str, question: Question, found: Sequence[Cited], rows: Sequence[Figures]) -> None:
        self.figures[name] = list(rows)
        for n, one in enumerate(found):
            self.evidence[f"{name}/{n}"] = {
                "kinds": list(question.kinds),
                "count": one.count,
                "entries": list(one.entries),
                "sha256": one.sha256,
            }


async def document(session: AsyncSession, period: Period) -> dict[str, Any]:
    """All that a report says, persons as pids; the same for as long as nothing of the period has changed."""
    await db.patiently(session)
    draft = _Draft()
    found = await db.cited(session, period, db.ADMITTED)
    draft.put("requests", db.ADMITTED, found, _requests(found, await db.statuses(session, period)))
    for name, (question, told) in _LISTS.items():
        found = await db.cited(session, period, question)
        draft.put(name, question, found, [told(one) for one in found])
    found = await db.cited(session, period, db.REVIEWED)
    draft.put("reviewers", db.REVIEWED, found, _reviewers(found, await db.cited(session, period, db.SAID)))
    draft.figures["head"] = _head(draft.figures, await db.cited(session, period, db.ALL_DECIDED))
    return {"v": 1, **period.as_json(), "figures": draft.figures, "evidence": draft.evidence}


def _requests(found: Sequence[Cited], rows: Sequence[Mapping[str, Any]]) -> list[Figures]:
    return [
        _request(one, [row for row in rows if all(row[name] == of for name, of in one.by.items())]) for one in found
    ]


def _request(one: Cited, rows: Sequence[Mapping[str, Any]]) -> Figures:
    verdicts = {"allow": 0, "hold": 0, "deny": 0}
    outcomes: dict[str, int] = {}
    for row in rows:
        verdicts[row["verdict"]] += row["count"]
        outcomes[row["status"]] = outcomes.get(row["status"], 0) + row["count"]
    return {**one.by, "requests": sum(outcomes.values()), "verdicts": verdicts, "outcomes": outcomes}


def _reviewers(found: Sequence[Cited], said: Sequence[Cited]) -> list[Figures]:
    return [
        _reviewer(one, {each.by["said"]: each.count for each in said if each.by["person"] == one.by["person"]})
        for one in found
    ]


def _reviewer(one: Cited, said: Mapping[str | None, int]) -> Figures:
    """``withdrawn``: approvals of theirs that they turned into a denial; the share is of what was timed."""
    approvals, denials = said.get("approve", 0), said.get("deny", 0)
    return {
        **one.by,
        "decisions": one.count,
        "approvals": approvals,
        "denials": denials,
        "abstentions": said.get("abstain", 0),
        "withdrawn": said.get("withdrawn", 0),
        "approval_rate": _share(approvals, approvals + denials),
        "median_ms": one.median_ms,
        "fastest_ms": one.fastest_ms,
        "under_10_s": one.fast,
        "under_10_s_share": _share(one.fast, one.timed),
    }


def _share(part: int, whole: int) -> float | None:
    return None if whole == 0 else round(part / whole, 4)


def _head(figures: Figures, decided: Sequence[Cited]) -> Figures:
    """What a card shows: whole numbers only."""
    verdicts = [row["verdicts"] for row in figures["requests"]]
    stands = {row["status"]: row["count"] for row in figures["outcomes"]}
    return {
        "requests": sum(row["requests"] for row in figures["requests"]),
        **{word: sum(one[word] for one in verdicts) for word in ("allow", "hold", "deny")},
        "succeeded": stands.get("succeeded", 0),
        "failed": stands.get("failed", 0),
        "unknown": stands.get("unknown", 0),
        "still_open": sum(stands.get(status, 0) for status in ("held", "approved", "executing")),
        "decided": sum(one.count for one in decided),
        "median_ms_to_decision": decided[0].median_ms if decided else None,
        "p95_ms_to_decision": decided[0].p95_ms if decided else None,
        "decisions": sum(row["decisions"] for row in figures["reviewers"]),
        "decisions_under_10_s": sum(row["under_10_s"] for row in figures["reviewers"]),
        **{name: _sum(figures[name]) for name in ("violations", "endings", "break_glass", "permission_uses")},
        **{name: _sum(figures[name]) for name in ("rollbacks", "incidents", "unknowns", "suspensions", "publications")},
    }


def _sum(rows: Sequence[Figures]) -> int:
    return sum(row["count"] for row in rows)


async def entries(session: AsyncSession, period: Period, name: str) -> Sequence[str]:
    """All entries that a figure counts, as ``stream#n``, by the name of its evidence. Raises KeyError for no such."""
    listed, _, number = name.partition("/")
    await db.patiently(session)
    found = await db.cited(session, period, QUESTIONS[listed], most=ALL)
    if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number) < len(found)):
        raise KeyError(name)
    return found[int(number)].entries
