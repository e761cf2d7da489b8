"""schemathesis over the OpenAPI document of the live API: no 500, and no answer that the document does not declare.

Two runs, one with a bot's token and one with people's; each has examples, boundaries, random calls to be accepted and
to be refused, and sequences in which one call takes its ids from another's answer. The same every time, unless
``HOSTILE_SEED`` names a seed; ``HOSTILE_EXAMPLES`` is how many random calls each operation gets.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import pytest

from app.domain.request import Level
from app.use_cases.token import create_credential
from tests.api.conftest import Headers
from tests.hostile.generated import Found, run
from tests.hostile.live import Live
from tests.hostile.stage import OLD, code_of, unknown
from tests.hostile.supply import Supply
from tests.ledger.sealing import sealing
from tests.steps.breaking import broken
from tests.steps.incidents import opened, undo_all
from tests.steps.owner_reviewing import escalated
from tests.steps.words import id_of, sql

SEED = int(os.environ.get("HOSTILE_SEED", "0"))
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "10"))
TO_UNDO = TO_REVIEW = 4
TURNS = ("rollbacks", "pause", "resume", "close")
HOURS = itertools.count(1)
ON = (
    "update bot set suspended_at = null, stop_epoch = 0",
    "update installation set suspended_at = null, stop_epoch = 0",
)
OFF = ("update bot set suspended_at = now() where id = 'other-bot'", "update installation set suspended_at = now()")
TO_SETTLE = ("do.once", "do.grave", "do.once", "do.once", "do.grave", "do.once")

CHECKS = {
    "allow_header_conformance",
    "content_type_conformance",
    "ensure_resource_availability",
    "ignored_auth",
    "missing_required_header",
    "negative_data_rejection",
    "not_a_server_error",
    "object_level_authorization",
    "positive_data_acceptance",
    "response_headers_conformance",
    "response_schema_conformance",
    "status_code_conformance",
    "unsupported_method",
    "use_after_free",
}
"""All that there are but `max_response_time`: how long an answer takes here says how busy the machine is."""

ONE = "/v1/requests/{id}"
ANYBODY = {"GET /.well-known/jwks.json", "GET /healthz", "GET /readyz", "GET /metrics", "POST /oauth/token"}
INCIDENT = "/v1/incidents/{id}"
INCIDENTS = {
    "GET /v1/incidents",
    "POST /v1/incidents",
    f"GET {INCIDENT}",
    f"GET {INCIDENT}/report",
    f"GET {INCIDENT}/evidence",
    *(f"POST {INCIDENT}/{what}" for what in ("rollbacks", "pause", "resume", "close")),
}
LEDGER = {"GET /v1/ledger/checkpoint", *(f"GET /v1/ledger/proofs/{what}" for what in ("inclusion", "consistency"))}
READING = {"GET /v1/requests", f"GET {ONE}"}
DONE: dict[str, set[str]] = {
    "bot": {*ANYBODY, *READING, "POST /v1/requests", f"POST {ONE}/cancel", f"POST {ONE}/grant", f"POST {ONE}/outcome"},
    "person": {
        *ANYBODY,
        *READING,
        "GET /v1/catalogue",
        "GET /v1/ledger/entries",
        "GET /v1/policy",
        "GET /v1/policy/history",
        "GET /v1/policy/versions/{id}",
        "POST /v1/policy/diff",
        "POST /v1/policy/simulate",
        f"POST {ONE}/decisions",
        f"POST {ONE}/cancel",
        f"POST {ONE}/settle",
        "POST /v1/grants/redeem",
        f"POST {ONE}/rollbacks",
        f"POST {ONE}/break-glass",
        "GET /v1/reviews",
        "POST /v1/reviews/{id}/attest",
        *INCIDENTS,
        f"GET {ONE}/evidence",
        "GET /v1/ledger/evidence",
        *LEDGER,
        "POST /v1/bots/{id}/suspend",
        "POST /v1/bots/{id}/resume",
        "POST /v1/installation/suspend",
        "POST /v1/installation/resume",
        "POST /v1/governance-requests",
        "GET /v1/people/{id}/seats",
        "GET /v1/standing-permissions",
        "GET /v1/oversight",
        "GET /v1/bots/{id}/use-case",
        "POST /v1/standing-permissions/{id}/revoke",
        "POST /v1/identity-links",
        "POST /v1/delegations",
        "GET /v1/delegations",
        "GET /v1/delegations/{id}",
        "DELETE /v1/delegations/{id}",
    },
}
"""What each caller must have been let do at least once: an operation that only ever refused was not tried."""

BY_HANDLE = {"POST /v1/grants/fetch"}
"""What nothing but an activity of a real worker can be let do: tests/handed."""

REASONED = (
    f"POST {INCIDENT}/rollbacks",
    f"POST {ONE}/rollbacks",
    f"POST {ONE}/break-glass",
    "POST /v1/reviews/{id}/attest",
    "POST /v1/bots/{id}/suspend",
    "POST /v1/bots/{id}/resume",
    "POST /v1/installation/suspend",
    "POST /v1/installation/resume",
    "POST /v1/governance-requests",
    "POST /v1/standing-permissions/{id}/revoke",
)
OF_PROOFS = (("inclusion", "leaf"), ("inclusion", "size"), ("consistency", "from"), ("consistency", "to"))
DRAFTS = ("POST /v1/policy/diff", "POST /v1/policy/simulate")
OF_DRAFTS = {
    "": "as above, in files",
    "files": "the document does not know what files of rules are",
    "calls": "subjects and moments are told in words",
    "since": "durations are told in words",
}
REFUSED_ALL_THE_SAME: dict[tuple[str, str, str], str] = {
    ("POST /v1/requests", "unknown-action", "action"): "the document does not know the catalogue",
    ("POST /v1/requests", "off-schema", "parameters"): "the document does not know the catalogue",
    ("POST /v1/requests", "off-schema", "on_behalf_of"): "the document does not know the catalogue",
    ("POST /v1/requests", "off-schema", "parent"): "the document does not know what was asked before",
    ("POST /v1/requests", "off-schema", "supersedes"): "the document does not know what was asked before",
    ("POST /v1/requests", "malformed", "on_behalf_of"): "its grammar is told in words",
    ("POST /v1/requests", "malformed", "triggered_by"): "its grammar is told in words",
    ("POST /v1/requests", "malformed", ""): "strict JSON is told in words: numbers up to 2^53-1, depth, surrogates",
    ("POST /v1/requests", "malformed", "DPoP"): "a proof of a key is told in words (RFC 9449)",
    (f"POST {ONE}/grant", "malformed", "DPoP"): "a proof of a key is told in words (RFC 9449)",
    ("POST /v1/grants/redeem", "malformed", ""): "as above, in grant",
    ("POST /v1/grants/fetch", "malformed", ""): "as above, in handle",
    (f"POST {ONE}/outcome", "malformed", ""): "as above, in result",
    (f"POST {ONE}/decisions", "malformed", ""): "as above, in reason",
    (f"POST {ONE}/cancel", "malformed", ""): "as above, in reason",
    (f"POST {ONE}/settle", "malformed", ""): "as above, in reason",
    **{(label, "malformed", ""): "as above, in reason" for label in REASONED},
    **{(label, "malformed", "reason"): "blanks are no reason" for label in REASONED},
    ("POST /v1/reviews/{id}/attest", "malformed", "finding"): "the document does not know which kind a review is of",
    ("POST /v1/governance-requests", "unknown-action", "action"): "the built-in actions are told in words",
    ("POST /v1/governance-requests", "off-schema", "parameters"): "the document does not know their schemas",
    ("POST /v1/governance-requests", "off-schema", "parameters.bot"): "the document does not know the bots",
    ("POST /v1/incidents", "malformed", ""): "as above, in title",
    ("POST /v1/incidents", "malformed", "title"): "blanks are no title",
    ("POST /v1/incidents", "malformed", "to"): "that it ends after it begins is told in words",
    ("POST /v1/incidents", "malformed", "suspend"): "that bots must be named for that is told in words",
    ("POST /v1/incidents", "off-schema", "bots"): "the document does not know the bots",
    (f"POST {INCIDENT}/rollbacks", "off-schema", "requests"): "the document does not know the candidates",
    (f"POST {INCIDENT}/close", "malformed", ""): "as above, in summary",
    (f"POST {INCIDENT}/close", "malformed", "summary"): "blanks are no summary",
    ("GET /v1/oversight", "malformed", "from"): "moments, and how long it may be, are told in words",
    ("GET /v1/oversight", "malformed", "to"): "both ends or none is told in words",
    ("GET /v1/incidents", "malformed", "cursor"): "what a page gave out, and nothing else",
    (f"GET {INCIDENT}", "malformed", "wait"): "durations are told in words",
    ("POST /v1/identity-links", "malformed", ""): "as above, in code",
    **{
        (f"GET /v1/ledger/proofs/{what}", "malformed", where): "the document does not know how many leaves there are"
        for what, where in OF_PROOFS
    },
    ("POST /v1/delegations", "malformed", ""): "as above, in reason",
    ("POST /v1/delegations", "malformed", "reason"): "blanks are no reason",
    ("POST /v1/delegations", "malformed", "to"): "the document does not know the people",
    ("POST /v1/delegations", "malformed", "from"): "what lies in the past is told in words",
    ("POST /v1/delegations", "malformed", "until"): "how long it may be is told in words",
    **{(label, "malformed", where): said for label in DRAFTS for where, said in OF_DRAFTS.items()},
    ("POST /v1/identity-links", "malformed", "code"): "the document does not know the codes",
    (f"POST {ONE}/outcome", "malformed", "result"): "64 KiB is told in words",
    (f"POST {ONE}/decisions", "malformed", "reason"): "a denial needs a reason",
    (f"POST {ONE}/settle", "malformed", "reason"): "blanks are no reason",
    ("GET /v1/requests", "malformed", "status"): "statuses separated by commas are told in words",
    ("GET /v1/requests", "malformed", "cursor"): "what a page gave out, and nothing else",
    (f"GET {ONE}", "malformed", "wait"): "durations are told in words",
    ("POST /oauth/token", "invalid_request", ""): "either Basic or a secret in the form, and 20 parameters at most",
}
"""What fits the document and is refused as malformed all the same: told in its words, not in its schemas."""


@pytest.fixture(scope="module")
async def found(api: Live, database_url: str) -> dict[str, Found]:
    """What the runs found, by caller."""
    client, secret = await create_credential(api.world.ctx, "bot", "bot", "ada")
    basic = "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()
    async with sealing(database_url, api.world.rings):
        return await _runs(api, basic)


async def _runs(api: Live, basic: str) -> dict[str, Found]:
    desk, _ = await create_credential(api.world.ctx, "target", "desk", "ada")
    return {
        "bot": await _run(api, _config(api.client(), {"/oauth/token": {"Authorization": basic}})),
        "person": await _run(
            api,
            _config(
                api.person("dana"),
                {
                    "/oauth/token": {"Authorization": basic},
                    "/v1/grants/redeem": api.client("desk", "target", desk),
                    f"{ONE}/cancel": api.person("ivan"),
                    f"{ONE}/settle": api.person("ivan"),
                    f"{ONE}/rollbacks": api.person("ivan"),
                    f"{ONE}/break-glass": api.person("ivan", Level.RECENT),
                    "/v1/reviews/{id}/attest": api.person("eve"),
                    "/v1/bots/{id}/suspend": api.person("ivan"),
                    "/v1/bots/{id}/use-case": api.person("ivan"),
                    "/v1/installation/suspend": api.person("ivan"),
                    "/v1/standing-permissions/{id}/revoke": api.person("ivan"),
                    "/v1/people/{id}/seats": api.person("ada"),
                    "/v1/ledger/entries": api.person("anya"),
                    "/v1/oversight": api.person("anya"),
                    "/v1/incidents": api.person("ivan"),
                    INCIDENT: api.person("ivan"),
                    f"{INCIDENT}/report": api.person("ivan"),
                    **dict.fromkeys(
                        (f"{INCIDENT}/evidence", f"{ONE}/evidence", "/v1/ledger/evidence"), api.person("anya")
                    ),
                    **{f"{INCIDENT}/{what}": api.person("ivan") for what in TURNS},
                    **{label.removeprefix("GET "): api.person("anya") for label in LEDGER},
                    "/v1/policy/diff": api.person("ada"),
                    "/v1/policy/simulate": api.person("ada"),
                },
            ),
        ),
    }


def _config(caller: Headers, others: dict[str, Headers]) -> dict[str, Any]:
    """For schemathesis: who calls, and who calls certain paths instead."""
    accepted = ["2xx", "400", "401", "403", "404", "409", "413", "415", "422", "429"]
    return {
        "seed": SEED,
        "continue-on-failure": True,
        "request-timeout": 40,
        "workers": 1,
        "cache": {"enabled": False},
        "headers": caller,
        "operations": [{"include-path": path, "headers": headers} for path, headers in others.items()],
        "generation": {
            "deterministic": not SEED,
            "max-examples": EXAMPLES,
            "no-shrink": True,
            "database": "none",
        },
        "checks": {"positive_data_acceptance": {"expected-statuses": accepted}},
    }


async def _run(api: Live, config: dict[str, Any]) -> Found:
    to_settle = [await _to_settle(api, action) for action in TO_SETTLE]
    done = [await _done(api) for _ in range(TO_UNDO)]
    incidents = await _incidents(api)
    loop = asyncio.get_running_loop()

    def switch(*, on: bool) -> None:
        asyncio.run_coroutine_threadsafe(_switch(api, on=on), loop).result()

    with httpx.Client(base_url=api.url, timeout=60) as http:
        supply = Supply(http, api.client(), to_settle, done, code=await code_of(api), switch=switch)
        supply.version, supply.away, supply.over = await _version(api), await _given(api), await _given(api)
        supply.reviews = [await _to_review(api) for _ in range(TO_REVIEW)]
        supply.reviews.insert(len(supply.reviews) // 2, str(await escalated(api.world)))
        supply.permission = await _permission(api, done[0])
        supply.incidents = incidents
        found = await asyncio.to_thread(run, api.url, config, supply)
    await _switch(api, on=True)
    return found


async def _given(api: Live) -> str:
    """A delegation for an hour in which no other runs."""
    begin = datetime.now(UTC) + timedelta(hours=2 * next(HOURS))
    span = {"from": begin.isoformat(), "until": (begin + timedelta(hours=1)).isoformat()}
    headers = api.person("dana") | {"Idempotency-Key": str(uuid.uuid4())}
    answer = await api.http.post(
        "/v1/delegations", json={"to": "zoe", "reason": "An hour off", **span}, headers=headers
    )
    assert answer.status_code == 201, answer.json()
    return str(answer.json()["id"])


async def _incidents(api: Live) -> dict[str, str]:
    """One to be undone, one that is paused, one that goes on, one to be closed."""
    found = {what: await opened(api.world) for what in TURNS}
    for what, status in (("pause", "paused"), ("resume", "rolling_back")):
        await undo_all(api.world, found[what], chosen=[await _done(api)])
        await sql(api.world, "update incident set status = :now where id = :id", id=found[what].id, now=status)
    return {what: str(incident.id) for what, incident in found.items()}


async def _version(api: Live) -> str:
    answer = await api.http.get("/v1/policy", headers=api.person("dana"))
    return str(answer.json()["version"])


async def _permission(api: Live, shown: dict[str, Any]) -> str:
    """One that no request has granted: whoever may can revoke it."""
    statement = """insert into standing_permission
        select id, 'bot', 'do.high', action_version, 'true', 1, 0, null, null, 0,
        clock_timestamp() + interval '1 day', policy_version, clock_timestamp(), '[]' from request where id = :id"""
    await sql(api.world, statement, id=id_of(shown))
    return str(shown["id"])


async def _switch(api: Live, *, on: bool) -> None:
    """Let everybody be at work, as if nobody had ever been stopped; or stop other-bot and all."""
    for statement in ON if on else OFF:
        await sql(api.world, statement)


async def _done(api: Live) -> dict[str, Any]:
    shown = await api.ask("do.high")
    await api.say("dana", shown)
    return await api.world.until(shown, "succeeded")


async def _to_review(api: Live) -> str:
    """The review of what one person released alone."""
    seen = await broken(api.world, await api.ask("do.high"))
    return str(seen["break_glass"]["review"]["id"])


async def _to_settle(api: Live, action: str) -> dict[str, Any]:
    shown = await unknown(api, action)
    await sql(api.world, OLD, id=id_of(shown))
    return shown


@pytest.fixture(params=["bot", "person"])
def caller(request: pytest.FixtureRequest) -> Literal["bot", "person"]:
    """Whose run."""
    name: Literal["bot", "person"] = request.param
    return name


async def test_nothing_undeclared_and_nothing_of_ours(
    found: dict[str, Found], caller: str, record_property: Any
) -> None:
    of = found[caller]
    assert of.failures == Counter()
    assert of.errors == []
    assert [label for label, statuses in of.answers.items() if max(statuses) >= 500] == []
    record_property("figure", f"schemathesis as a {caller}: {of.calls} calls, {of.checks.total()} checks, no finding")


async def test_every_operation_was_let_do_something(found: dict[str, Found], caller: str) -> None:
    done = {
        label for label, statuses in found[caller].answers.items() if any(200 <= status < 300 for status in statuses)
    }
    assert done >= DONE[caller]


async def test_together_they_did_all_that_there_is(api: Live, found: dict[str, Found]) -> None:
    described = (await api.http.get("/openapi.json")).json()["paths"]
    operations = {f"{method.upper()} {path}" for path, item in described.items() for method in item}
    assert DONE["bot"] | DONE["person"] | BY_HANDLE == operations
    assert found["bot"].answers.keys() == found["person"].answers.keys() == operations


async def test_every_check_and_phase_ran(found: dict[str, Found], caller: str) -> None:
    assert found[caller].checks.keys() == CHECKS
    phases = {"examples", "coverage", "fuzzing", "stateful"}
    assert {name: found[caller].phases[name] for name in phases} == dict.fromkeys(phases, "success")


async def test_what_fits_the_document_is_taken(found: dict[str, Found], caller: str) -> None:
    assert found[caller].refused.keys() <= REFUSED_ALL_THE_SAME.keys()


async def test_afterwards_the_log_holds_no_error(api: Live, found: dict[str, Found]) -> None:
    log = api.log.read_text()
    assert log.count('"answered"') >= sum(of.calls for of in found.values())
    assert "Traceback" not in log
    assert api.child.returncode is None
