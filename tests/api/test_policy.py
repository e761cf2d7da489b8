"""Working with policy over the API: what was in force, what a draft changes, in words and over what was asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.domain.errors import RateLimited
from app.use_cases import simulate
from tests.api.conftest import Api
from tests.api.test_openapi import check

RULES = Path(__file__).parents[1] / "rules"
ADMIN, AUDITOR, OWNER = "ada", "anya", "olivia"


def draft(*edits: tuple[str, str]) -> dict[str, str]:
    """The rules in force, as files by name, each edit's old text replaced by its new one."""
    files = {file.name: file.read_text() for file in RULES.iterdir()}
    for old, new in edits:
        assert any(old in text for text in files.values()), old
        files = {name: text.replace(old, new, 1) for name, text in files.items()}
    return files


async def post(api: Api, what: str, body: dict[str, Any], who: str = ADMIN) -> Any:
    """The answer, which must be good and as the document says."""
    answer = await api.http.post(f"/v1/policy/{what}", json=body, headers=api.person(who))
    assert answer.status_code == 200, answer.text
    check(api.described, {"diff": "PolicyDifference", "simulate": "Simulation"}[what], answer.json())
    return answer.json()


async def test_what_is_in_force_is_the_newest_of_its_history(api: Api) -> None:
    dana = api.person("dana")
    history = (await api.http.get("/v1/policy/history", headers=dana)).json()
    check(api.described, "PolicyHistory", history)
    now = (await api.http.get("/v1/policy", headers=dana)).json()
    first = history["items"][0]
    assert (first["version"], first["by"], first["request"], first["in_force"]) == (now["version"], ADMIN, None, True)
    named = await api.http.get(f"/v1/policy/versions/{now['version']}", headers=dana)
    check(api.described, "PolicySource", named.json())
    assert named.json() == now


@pytest.mark.parametrize("version", [f"sha256:{'0' * 64}", "latest", "sha256:%00", f"sha256:{'A' * 64}"])
async def test_a_version_that_is_not_there(api: Api, version: str) -> None:
    answer = await api.http.get(f"/v1/policy/versions/{version}", headers=api.person("dana"))
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:interlock:problem:not-found")


async def test_a_difference_in_words(api: Api) -> None:
    assert (await post(api, "diff", {"files": draft()}, AUDITOR))["changes"] == []
    told = await post(api, "diff", {"files": draft(("title: Something moderate", "title: Something mild"))})
    assert told["changes"] == [
        {
            "section": "actions",
            "name": "do.moderate",
            "change": "changed",
            "sentences": ["action do.moderate: title is now `Something mild` (was `Something moderate`)"],
            "loosens": False,
        }
    ]


async def test_only_who_may_administer_or_audit_compares_and_simulates(api: Api) -> None:
    """Who could offer drafts would learn whose a subject or an address is, and what others have asked for."""
    for what in ("diff", "simulate"):
        for who in (OWNER, "dana", "ivan"):
            answer = await api.http.post(f"/v1/policy/{what}", json={"files": draft()}, headers=api.person(who))
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:interlock:problem:forbidden")
            assert "administer or audit" in answer.json()["detail"]


BAD: tuple[tuple[dict[str, str], str], ...] = (
    ({"a.yaml": "plans: [", "b.yaml": "plans: {}"}, "a.yaml: line "),
    ({"a.yaml": "people: []"}, "administer"),
    ({"../a.yaml": "plans: {}"}, "../a.yaml: is not a file name"),
    ({"a.yaml": "#" * (256 * 1024 + 1)}, "files: are larger"),
    ({"a.yaml": "&a [*a]"}, "a.yaml: "),
    (
        {"a.yaml": "x: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(f"y{n}: &b{n} [{'*a,' * 60000}]\n" for n in range(1))},
        "a.yaml",
    ),
)


@pytest.mark.parametrize(("files", "says"), BAD, ids=[str(number) for number in range(len(BAD))])
async def test_files_that_are_not_in_order(api: Api, files: dict[str, str], says: str) -> None:
    for what in ("diff", "simulate"):
        answer = await api.http.post(f"/v1/policy/{what}", json={"files": files}, headers=api.person(ADMIN))
        said = answer.json()
        assert (answer.status_code, said["type"], said["where"]) == (422, "urn:interlock:problem:malformed", "files")
        assert says in said["detail"]


CALL = {"action": "do.moderate", "parameters": {"thing": "x"}, "on_behalf_of": "customer:carl", "bot": "bot"}


async def test_a_draft_over_calls(api: Api) -> None:
    stricter = draft(("title: Something moderate\n    risk: moderate", "title: Something moderate\n    risk: critical"))
    calls = [CALL, {**CALL, "parameters": {}}, {**CALL, "bot": "stranger"}]
    told = await post(api, "simulate", {"files": stricter, "calls": calls})
    assert (told["over"], told["total"], told["changed"], told["since"]) == ("calls", 3, 0, None)
    no_plan = draft(("default_plan: one", "default_plan: two"))
    (changed,) = (await post(api, "simulate", {"files": no_plan, "calls": calls}))["asks"]
    assert changed["ref"] == "calls[0]"
    assert changed["after"]["plan"].startswith("two (")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"on_behalf_of": "carl"}, "calls[1].on_behalf_of: "),
        ({"at": "yesterday"}, "calls[1].at: "),
        ({"bot": None}, "calls[1]: say which bot"),
    ],
)
async def test_a_bad_call_is_named(api: Api, call: dict[str, Any], says: str) -> None:
    body = {"files": draft(), "calls": [CALL, {**CALL, **call}]}
    answer = await api.http.post("/v1/policy/simulate", json=body, headers=api.person(ADMIN))
    said = answer.json()
    assert (answer.status_code, said["where"]) == (422, "calls")
    assert said["detail"].startswith(says)


async def test_a_draft_over_what_was_asked_here(api: Api) -> None:
    """Two that were asked for, and one that was denied at once; the draft takes the first's entitlement away."""
    before = await post(api, "simulate", {"files": draft(), "since": "1h"})
    held = (await api.ask("do.moderate")).json()
    seen = (await api.ask("look.up")).json()
    assert (held["status"], seen["status"]) == ("held", "executing")
    same = await post(api, "simulate", {"files": draft(), "since": "1h"}, AUDITOR)
    assert (same["over"], same["total"], same["changed"]) == ("requests", before["total"] + 2, 0)
    erring = "rules:\n  - {name: vip, when: 'action.name == \"do.moderate\" && parameters.vip == 1', hold: one}\n"
    told = await post(api, "simulate", {"files": {**draft(), "more.yaml": erring}})
    refs = {one["ref"]: one for one in told["asks"]}
    assert seen["id"] not in refs
    assert refs[held["id"]]["before"]["outcome"] == "hold"
    assert refs[held["id"]]["after"] == {"outcome": "deny", "code": "rule-error", "plan": None}
    (rule,) = (one for one in told["rules"] if one["rule"] == "vip")
    assert rule["after"]["erred"] == told["changed"]


async def test_a_chain_is_followed_and_what_is_too_old_is_not_judged(api: Api) -> None:
    first = (await api.ask("do.grave")).json()
    second = (await api.ask("look.up", parent=first["id"])).json()
    longer = "rules:\n  - {name: long, when: chain.length > 1, hold: one}\n"
    told = await post(api, "simulate", {"files": {**draft(), "more.yaml": longer}, "since": "1h"})
    assert [one["ref"] for one in told["asks"]] == [second["id"]]
    assert (await post(api, "simulate", {"files": draft(), "since": "1ms"}))["total"] == 0


@pytest.mark.parametrize("since", ["", "soon", "0s", "367d", "1w", "-1d"])
async def test_how_far_to_look_back(api: Api, since: str) -> None:
    answer = await api.http.post(
        "/v1/policy/simulate", json={"files": draft(), "since": since}, headers=api.person(ADMIN)
    )
    assert (answer.status_code, answer.json()["where"]) == (422, "since")


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """While this lasts, a simulation runs in this process."""
    assert simulate.BUSY.acquire(blocking=False)
    try:
        yield
    finally:
        simulate.BUSY.release()


async def test_one_at_a_time(api: Api) -> None:
    with busy():
        answer = await api.http.post("/v1/policy/simulate", json={"files": draft()}, headers=api.person(ADMIN))
        assert (answer.status_code, answer.json()["type"]) == (429, "urn:interlock:problem:rate-limited")
        assert answer.headers["retry-after"] == "5"
    await post(api, "simulate", {"files": draft()})
    bad = await api.http.post("/v1/policy/simulate", json={"files": {"a.yaml": "x"}}, headers=api.person(ADMIN))
    assert bad.status_code == 422
    await post(api, "simulate", {"files": draft()})


async def test_it_is_busy_until_its_thread_has_ended_whoever_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who goes away leaves the thread at work; the next is sent away until that is done."""
    begun, end = threading.Event(), threading.Event()

    def judging(_given: object) -> dict[str, Any]:
        begun.set()
        assert end.wait(30)
        return {}

    async def nothing() -> Any:
        return uuid.uuid4()

    monkeypatch.setattr(simulate, "judged_apart", judging)
    waiting = asyncio.create_task(simulate.alone(nothing))
    assert await asyncio.to_thread(begun.wait, 30)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    with pytest.raises(RateLimited):
        await simulate.alone(nothing)
    end.set()
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
        with attempt:
            assert not simulate.BUSY.locked()
    assert await simulate.alone(nothing) == {}


LONG = ", ".join(map(str, range(60)))
COSTLY = " || ".join(f'parameters.thing.matches("(.*x){{8}}{number}")' for number in range(4))
"""Over ten seconds for an ask of a quarter of a megabyte, in which the engine lets no other thread run."""

FREEZING = f"rules:\n  - {{name: costly, when: '[{LONG}].all(a, [{LONG}].all(b, !({COSTLY})))', hold: one}}\n"


def judges() -> list[Path]:
    """The processes that judge for this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid() and b"judge_apart" in (process / "cmdline").read_bytes():
                found.append(process)
    return found


async def test_a_costly_draft_keeps_nobody_waiting_and_is_ended(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "WITHIN", 3.0)
    monkeypatch.setenv("INTERLOCK_DATABASE__URL", "postgresql://a-secret@b/c")
    calls = [{**CALL, "parameters": {"thing": "y" * 240_000}}]
    body = {"files": {**draft(), "more.yaml": FREEZING}, "calls": calls}
    judging = asyncio.create_task(api.http.post("/v1/policy/simulate", json=body, headers=api.person(AUDITOR)))
    async for attempt in AsyncRetrying(wait=wait_fixed(0.01), stop=stop_after_delay(30), reraise=True):
        with attempt:
            (judge,) = judges()
    assert b"a-secret" not in (judge / "environ").read_bytes()
    longest = 0.0
    while judges():
        before = time.monotonic()
        assert (await api.http.get("/healthz")).status_code == 200
        assert (await api.http.get("/v1/policy", headers=api.person("dana"))).status_code == 200
        longest = max(longest, time.monotonic() - before)
    assert longest < 6
    answer = await judging
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:interlock:problem:malformed")
    assert "takes more than 3 s" in answer.json()["detail"]
    assert not simulate.BUSY.locked()
    await post(api, "simulate", {"files": draft(), "calls": calls})
    assert judges() == []


async def test_a_judge_that_dies_is_an_error_and_not_an_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too little memory, say; also when it takes none of what it is told."""
    monkeypatch.setattr(simulate, "APART", ("-c", "raise SystemExit(1)"))
    calls = [{**CALL, "parameters": {"thing": "y" * 100_000}}] * 5
    answer = await api.http.post(
        "/v1/policy/simulate", json={"files": draft(), "calls": calls}, headers=api.person(AUDITOR)
    )
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:interlock:problem:unavailable")
    assert not simulate.BUSY.locked()
