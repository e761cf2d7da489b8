"""Rules and schemas that check less than they seem to, or cost more than they should."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import Misconfigured, OffSchema
from app.governance.schemas import ParameterSchema, schema_findings
from app.use_cases import read
from app.use_cases.governance import install
from tests.steps.words import sql
from tests.world import World

LISTS: dict[str, Any] = {
    "type": "object",
    "properties": {"lines": {"type": "array", "uniqueItems": True, "items": {"type": "object"}}},
}


@pytest.mark.parametrize("last", [2000, 0])
def test_a_list_of_unique_objects_does_not_stop_the_process(last: int) -> None:
    """The library compares each with each, on the event loop: 25 KB take seconds, 256 KiB minutes, of everybody."""
    lines = [{"a": n} for n in range(2000)] + [{"a": last}]
    began = time.perf_counter()
    with suppress(OffSchema):  # refused is fine as well
        ParameterSchema(LISTS).check({"lines": lines})
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "part",
    [
        {"type": "string", "maxLenght": 3},
        {"type": "object", "requried": ["a"]},
        {"type": "object", "dependencies": {"a": ["b"]}},
        {"type": "array", "additionalItems": False},
    ],
)
def test_a_keyword_that_checks_nothing_is_named(part: dict[str, Any]) -> None:
    """A key that is not honoured is refused by name, never ignored: these let everything through."""
    assert list(schema_findings({"type": "object", "properties": {"a": part}}))


@pytest.mark.parametrize(
    "hidden",
    [
        {"type": "string", "format": "iban"},
        {"type": "object", "patternProperties": {"(a+)+$": {"type": "string"}}},
        {"type": "string", "x-sensitive": True},
        {"type": "string", "pattern": "(?=a)"},
    ],
)
def test_a_reference_does_not_lead_past_the_checks(hidden: dict[str, Any]) -> None:
    """What stands under a keyword that nobody knows is not looked at, and yet ``$ref`` reaches it."""
    schema = {"type": "object", "properties": {"a": {"$ref": "#/x-shared"}}, "x-shared": hidden}
    assert list(schema_findings(schema))


@pytest.mark.parametrize(
    ("old", "new"), [("name: Dana,", "name: Olivia,"), ("name: Zoe}", "name: Zoe, emails: [z@x.y]}")]
)
async def test_names_and_addresses_do_not_change_without_an_entry(
    world: World, rules: Path, old: str, new: str
) -> None:
    """In production, with no --replace: who reads the list of approvers sees another name, and nothing is recorded."""
    people = (rules / "people.yaml").read_text()
    assert old in people
    (rules / "people.yaml").write_text(people.replace(old, new))
    before = await sql(world, "select id, name, emails from person order by id")
    entries = await sql(world, "select count(*) from entry where stream = 'installation'")
    try:
        await install(replace(world.ctx, environment="production"), rules, replace=False, by="os:mallory@host")
    except Misconfigured:
        return
    changed = await sql(world, "select id, name, emails from person order by id") != before
    noted = await sql(world, "select count(*) from entry where stream = 'installation'") != entries
    assert noted or not changed


async def test_an_owner_of_many_bots_can_list(world: World, rules: Path) -> None:
    """Each pair of bot and action was a condition of its own: PostgreSQL takes 32,767 parameters."""
    source = (rules / "desk.yaml").read_text()
    bots = "".join(
        f"  - {{id: b{n}, title: B, use_case: {{purpose: T, data: [], review_by: 2030-01-01}}, model: {{provider: e,"
        f' name: c, version: "1"}}, entitlements: ["do.*"], deployed_by: tom, owners: *owners}}\n'
        for n in range(120)
    )
    more = "".join(
        f"  - {{name: do.n{n}, title: N, risk: moderate, reversibility: reversible, parameters: *thing, "
        "run: *idempotent, default_plan: one}\n"
        for n in range(100)
    )
    source = source.replace("actions:\n", bots + "actions:\n", 1).replace("windows:\n", more + "windows:\n", 1)
    (rules / "desk.yaml").write_text(source)
    await install(world.ctx, rules, replace=True, by="ada")
    page = await read.listing(world.services, world.person("sam"), read.Filters(), cursor=None, limit=1)
    assert "items" in page
