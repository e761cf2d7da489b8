"""Known-good words for a generator that cannot know them: ids of requests in the right state, digests, actions.

What schemathesis generates to be accepted is, two times out of three, aimed at something that is there; the third goes
out as it was generated. What it generates to be refused is left alone.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
from schemathesis import Case, GenerationMode
from schemathesis.core.parameters import ParameterLocation

from app.api.examples_policy import DRAFT
from app.api.queries import seconds
from app.domain.digest import sha256
from tests.api.conftest import Headers, a_key

Shown = dict[str, Any]


class Switch(Protocol):
    """The stop switch, straight on the database."""

    def __call__(self, *, on: bool) -> None:
        """``on``: everybody is at work; else they are stopped."""


SHORT = 0.05
PLACES = (ParameterLocation.PATH, ParameterLocation.QUERY, ParameterLocation.HEADER, ParameterLocation.BODY)
ACTIONS = ("look.up", "look.up", "do.moderate", "look.briefly", "do.high")


@dataclass(slots=True)
class Supply:
    """Makes what a call needs, by a client of its own.

    Made beforehand: ``unknown``: requests that may be settled; ``done``: such as may be undone; ``code``: of a Slack
    account that nobody has. ``switch``: puts everybody back to work, or stops them. ``version``: of the rules.
    ``away``, ``over``: delegations, to be looked at, and to be ended: who looks at one that has ended finds it still.
    ``reviews``: those that may be made.
    ``permission``: a standing one. ``incidents``: by what may be done with them.
    """

    http: httpx.Client
    bot: Headers
    unknown: list[Shown]
    done: list[Shown]
    code: str
    switch: Switch
    version: str = ""
    away: str = ""
    over: str = ""
    reviews: list[str] = field(default_factory=list)
    permission: str = ""
    incidents: dict[str, str] = field(default_factory=dict)
    switched: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    kept: dict[str, Shown] = field(default_factory=dict)

    def aim(self, case: Case[Any]) -> None:
        """Aim a generated call at something that is there; never wait for what will not come."""
        _hurry(case)
        label = case.operation.label
        if self.switched:
            self.switch(on=True)
        self.switched = label in _SWITCHING
        aimed = _AIMED.get(label)
        if aimed is None or not all(_good(case, place) for place in PLACES):
            return
        self.calls[label] += 1
        if self.calls[label] % 3:
            aimed(self, case, self.calls[label])

    def ask(self, action: str) -> Shown:
        """A new request of the bot."""
        body = {"action": action, "parameters": {"thing": uuid.uuid4().hex}, "on_behalf_of": "customer:carl"}
        answer = self.http.post("/v1/requests", json=body, headers=self.bot | a_key())
        assert answer.status_code == 201, answer.text
        shown: Shown = answer.json()
        return shown

    def standing(self, action: str) -> Shown:
        """A request of the bot that is asked for once and stays as it is."""
        if action not in self.kept:
            self.kept[action] = self.ask(action)
        return self.kept[action]


def _good(case: Case[Any], place: ParameterLocation) -> bool:
    part = None if case.meta is None else case.meta.components.get(place)
    return part is None or part.mode is GenerationMode.POSITIVE


def _hurry(case: Case[Any]) -> None:
    with suppress(ValueError):
        if case.query and seconds(str(case.query.get("wait"))) > SHORT:
            case.query = {**case.query, "wait": "1ms"}


def _body(case: Case[Any]) -> dict[str, Any]:
    """The generated body of an operation that takes an object."""
    assert isinstance(case.body, dict)
    return case.body


def _at(case: Case[Any], shown: Shown) -> None:
    case.path_parameters = {**case.path_parameters, "id": shown["id"]}


def _ask(_supply: Supply, case: Case[Any], n: int) -> None:
    """Its reason and context stay as they were generated."""
    rest = {name: value for name, value in _body(case).items() if name in ("reason", "context")}
    action = ACTIONS[n % len(ACTIONS)]
    case.body = {**rest, "action": action, "parameters": {"thing": f"t{n}"}, "on_behalf_of": "customer:carl"}
    _unproven(case)
    case.headers.update(a_key())


def _unproven(case: Case[Any]) -> None:
    """Without a proof of a key: what is generated for one is none."""
    for name in [name for name in case.headers or {} if name.lower() == "dpop"]:
        del case.headers[name]


def _read(supply: Supply, case: Case[Any], _n: int) -> None:
    _at(case, supply.standing("do.two"))


def _page(_supply: Supply, case: Case[Any], _n: int) -> None:
    """Without what is a language of its own."""
    case.query = {name: value for name, value in case.query.items() if name not in ("status", "cursor")}


def _decide(supply: Supply, case: Case[Any], n: int) -> None:
    shown = supply.ask("do.two") if n % 2 else supply.standing("do.stages")
    _at(case, shown)
    body = _body(case)
    reason = str(body.get("reason") or "").strip()
    case.body = {**body, "digest": shown["digest"], "reason": reason or "seen"}


def _cancel(supply: Supply, case: Case[Any], n: int) -> None:
    _at(case, supply.ask("do.high") if n % 2 else supply.standing("do.brief"))


def _grant(supply: Supply, case: Case[Any], n: int) -> None:
    _at(case, supply.standing("look.up" if n % 2 else "do.two"))
    _unproven(case)


def _redeem(supply: Supply, case: Case[Any], n: int) -> None:
    """A good one, or one that was redeemed before under another id."""
    shown = supply.ask("look.up") if n % 2 or "redeem" not in supply.kept else supply.kept["redeem"]
    supply.kept["redeem"] = shown
    case.body = {**_body(case), "grant": shown["grant"]["grant"], "parameters_digest": sha256(shown["parameters"])}


def _outcome(supply: Supply, case: Case[Any], n: int) -> None:
    _at(case, supply.ask("look.up") if n % 2 else supply.standing("do.two"))


def _settle(supply: Supply, case: Case[Any], _n: int) -> None:
    """Those that are settled already tell what stands, or that it is closed."""
    _at(case, supply.unknown[0] if len(supply.unknown) == 1 else supply.unknown.pop())


def _roll_back(supply: Supply, case: Case[Any], _n: int) -> None:
    """One of those that are undone already: there is a rollback."""
    _at(case, supply.done[0] if len(supply.done) == 1 else supply.done.pop())


def _break(supply: Supply, case: Case[Any], _n: int) -> None:
    shown = supply.ask("do.high")
    _at(case, shown)
    case.body = {**_body(case), "digest": shown["digest"]}


def _attest(supply: Supply, case: Case[Any], _n: int) -> None:
    """The last one is made already, after its first time: the same again, or what stands."""
    review = supply.reviews[0] if len(supply.reviews) == 1 else supply.reviews.pop()
    case.path_parameters = {**case.path_parameters, "id": review}


def _stop(_supply: Supply, case: Case[Any], _n: int) -> None:
    case.path_parameters = {**case.path_parameters, "id": "other-bot"}


def _stop_all(_supply: Supply, _case: Case[Any], _n: int) -> None:
    """It needs no aim."""


def _resume(supply: Supply, case: Case[Any], _n: int) -> None:
    supply.switch(on=False)
    if "id" in case.path_parameters:
        case.path_parameters = {**case.path_parameters, "id": "other-bot"}


def _change(supply: Supply, case: Case[Any], n: int) -> None:
    supply.switch(on=False)
    parameters: dict[str, Any] = {"bot": "other-bot"} if n % 2 else {}
    action = "interlock.bots.resume" if parameters else "interlock.installation.resume"
    case.body = {**_body(case), "action": action, "parameters": parameters}
    case.headers.update(a_key())


def _link(supply: Supply, case: Case[Any], _n: int) -> None:
    """The same code again is answered the same."""
    case.body = {**_body(case), "code": supply.code}


def _version(supply: Supply, case: Case[Any], _n: int) -> None:
    case.path_parameters = {**case.path_parameters, "id": supply.version}


def _person(_supply: Supply, case: Case[Any], _n: int) -> None:
    case.path_parameters = {**case.path_parameters, "id": "olivia"}


def _permission(supply: Supply, case: Case[Any], _n: int) -> None:
    """Revoked already: it is told as it stands."""
    case.path_parameters = {**case.path_parameters, "id": supply.permission}


def _open(_supply: Supply, case: Case[Any], _n: int) -> None:
    """Its title stays as it was generated, unless it says nothing."""
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
    title = str(_body(case).get("title") or "").strip() or "wrong"
    case.body = {"title": title, "bots": ["other-bot"], "actions": [], **span}
    case.headers.update(a_key())


def _incident(supply: Supply, case: Case[Any], _n: int) -> None:
    case.path_parameters = {**case.path_parameters, "id": supply.incidents["rollbacks"]}


def _span(_supply: Supply, case: Case[Any], _n: int) -> None:
    now = datetime.now(UTC)
    case.query = {"from": (now - timedelta(minutes=1)).isoformat(), "to": now.isoformat()}


def _undo_many(supply: Supply, case: Case[Any], n: int) -> None:
    """All of it; after the first time there is one that must end before."""
    _incident(supply, case, n)
    reason = str(_body(case).get("reason") or "").strip() or "wrong"
    case.body = {"requests": "all", "reason": reason}
    case.headers.update(a_key())


def _turn(what: str) -> Callable[[Supply, Case[Any], int], None]:
    """Of one that stands so already: it is told as it stands. One is closed by the first summary."""

    def aimed(supply: Supply, case: Case[Any], _n: int) -> None:
        case.path_parameters = {**case.path_parameters, "id": supply.incidents[what]}

    return aimed


def _draft(_supply: Supply, case: Case[Any], _n: int) -> None:
    """What it is judged over stays as it was generated."""
    case.body = {**_body(case), "files": DRAFT["files"]}


def _give(_supply: Supply, case: Case[Any], n: int) -> None:
    """Each for an hour of its own; after twenty in a day there are no more."""
    begins = datetime.now(UTC) + timedelta(days=n)
    times = {"from": begins.isoformat(), "until": (begins + timedelta(hours=1)).isoformat()}
    case.body = {"to": "zoe", "reason": str(_body(case).get("reason") or "").strip() or "away", **times}
    case.headers.update(a_key())


def _given(supply: Supply, case: Case[Any], _n: int) -> None:
    case.path_parameters = {**case.path_parameters, "id": supply.away}


def _ended(supply: Supply, case: Case[Any], _n: int) -> None:
    case.path_parameters = {**case.path_parameters, "id": supply.over}


def _proof(_supply: Supply, case: Case[Any], _n: int) -> None:
    """Of what is in any tree of two leaves, to the newest."""
    case.query = {"leaf": 1} if case.operation.label.endswith("inclusion") else {"from": 2}


_ONE = "/v1/requests/{id}"
_AIMED: dict[str, Callable[[Supply, Case[Any], int], None]] = {
    "POST /v1/requests": _ask,
    "GET /v1/requests": _page,
    "GET /v1/incidents": _page,
    f"GET {_ONE}": _read,
    f"POST {_ONE}/decisions": _decide,
    f"POST {_ONE}/cancel": _cancel,
    f"POST {_ONE}/grant": _grant,
    "POST /v1/grants/redeem": _redeem,
    f"POST {_ONE}/outcome": _outcome,
    f"POST {_ONE}/settle": _settle,
    f"POST {_ONE}/rollbacks": _roll_back,
    f"POST {_ONE}/break-glass": _break,
    "POST /v1/reviews/{id}/attest": _attest,
    "POST /v1/bots/{id}/suspend": _stop,
    "GET /v1/bots/{id}/use-case": _stop,
    "POST /v1/installation/suspend": _stop_all,
    "POST /v1/bots/{id}/resume": _resume,
    "POST /v1/installation/resume": _resume,
    "POST /v1/governance-requests": _change,
    "GET /v1/people/{id}/seats": _person,
    "POST /v1/standing-permissions/{id}/revoke": _permission,
    "POST /v1/identity-links": _link,
    "POST /v1/delegations": _give,
    "GET /v1/delegations/{id}": _given,
    "DELETE /v1/delegations/{id}": _ended,
    "GET /v1/policy/versions/{id}": _version,
    "POST /v1/incidents": _open,
    "GET /v1/incidents/{id}": _incident,
    "GET /v1/incidents/{id}/report": _incident,
    "GET /v1/incidents/{id}/evidence": _incident,
    f"GET {_ONE}/evidence": _read,
    "GET /v1/ledger/evidence": _span,
    "POST /v1/incidents/{id}/rollbacks": _undo_many,
    "POST /v1/incidents/{id}/pause": _turn("pause"),
    "POST /v1/incidents/{id}/resume": _turn("resume"),
    "POST /v1/incidents/{id}/close": _turn("close"),
    "GET /v1/ledger/proofs/inclusion": _proof,
    "GET /v1/ledger/proofs/consistency": _proof,
    "POST /v1/policy/diff": _draft,
    "POST /v1/policy/simulate": _draft,
}
_SWITCHING = {label for label in _AIMED if label.endswith(("/suspend", "/resume", "/governance-requests"))}
"""After these everybody is put back to work, for the sake of the calls that follow."""
