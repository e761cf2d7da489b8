"""What an oversight report counts: aggregates over requests and over the entries of a period. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.clocks import milliseconds, rfc3339
from app.domain.oversight import FAST, Period

CITED = 10
"""Entries that are named of each figure; of all of them there is the digest."""

MARGIN = timedelta(days=1)
"""An entry is inserted seconds after the moment that it names: within this the index finds all that may count."""

PATIENCE = "60s"


@dataclass(frozen=True, slots=True)
class Cited:
    """A figure and the entries that it counts. ``by``: of what. ``entries``: the first, as ``stream#n``.

    ``sha256``: of all of them, one a line, in the order of stream and number. The times are of those that have one.
    """

    by: Mapping[str, str | None]
    count: int
    entries: tuple[str, ...]
    sha256: str
    timed: int
    median_ms: int | None
    p95_ms: int | None
    fastest_ms: int | None
    fast: int


@dataclass(frozen=True, slots=True)
class Question:
    """Which entries are counted, and how. The parts are SQL of this package, never of a caller's caller.

    ``kinds``: of the entries. ``by``: a name and an expression for each thing to tell apart. ``when``: a condition.
    ``since``: an expression for the moment from which an entry took its time. ``more``: a join, with what it brings.
    In them: ``e`` the entry (stream, n, kind, at, facts), ``r`` its request, ``d`` the decision that it is about.
    """

    kinds: tuple[str, ...]
    by: Mapping[str, str]
    when: str = "true"
    since: str = "null::timestamptz"
    more: str = ""


async def patiently(session: AsyncSession) -> None:
    """Let this transaction count for longer than a step may."""
    await session.execute(text(f"set local statement_timeout = '{PATIENCE}'"))
    await session.execute(text(f"set local idle_in_transaction_session_timeout = '{PATIENCE}'"))


_ENTRIES = """
with written as (
    select stream, n, convert_from(body, 'UTF8')::jsonb as body from entry
    where created_at >= :wide_from and created_at < :wide_to and ({like})
),
e as (
    select stream, n, body ->> 'kind' as kind, (body ->> 'at')::timestamptz as at, body ->> 'at' as said,
        body -> 'facts' as facts
    from written
    where body ->> 'at' >= :first and body ->> 'at' < :after and body ->> 'kind' = any(:kinds)
),
told as (
    select e.stream || '#' || e.n as entry, e.stream as of_stream, e.n, e.at as told_at, {by}
        extract(epoch from e.at - ({since})) * 1000 as ms
    from e
    left join request r on r.id = case when e.stream like 'request:%' then substr(e.stream, 9)::uuid end
    left join decision d on d.id = case when e.kind in ('decided', 'withdrawn') then (e.facts ->> 'attempt')::uuid end
    {more}
    where {when}
)
select {names} count(*) as count, count(ms) as timed, count(*) filter (where ms < :fast) as fast,
    round(percentile_cont(0.5) within group (order by ms)) as median,
    round(percentile_cont(0.95) within group (order by ms)) as p95, round(min(ms)) as fastest,
    (array_agg(entry order by told_at, of_stream collate "C", n))[1:{cited}] as entries,
    encode(sha256(convert_to(string_agg(entry, E'\\n' order by of_stream collate "C", n), 'UTF8')), 'hex') as sha256
from told {group}
"""


async def cited(session: AsyncSession, period: Period, question: Question, *, most: int = CITED) -> Sequence[Cited]:
    """What was counted, in the order of what it is told apart by, each with at most so many of its entries."""
    names = list(question.by)
    listed = "".join(f"{name}, " for name in names)
    query = _ENTRIES.format(
        like=" or ".join(f"position(:kind{n} in body) > 0" for n in range(len(question.kinds))),
        by="".join(f"({expression}) as {name}, " for name, expression in question.by.items()),
        since=question.since,
        more=question.more,
        when=question.when,
        names=listed,
        cited=most,
        group=f"group by {', '.join(names)}" if names else "having count(*) > 0",
    )
    values = {
        "wide_from": period.since - MARGIN,
        "wide_to": period.until + MARGIN,
        "first": rfc3339(period.since),
        "after": rfc3339(period.until),
        "kinds": list(question.kinds),
        "fast": milliseconds(FAST),
        **{f"kind{n}": f'"kind":"{kind}"'.encode() for n, kind in enumerate(question.kinds)},
    }
    found = [_cited(names, row) for row in (await session.execute(text(query), values)).mappings()]
    return sorted(found, key=lambda one: [value or "" for value in one.by.values()])


def _cited(names: Sequence[str], row: Mapping[Any, Any]) -> Cited:
    return Cited(
        {name: row[name] for name in names},
        row["count"],
        tuple(row["entries"]),
        f"sha256:{row['sha256']}",
        row["timed"],
        _whole(row["median"]),
        _whole(row["p95"]),
        _whole(row["fastest"]),
        row["fast"],
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


WHOSE = {"kind": "r.kind", "bot": "r.bot", "action": "r.action"}
"""Requests are told apart by who asked for what."""

_VERDICT_OF = "r.verdict ->> 'outcome'"
_BY_PEOPLE = "(e.kind = 'approved' or e.facts ->> 'why' = 'denied-by-person')"
_FIRST = """not exists (
    select from entry x where x.stream = e.stream and x.n < e.n
    and (position('"kind":"approved"'::bytea in x.body) > 0 or position('"kind":"denied"'::bytea in x.body) > 0))"""
_OPENED = """case when (r.plan -> 'stages' -> d.stage ->> 'opened_at')::timestamptz <= e.at
    then (r.plan -> 'stages' -> d.stage ->> 'opened_at')::timestamptz else r.created_at end"""
_CARD = "(select min(c.at) from card_shown c where c.request_id = r.id and c.at <= e.at)"

ADMITTED = Question(("admitted",), WHOSE)
REFUSED = Question(
    ("admitted",), {"bot": "r.bot", "action": "r.action", "code": "r.verdict ->> 'code'"}, f"{_VERDICT_OF} = 'deny'"
)
STANDING = Question(("admitted",), {"status": "r.status"})
DECIDED = Question(
    ("approved", "denied"), WHOSE, f"{_BY_PEOPLE} and r.verdict ->> 'outcome' = 'hold' and {_FIRST}", "r.created_at"
)
ALL_DECIDED = Question(DECIDED.kinds, {}, DECIDED.when, DECIDED.since)
"""From the ask until people had approved or denied what was held; of one that was held again, the first time."""

REVIEWED = Question(
    ("decided", "withdrawn"),
    {"person": "e.facts ->> 'person'"},
    since=f"case when e.kind = 'decided' then greatest({_OPENED}, {_CARD}) end",
)
SAID = Question(
    REVIEWED.kinds, {"person": "e.facts ->> 'person'", "said": "coalesce(e.facts ->> 'decision', 'withdrawn')"}
)
"""Since the stage was opened or, where that was later, since a card was first shown."""

_INVARIANTS = """cross join lateral jsonb_array_elements_text(case when e.kind = 'vote-void'
    then jsonb_build_array(e.facts -> 'violation') else e.facts -> 'violations' end) as invariants(name)"""
VIOLATED = Question(("refused", "vote-void"), {"invariant": "invariants.name"}, more=_INVARIANTS)

ENDED = Question(("expired", "lapsed", "cancelled", "revoked"), {"ending": "e.kind", "why": "e.facts ->> 'why'"})
GLASS = Question(("glass-broken",), {"bot": "r.bot", "action": "r.action", "person": "e.facts ->> 'person'"})
GLASS_REVIEWS = Question(
    ("reviewed", "review-overdue"),
    {"finding": "coalesce(e.facts ->> 'finding', 'overdue')"},
    "e.stream like 'request:%' or e.kind = 'review-overdue'",
)
OWNER_REVIEWS = Question(
    ("review-opened", "reviewed", "review-escalated", "entitlements-lapsed"),
    {"what": "coalesce(e.facts ->> 'finding', e.kind)"},
    "e.stream like 'bot:%'",
)
PERMISSIONS = Question(("permission-granted", "permission-revoked"), {"what": "e.kind"})
PERMITTED = Question(
    ("admitted",),
    {"permission": "r.verdict ->> 'permission'", "bot": "r.bot", "action": "r.action"},
    "r.verdict ->> 'permission' is not null",
)
UNDOING = Question(
    ("admitted",), {"kind": "r.kind", "status": "r.status"}, "r.kind in ('rollback', 'incident_rollback')"
)
INCIDENTS = Question(
    ("incident-opened", "incident-paused", "incident-resumed", "incident-closed"),
    {"what": "e.kind"},
    "e.stream like 'incident:%'",
)
UNKNOWN = Question(("unknown",), WHOSE)
SETTLED = Question(("succeeded", "failed"), {"outcome": "e.kind"}, "e.facts ->> 'why' = 'settled'")
SETTLERS = Question(("settlement",), {"person": "e.facts ->> 'person'", "outcome": "e.facts ->> 'outcome'"})

_BY = "coalesce(e.facts ->> 'person', e.facts ->> 'by')"
SUSPENSIONS = Question(
    ("suspended", "resumed"),
    {"at": "e.said", "stream": "e.stream", "what": "e.kind", "by": _BY, "request": "e.facts ->> 'request'"},
)
PUBLICATIONS = Question(
    ("policy-installed",),
    {
        "at": "e.said",
        "version": "e.facts ->> 'policy_version'",
        "by": "e.facts ->> 'by'",
        "request": "e.facts ->> 'request'",
    },
)


async def statuses(session: AsyncSession, period: Period) -> list[dict[str, Any]]:
    """How many requests that were asked for in the period stand how, as of now; from their rows alone."""
    query = """select kind, bot, action, verdict ->> 'outcome' as verdict, status, count(*) as count from request
        where created_at >= :since and created_at < :until group by 1, 2, 3, 4, 5
        order by kind collate "C", bot collate "C" nulls first, action collate "C", 4, 5"""
    values = {"since": period.since, "until": period.until}
    return [dict(row) for row in (await session.execute(text(query), values)).mappings()]
