"""Oversight: the period that a report is about, and the controls that its figures are evidence for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.clocks import moment, rfc3339
from app.domain.digest import sha256

LONGEST = timedelta(days=366)
"""A year and its leap day: more is several reports."""

YEARS = range(1970, 9000)
"""In which a period may be."""

FAST = timedelta(seconds=10)
"""A decision made within this time of when it could be made is counted apart: whoever makes many has not looked."""

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment to another, which is not part of it."""

    since: datetime
    until: datetime

    def as_json(self) -> dict[str, str]:
        """As a report and a request name it."""
        return {"from": rfc3339(self.since), "to": rfc3339(self.until)}

    def over(self, now: datetime) -> bool:
        """True when nothing more can happen in it."""
        return self.until <= now


def period(since: str, until: str) -> Period:
    """The period between two moments, RFC 3339 or days in UTC. Raises ValueError, saying what is wrong."""
    found = Period(_moment(since), _moment(until))
    if not (YEARS.start <= found.since.year and found.until.year < YEARS.stop):
        raise ValueError(f"a period is between {YEARS.start} and {YEARS.stop}")
    if found.until <= found.since:
        raise ValueError("a period ends after it begins")
    if found.until - found.since > LONGEST:
        raise ValueError(f"a period is at most {LONGEST.days} days")
    return found


def _moment(text: str) -> datetime:
    try:
        return moment(f"{text}T00:00:00Z" if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else text.upper())
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r:.60} is not a moment such as 2026-10-01 or 2026-10-01T00:00:00Z") from None


def month(text: str) -> Period:
    """A month in UTC, ``2026-10``. Raises ValueError."""
    found = _MONTH.fullmatch(text)
    if found is None or int(found[1]) not in YEARS:
        raise ValueError(f"{text!r:.20} is not a month such as 2026-10")
    first = datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)
    return Period(first, _first_of_next(first))


def last_month(now: datetime) -> Period:
    """The last full month in UTC."""
    until = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Period((until - timedelta(days=1)).replace(day=1), until)


def _first_of_next(first: datetime) -> datetime:
    return (first + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True, slots=True)
class Digests:
    """``report``: of all of a report, evidence too; ``figures``: of its figures alone. SHA-256 of canonical JSON."""

    report: str
    figures: str


def digests(document: Mapping[str, Any]) -> Digests:
    """What a signature is on."""
    return Digests(sha256(document), sha256(document["figures"]))


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a framework. ``figures``: the parts of a report that are evidence for it."""

    framework: str
    name: str
    asks: str
    figures: tuple[str, ...]


_NIST, _SP, _AI = "NIST CSF 2.0", "NIST SP 800-53", "NIST AI RMF"
_AGENTIC, _EU = "OWASP Agentic 2026", "EU AI Act"

CONTROLS: tuple[Control, ...] = (
    Control(
        _NIST,
        "GV.OV-01",
        "outcomes of the risk strategy are reviewed",
        ("requests", "reviewers", "violations", "endings", "break_glass", "permissions"),
    ),
    Control(_NIST, "GV.RR-02", "roles and authorities are established and enforced", ("refused", "owner_reviews")),
    Control(_NIST, "GV.PO-01, GV.PO-02", "policy is established, reviewed, enforced", ("publications", "requests")),
    Control(
        _NIST,
        "ID.AM-02, ID.RA-07",
        "inventories; changes and exceptions are tracked",
        ("publications", "break_glass", "permissions"),
    ),
    Control(
        _NIST,
        "PR.AA-05",
        "authorisations are defined, with least privilege and separation of duties",
        ("requests", "decided", "violations"),
    ),
    Control(_NIST, "PR.PS-04, RS.AN-06, RS.AN-07", "log records keep integrity and provenance", ("requests",)),
    Control(
        _NIST,
        "RS.MI-01, RC.RP-02",
        "incidents are contained; recovery actions are selected and performed",
        ("suspensions", "rollbacks", "incidents", "unknowns"),
    ),
    Control(_SP, "AC-3(2), AC-5", "dual authorization; separation of duties", ("decided", "reviewers", "violations")),
    Control(_SP, "AU-9(2), AU-9(3), AU-10", "audit records are protected; non-repudiation", ("requests", "reviewers")),
    Control(_SP, "CM-3, CM-5(4)", "changes are controlled, under dual authorization", ("publications", "requests")),
    Control(_AI, "GOVERN 2.1, GOVERN 3.2", "roles are clear; human oversight is defined", ("reviewers", "requests")),
    Control(_AI, "MAP 3.5", "processes of human oversight are defined and assessed", ("reviewers", "decided")),
    Control(
        _AI,
        "MANAGE 2.4, MANAGE 4.1",
        "systems can be disengaged; deployed systems are watched and recover",
        ("suspensions", "rollbacks", "incidents"),
    ),
    Control(_AGENTIC, "ASI01, ASI02", "goal hijack; tool misuse", ("requests", "refused")),
    Control(_AGENTIC, "ASI03", "identity and privilege abuse", ("violations", "permissions", "break_glass")),
    Control(_AGENTIC, "ASI08, ASI10", "cascading failures; rogue agents", ("suspensions", "refused", "rollbacks")),
    Control(_AGENTIC, "ASI09", "human-agent trust exploitation", ("reviewers", "violations")),
    Control(_EU, "Art. 12, Art. 19", "events are logged, and logs are kept", ("requests", "outcomes")),
    Control(_EU, "Art. 14, Art. 26", "people oversee, stop and override", ("decided", "reviewers", "suspensions")),
)
"""What the reference names. A report produces evidence for them; whether they are met is for others to judge."""
