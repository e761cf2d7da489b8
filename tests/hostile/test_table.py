"""The table of hostile inputs: each is told by its problem type, and stores nothing but the refusal where it matters.

Every line is sent as bytes to the real API process, with a harmless call behind it on the same connection.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from app.api import problems
from app.domain.digest import request_id
from tests.hostile.access import ACCESS
from tests.hostile.bodies import BODIES
from tests.hostile.cases import DELTAS, Hostile
from tests.hostile.counting import change, counts
from tests.hostile.live import Live
from tests.hostile.oauth import OAUTH
from tests.hostile.stage import Stage, staged
from tests.hostile.states import STATES
from tests.hostile.transport import TRANSPORT
from tests.hostile.wire import PROBE, Answer, talk, whole

TABLE = [*BODIES, *ACCESS, *STATES, *OAUTH, *TRANSPORT]
OUTAGES = {"unavailable", "unconfirmed", "internal", "not-sealed"}
"""Not brought about by what a caller sends; tests/api and the faults show them."""
ELSEWHERE = {"too-slow": "tests/hostile/test_slow.py", "conflict": "no call: only its children are told"}
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
BELOW = b"Invalid HTTP request received."


@pytest.fixture(scope="module")
async def stage(api: Live, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Everything that the table speaks of."""
    return await staged(api, _copied(tmp_path_factory.mktemp("rules")))


def _copied(folder: Path) -> Path:
    for file in (Path(__file__).parents[1] / "rules").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_the_table_has_every_problem_and_each_line_once() -> None:
    told = {line.problem for line in TABLE}
    assert problems.NAMED.keys() - told == OUTAGES | ELSEWHERE.keys()
    assert len({line.name for line in TABLE}) == len(TABLE)


@pytest.mark.parametrize("line", TABLE, ids=[line.name for line in TABLE])
async def test_hostile_input(stage: Stage, line: Hostile) -> None:
    raw, key = await _sent(stage, line)
    before = await stage.before(line.target.encode() + (line.body or b""))
    answers = await talk(stage.api.port, raw)
    stage.stored = await counts(stage.api.world)
    assert [answer.status for answer in answers[1:]] == [200] * raw.count(PROBE), answers
    stage.reached += line.problem != "wire"
    _told(line, answers[0])
    _keeps_secrets(stage, answers[0])
    assert change(before, stage.stored) == DELTAS[line.stored]
    if line.method == "POST":
        await _has_no_workflow(stage, line, key)
    if PROBE not in raw:
        assert (await stage.api.http.get("/healthz")).status_code == 200


async def _sent(stage: Stage, line: Hostile) -> tuple[bytes, str]:
    """The bytes of a line, and the idempotency key in it."""
    token = stage.token(line.who)
    headers = (
        line.headers if token is None else ((b"Authorization", f"Bearer {token}".encode("latin-1")), *line.headers)
    )
    target, body, raw, key, *values = await stage.filled(
        line.target.encode(), line.body or b"", line.raw or b"", b"<key>", *(value for _, value in headers)
    )
    if line.raw is not None:
        return raw, key.decode()
    lines = tuple((name, value) for (name, _), value in zip(headers, values, strict=True))
    return whole(line.method, target.decode(), lines, None if line.body is None else body) + PROBE, key.decode()


def _told(line: Hostile, answer: Answer) -> None:
    """The answer says no as the contract has it."""
    if line.problem == "wire":
        assert answer.status == line.status
        assert answer.headers["connection"] == "close"
        assert BELOW in answer.body or json.loads(answer.body)["title"]
        return
    assert answer.headers.items() >= SECURITY.items()
    said = answer.json()
    if line.problem.startswith("oauth:"):
        assert (answer.status, said["error"]) == (line.status, line.problem.removeprefix("oauth:"))
        assert said.keys() == {"error", "error_description"}
        _sentence(line, said["error_description"])
        assert ("www-authenticate" in answer.headers) == (line.status == 401)
        return
    assert (answer.status, said["type"]) == (line.status, problems.PREFIX + line.problem), said
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    _members(line, answer, said)


def _members(line: Hostile, answer: Answer, said: dict[str, Any]) -> None:
    problem = problems.NAMED[line.problem]
    _sentence(line, said["detail"], said.get("where", ""))
    assert said["title"] == problem.title
    assert said | line.more == said
    if problem.status == 409:
        assert said.keys() == {"type", "title", "status", "detail", "standing"}
        assert isinstance(said["status"], str) or "status" in line.more
    else:
        assert said["status"] == problem.status
        own = {"violations": {"violations"}}.get(line.problem, {"where"} if problem.status == 422 else set())
        assert said.keys() - own == {"type", "title", "status", "detail"}
    for violation in said.get("violations", []):
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", violation["invariant"])
        assert violation["sentence"].endswith(".")
    needs = {401: {"www-authenticate"}, 405: {"allow"}, 429: {"retry-after"}}.get(line.status, set())
    assert {"www-authenticate", "allow", "retry-after"} & answer.headers.keys() == needs


def _sentence(line: Hostile, text: str, where: str = "") -> None:
    """What, where, what to do: a sentence of bearable length that names what the line says."""
    assert line.says in text or line.says in where, text
    assert text[-1] in ".…", text
    assert 10 < len(text) <= problems.LONGEST_DETAIL + 1


def _keeps_secrets(stage: Stage, answer: Answer) -> None:
    text = answer.body + repr(answer.headers).encode()
    assert [secret for secret in stage.secrets if len(secret) > 7 and secret.encode() in text] == []


KINDS = {"/v1/requests": "action", "/v1/governance-requests": "governance"}


async def _has_no_workflow(stage: Stage, line: Hostile, key: str) -> None:
    """What is refused has not been started either: Temporal keeps what it starts."""
    kind = "rollback" if line.target.endswith("/rollbacks") else KINDS.get(line.target)
    if kind is None:
        return
    asker, names = ("bot", ("bot", "other-bot")) if kind == "action" else ("person", ("ivan", "ada"))
    for who in names:
        workflow = f"request-{request_id(kind, asker, who, key)}"
        with pytest.raises(RPCError) as caught:
            await stage.api.world.services.temporal.get_workflow_handle(workflow).describe()
        assert caught.value.status is RPCStatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("who", "action", "code"),
    [("other-bot", "do.high", "not-entitled"), ("suspended", "do.moderate", "bot-suspended")],
)
async def test_what_a_bot_may_not_ask_for_is_a_denied_request(stage: Stage, who: str, action: str, code: str) -> None:
    """Here the refusal matters: it is kept as a request with one entry, once for its key, and its workflow ends."""
    key = uuid.uuid4().hex
    asked = {"action": action, "parameters": {"thing": "t"}, "on_behalf_of": "customer:carl"}
    headers = {"Authorization": f"Bearer {stage.token(who)}", "Idempotency-Key": key}
    before = await counts(stage.api.world)
    answers = [await stage.api.http.post("/v1/requests", json=asked, headers=headers) for _ in range(2)]
    stage.stored = await counts(stage.api.world)
    assert [answer.status_code for answer in answers] == [201, 200]
    for answer in answers:
        shown = answer.json()
        assert (shown["status"], shown["verdict"]["code"], shown["execution"]) == ("denied", code, None)
        assert answer.headers.items() >= SECURITY.items()
    marked = {"outbox": stage.stored["outbox"] - before["outbox"]}
    assert change(before, stage.stored) == marked | {"request": 1, "entry": 1, "data_key": 1, "(versions)": 1}
    async with asyncio.timeout(30):
        await stage.api.world.services.temporal.get_workflow_handle(f"request-{shown['id']}").result()


async def test_afterwards_the_log_holds_no_secret_and_no_error(stage: Stage) -> None:
    """The last of this file: of all that was sent above."""
    log = stage.api.log.read_text()
    assert log.count('"answered"') >= stage.reached
    assert [secret for secret in stage.secrets if len(secret) > 7 and secret in log] == []
    assert "Traceback" not in log
    assert "unexpected error" not in log
    assert stage.api.child.returncode is None
