"""The report of an incident: its facts, and that nothing written in it acts."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from app.api.accepting import wants_markdown
from app.use_cases.incident_markdown import block, code
from tests.api.conftest import GO_ON, Api
from tests.api.test_incidents import URL, do, opened, refused
from tests.api.test_openapi import check
from tests.api.test_rollbacks import done
from tests.steps.words import sql

EVIL = "[click](https://evil.test) <img src=x> `tick` ``two``\u202eend\nnext"


async def reported(api: Api, incident: dict[str, Any], who: str = "anya") -> dict[str, Any]:
    answer = await api.http.get(f"{URL}/{incident['id']}/report", headers=api.person(who))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    check(api.described, "IncidentReport", answer.json())
    found: dict[str, Any] = answer.json()
    return found


async def on_paper(api: Api, incident: dict[str, Any]) -> httpx.Response:
    headers = api.person("anya") | {"Accept": "text/markdown"}
    return await api.http.get(f"{URL}/{incident['id']}/report", headers=headers)


async def of_this(api: Api, amount: int, action: str = "do.once", thing: str | None = None) -> dict[str, Any]:
    return await done(api, action, parameters={"thing": thing or uuid.uuid4().hex, "amount": amount})


async def test_what_was_undone_and_what_was_not_and_why(api: Api) -> None:
    thing = uuid.uuid4().hex
    good, fails, lost = [await of_this(api, amount) for amount in (1, 10, 100)]
    depends, before = await of_this(api, 1000, thing=thing), await of_this(api, 10_000, thing=thing)
    left = await of_this(api, 100_000)
    stuck = await done(api, "do.fleeting", parameters={"thing": uuid.uuid4().hex})
    incident = (await opened(api, title=EVIL, suspend=True)).json()
    for one, answer in ((fails, 409), (lost, 500), (before, 400)):
        api.world.desk.script(f"{one['parameters']['thing']}-undone", answer)
    chosen = [one["id"] for one in (good, fails, lost, depends, before)]
    rollback = (await do(api, incident, "rollbacks", requests=chosen, reason="Nobody asked")).json()
    assert (await api.approve(rollback, "marco")).status_code == 200
    await api.world.until(rollback, "failed")
    for statement in GO_ON:
        await sql(api.world, statement)
    closed = await do(api, incident, "close", "nora", summary=EVIL)
    assert closed.status_code == 200, closed.json()

    report = await reported(api, incident)
    fates = {fate["request"]: fate for fate in (*report["undone"], *report["not_undone"])}
    assert [fate["request"] for fate in report["undone"] if fate["request"] in chosen] == [good["id"]]
    assert fates[good["id"]]["part_of"] == rollback["id"]
    assert fates[good["id"]]["at"] > rollback["created_at"]
    assert (fates[fails["id"]]["state"], fates[fails["id"]]["error_status"]) == ("failed", 409)
    assert (fates[lost["id"]]["state"], fates[lost["id"]]["settle_by"]) == ("unknown", ["nora"])
    assert (fates[depends["id"]]["state"], fates[depends["id"]]["why"]) == ("skipped", "depends-on-failed")
    assert (fates[before["id"]]["state"], fates[before["id"]]["error_status"]) == ("failed", 400)
    assert (fates[left["id"]]["state"], fates[left["id"]]["why"]) == ("not-chosen", None)
    assert fates[stuck["id"]]["state"] == "not-reversible"
    assert "over" in fates[stuck["id"]]["why"]
    assert (fates[lost["id"]]["value"], report["totals"]["value_left"] % 1_000_000) == (100, 111_110)
    assert report["totals"]["value_undone"] % 10 == 1

    [one] = report["rollbacks"]
    assert (one["request"], one["status"], one["asked_by"], one["items"]) == (rollback["id"], "failed", "ivan", 5)
    assert [
        (said["person"], said["decision"], said["stage"], said["level"], said["via"]) for said in one["decisions"]
    ] == [
        ("marco", "approve", "lead", "login", "api"),
    ]
    told = [(event["what"], event.get("person")) for event in report["timeline"] if event["what"] != "left-alone"]
    assert told[-7:] == [
        ("bot-suspended", "ivan"), ("opened", "ivan"), ("asked", "ivan"), ("approved", "marco"),
        ("begun", None), ("ended", None), ("closed", "nora"),
    ]  # fmt: skip
    assert report["incident"]["summary"] == EVIL
    assert report == await reported(api, incident, "ivan") | {"as_of": report["as_of"]}

    paper = await on_paper(api, incident)
    assert (paper.status_code, paper.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert f"# Incident: {code(EVIL)}" in paper.text
    assert "\n".join(block(EVIL)) in paper.text
    for fate in fates.values():
        assert fate["request"] in paper.text
    assert "the target answered 409" in paper.text
    assert "to be settled by `nora`" in paper.text
    assert "\u202e" not in paper.text


async def test_who_reads_it(api: Api) -> None:
    incident = (await opened(api)).json()
    await reported(api, incident, "olivia")
    for who in ("mia", "zoe"):
        refused(await api.http.get(f"{URL}/{incident['id']}/report", headers=api.person(who)), 404, "not-found")
    assert "Nothing." in (await on_paper(api, incident)).text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        ("a `b` c", "``a `b` c``"),
        ("`b", "`` `b ``"),
        ("", "` `"),
        ("two\nlines", "`two lines`"),
        ("\u202eback\u200b\x00", "`\\u{202e}back\\u{200b}\\u{0}`"),
        ("<b>[x](y)", "`<b>[x](y)`"),
    ],
)
def test_inert_on_one_line(text: str, shown: str) -> None:
    assert code(text) == shown


def test_inert_in_a_block() -> None:
    assert block("one\r\n```\ntwo\u202e") == ["````text", "one", "```", "two\\u{202e}", "````"]


@pytest.mark.parametrize(
    ("accept", "markdown"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/markdown", True),
        ("text/markdown, */*;q=0.1", True),
        ("application/json, text/markdown;q=0.5", False),
        ("text/markdown;q=0", False),
        ("text/markdown;q=x", False),
        ("TEXT/MARKDOWN", True),
    ],
)
def test_what_is_asked_for(accept: str, markdown: bool) -> None:
    assert wants_markdown(accept) is markdown
