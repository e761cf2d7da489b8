"""What a line of the table of hostile inputs says, and the routes that write."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from zlib import crc32

from tests.hostile.wire import Lines

Stored = Literal[
    "nothing", "the refusal", "the refusal and its key", "one more refusal counted", "the key", "that a code was wrong"
]
DELTAS: dict[Stored, dict[str, int]] = {
    "nothing": {},
    "the refusal": {"entry": 1, "refusal": 1, "(refused)": 1},
    "the refusal and its key": {"entry": 1, "refusal": 1, "(refused)": 1, "attempt": 1},
    "one more refusal counted": {"(refused)": 1},
    "the key": {"attempt": 1},
    "that a code was wrong": {"link_code": 1},
}
"""What may become more, to the row; `tests.hostile.counting` says what is counted."""

JSON = (b"Content-Type", b"application/json")
KEY = (b"Idempotency-Key", b"<key>")


@dataclass(frozen=True, slots=True)
class Hostile:
    """One hostile input, and what must come of it.

    In ``target``, ``headers``, ``body`` and ``raw`` a word in angle brackets stands for what `tests.hostile.stage` has
    prepared by that name. ``who``: whose token is sent. ``raw``: the whole request, where the others do not say it.
    ``problem``: the name of its type, ``oauth:`` and a code for the token endpoint, or ``wire`` for what never gets to
    the application. ``says``: what its sentence must name.
    """

    name: str
    status: int
    problem: str
    says: str
    method: str = "POST"
    target: str = ""
    who: str = "nobody"
    headers: Lines = ()
    body: bytes | None = None
    raw: bytes | None = None
    stored: Stored = "nothing"
    more: dict[str, Any] = field(default_factory=dict)
    """Members that the problem must have besides."""


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One route that writes. ``callers``: a bot and a person, one of whom may do it; ``text``: a field for any text."""

    name: str
    target: str
    good: dict[str, Any]
    callers: tuple[str, str]
    text: str
    headers: Lines = (JSON,)

    def sent(self, body: bytes | None, **more: Any) -> dict[str, Any]:
        """The parts of a `Hostile` that sends this body here, all else being good."""
        return {"target": self.target, "headers": self.headers, "body": body} | more

    def changed(self, **fields: Any) -> bytes:
        """The good body with other fields; `GONE` takes one away."""
        return encoded({name: value for name, value in (self.good | fields).items() if value is not GONE})

    def with_raw(self, name: str, value: bytes) -> bytes:
        """The good body with one field whose JSON is given as it stands."""
        rest = {key: given for key, given in self.good.items() if key != name}
        return encoded(rest)[:-1] + (b"," if rest else b"") + b'"' + name.encode() + b'":' + value + b"}"


GONE = object()


def encoded(value: Any) -> bytes:
    """JSON, as a client would write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


ASK = Route(
    "ask",
    "/v1/requests",
    {"action": "do.moderate", "parameters": {"thing": "<thing>"}, "on_behalf_of": "customer:carl"},
    ("bot", "dana"),
    "reason",
    (JSON, KEY),
)
DECIDE = Route(
    "decide",
    "/v1/requests/<held>/decisions",
    {"decision": "approve", "digest": "<digest>"},
    ("bot", "dana"),
    "reason",
)
CANCEL = Route("cancel", "/v1/requests/<held>/cancel", {"reason": "changed"}, ("bot", "ivan"), "reason")
GRANT = Route("grant", "/v1/requests/<executing>/grant", {}, ("bot", "olivia"), "more")
OUTCOME = Route("outcome", "/v1/requests/<executing>/outcome", {"status": "succeeded"}, ("bot", "olivia"), "detail")
SETTLE = Route(
    "settle",
    "/v1/requests/<unknown>/settle",
    {"status": "succeeded", "reason": "seen"},
    ("bot", "ivan"),
    "reason",
)
LINK = Route("link", "/v1/identity-links", {"code": "<code>"}, ("bot", "dana"), "code")
AWAY = Route(
    "away",
    "/v1/delegations",
    {"to": "eve", "until": "2026-01-19T08:00:00Z", "reason": "away"},
    ("bot", "dana"),
    "reason",
    (JSON, KEY),
)
ROLLBACK = Route(
    "rollback", "/v1/requests/<succeeded>/rollbacks", {"reason": "wrong"}, ("bot", "ivan"), "reason", (JSON, KEY)
)
BREAK = Route(
    "break the glass",
    "/v1/requests/<held>/break-glass",
    {"reason": "urgent", "digest": "<digest>"},
    ("bot", "ivan"),
    "reason",
)
ATTEST = Route(
    "attest",
    "/v1/reviews/<absent>/attest",
    {"finding": "justified", "reason": "seen"},
    ("bot", "eve"),
    "reason",
)
SUSPEND = Route("suspend", "/v1/bots/bot/suspend", {"reason": "wrong"}, ("bot", "ivan"), "reason")
SUSPEND_ALL = Route("suspend all", "/v1/installation/suspend", {"reason": "wrong"}, ("bot", "sam"), "reason")
RESUME = Route("resume", "/v1/bots/still-bot/resume", {"reason": "mended"}, ("bot", "ada"), "reason")
RESUME_ALL = Route("resume all", "/v1/installation/resume", {"reason": "mended"}, ("bot", "ada"), "reason")
CHANGE = Route(
    "change",
    "/v1/governance-requests",
    {"action": "interlock.bots.resume", "parameters": {"bot": "still-bot"}, "reason": "mended"},
    ("bot", "ada"),
    "reason",
    (JSON, KEY),
)
REVOKE = Route(
    "revoke",
    "/v1/standing-permissions/9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11/revoke",
    {"reason": "wrong"},
    ("bot", "eve"),
    "reason",
)
REDEEM = Route(
    "redeem",
    "/v1/grants/redeem",
    {"grant": "x.y.z", "parameters_digest": "sha256:0", "redemption_id": "mine"},
    ("desk", "dana"),
    "grant",
)
FETCH = Route("fetch", "/v1/grants/fetch", {"handle": "made-up"}, ("bot", "desk"), "handle")
INCIDENT = Route(
    "open an incident",
    "/v1/incidents",
    {"title": "wrong", "bots": ["bot"], "actions": [], "from": "2026-01-05T09:00:00Z", "to": "2026-01-05T10:00:00Z"},
    ("bot", "ivan"),
    "title",
    (JSON, KEY),
)
UNDO_MANY = Route(
    "undo an incident",
    "/v1/incidents/<absent>/rollbacks",
    {"requests": "all", "reason": "wrong"},
    ("bot", "ivan"),
    "reason",
    (JSON, KEY),
)
PAUSE = Route("pause", "/v1/incidents/<absent>/pause", {}, ("bot", "ivan"), "more")
GO_ON = Route("go on", "/v1/incidents/<absent>/resume", {}, ("bot", "ivan"), "more")
CLOSE = Route("close", "/v1/incidents/<absent>/close", {"summary": "mended"}, ("bot", "ivan"), "summary")
DRAFT = {"people.yaml": "people: [{id: ada, name: Ada}]"}
COMPARE = Route("compare", "/v1/policy/diff", {"files": DRAFT}, ("bot", "ada"), "more")
SIMULATE = Route("simulate", "/v1/policy/simulate", {"files": DRAFT}, ("bot", "ada"), "since")
ON_ONE = (DECIDE, CANCEL, GRANT, OUTCOME, SETTLE, ROLLBACK, BREAK)
ON_BOT = (SUSPEND, RESUME)
ON_INCIDENT = (UNDO_MANY, PAUSE, GO_ON, CLOSE)
STOPS = (*ON_BOT, SUSPEND_ALL, RESUME_ALL)
ROUTES = (
    ASK,
    *ON_ONE,
    *STOPS,
    CHANGE,
    REVOKE,
    LINK,
    AWAY,
    ATTEST,
    INCIDENT,
    *ON_INCIDENT,
    REDEEM,
    FETCH,
    COMPARE,
    SIMULATE,
)


def by_both(route: Route, line: Hostile) -> list[Hostile]:
    """The line for a bot and a person: what is malformed is refused whoever sends it."""
    return [by(who, route, line) for who in route.callers]


def by_some(route: Route, line: Hostile) -> list[Hostile]:
    """As `by_both` to ask and to decide, where most is at stake; elsewhere by one of the two, as the names have it."""
    drawn = crc32(f"{route.name} {line.name}".encode()) % 2
    return by_both(route, line) if route in (ASK, DECIDE) else [by(route.callers[drawn], route, line)]


def by(who: str, route: Route, line: Hostile) -> Hostile:
    """The line, sent by one of a route's callers."""
    return replace(line, name=f"{route.name} by {who}: {line.name}", who=who)
