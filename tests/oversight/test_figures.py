"""The figures of a report: exact ones of known requests, and the same as the rows say."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from app.domain.oversight import digests
from tests.oversight.month import Month, known
from tests.steps.words import sql

Report = dict[str, Any]


@pytest.fixture(scope="module")
async def report(month: Month) -> Report:
    """Of the ten asks."""
    await known(month)
    return await month.document()


def find(report: Report, name: str, **by: Any) -> Report:
    """The one figure of a list that these words pick out."""
    [found] = [one for one in report["figures"][name] if by.items() <= one.items()]
    return dict(found)


async def pid(month: Month, person: str) -> str:
    return str((await sql(month.world, "select pid from person where id = :id", id=person))[0][0])


async def test_requests_by_bot_and_action(report: Report) -> None:
    asked = find(report, "requests", bot="bot", action="do.moderate")
    assert asked == {
        "kind": "action",
        "bot": "bot",
        "action": "do.moderate",
        "requests": 6,
        "verdicts": {"allow": 0, "hold": 5, "deny": 1},
        "outcomes": {"succeeded": 3, "failed": 1, "denied": 2},
    }
    assert find(report, "requests", action="look.up")["verdicts"] == {"allow": 1, "hold": 0, "deny": 0}
    assert find(report, "requests", action="do.brief")["outcomes"] == {"expired": 1}
    assert find(report, "requests", action="do.once")["outcomes"] == {"unknown": 1}
    assert find(report, "refused", action="do.moderate") == {
        "bot": "bot",
        "action": "do.moderate",
        "code": "rule",
        "count": 1,
    }


async def test_time_to_decision(report: Report) -> None:
    assert find(report, "decided", action="do.moderate") == {
        "kind": "action",
        "bot": "bot",
        "action": "do.moderate",
        "count": 5,
        "median_ms": 6_000,
        "p95_ms": 84_000,
    }
    head = report["figures"]["head"]
    assert (head["decided"], head["median_ms_to_decision"], head["p95_ms_to_decision"]) == (6, 7_000, 80_000)


async def test_reviewers_show_who_does_not_look(month: Month, report: Report) -> None:
    dana = find(report, "reviewers", person=await pid(month, "dana"))
    assert dana == {
        "person": await pid(month, "dana"),
        "decisions": 4,
        "approvals": 4,
        "denials": 0,
        "abstentions": 0,
        "withdrawn": 0,
        "approval_rate": 1.0,
        "median_ms": 5_000,
        "fastest_ms": 2_000,
        "under_10_s": 3,
        "under_10_s_share": 0.75,
    }
    marco = find(report, "reviewers", person=await pid(month, "marco"))
    assert (marco["approval_rate"], marco["median_ms"], marco["under_10_s"]) == (0.5, 14_000, 1)
    assert len(report["figures"]["reviewers"]) == 2


async def test_what_was_broken_ended_and_unknown(report: Report) -> None:
    assert report["figures"]["violations"] == [
        {"invariant": "bot-owner", "count": 1},
        {"invariant": "on-behalf-of", "count": 1},
    ]
    assert [(one["ending"], one["count"]) for one in report["figures"]["endings"]] == [("expired", 1)]
    assert find(report, "unknowns", action="do.once")["count"] == 1
    assert report["figures"]["settled"] == []


async def test_the_head(report: Report) -> None:
    head = report["figures"]["head"]
    expected = {
        "requests": 10,
        "allow": 1,
        "hold": 8,
        "deny": 1,
        "succeeded": 3,
        "failed": 1,
        "unknown": 1,
        "decisions": 6,
        "decisions_under_10_s": 4,
        "violations": 2,
        "endings": 1,
        "unknowns": 1,
        "break_glass": 0,
    }
    assert {name: head[name] for name in expected} == expected


async def test_sums_agree_with_the_rows(month: Month, report: Report) -> None:
    """Counted here from the tables by themselves."""
    figures, within = report["figures"], {"since": month.period.since, "until": month.period.until}
    asked = "select status, count(*) from request where created_at >= :since and created_at < :until group by 1"
    said = "select count(*) from decision where at >= :since and at < :until"
    stand = dict(map(tuple, await sql(month.world, asked, **within)))
    requests, [[decisions]] = sum(stand.values()), await sql(month.world, said, **within)
    assert sum(one["requests"] for one in figures["requests"]) == requests == 10
    assert sum(sum(one["verdicts"].values()) for one in figures["requests"]) == requests
    assert {one["status"]: one["count"] for one in figures["outcomes"]} == stand
    assert sum(one["decisions"] for one in figures["reviewers"]) == decisions == 6


async def test_every_figure_names_its_entries(month: Month, report: Report) -> None:
    """They are there, of the kinds that it says, and the digest is over all of them."""
    rows = await sql(month.world, "select stream, n, convert_from(body, 'UTF8')::jsonb ->> 'kind' from entry")
    there = {f"{stream}#{n}": kind for stream, n, kind in rows}
    figures = report["figures"]
    for name, evidence in report["evidence"].items():
        listed, number = name.split("/")
        counted = figures[listed][int(number)]
        assert evidence["count"] in (counted.get("count"), counted.get("requests"), counted.get("decisions")), name
        assert {there[entry] for entry in evidence["entries"]} <= set(evidence["kinds"])
        assert len(evidence["entries"]) == min(10, evidence["count"])
        lines = sorted(evidence["entries"], key=lambda entry: (entry.split("#")[0], int(entry.split("#")[1])))
        assert evidence["sha256"] == f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"
    assert {name.split("/")[0] for name in report["evidence"]} == {
        name for name, rows in figures.items() if name != "head" and rows
    }


async def test_persons_stand_in_it_as_pids(month: Month, report: Report) -> None:
    text = repr(report)
    for name, id_ in await sql(month.world, "select name, id from person"):
        assert f"'{name}'" not in text
        assert f"'{id_}'" not in text


async def test_again_it_is_the_same_to_the_byte(month: Month, report: Report) -> None:
    assert digests(await month.document()) == digests(report)


async def test_what_comes_later_counts_elsewhere(month: Month, report: Report) -> None:
    """The period ends before its last moment; what is asked for at that moment is of the next."""
    at = month.hand.at
    month.hand.at = month.period.until
    await month.held()
    month.hand.at = at
    assert digests(await month.document()) == digests(report)
