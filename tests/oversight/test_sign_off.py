"""Signing a report off: by an auditor who did not ask for it, on figures that still stand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.db import ledger
from app.domain.ask import Ask
from app.domain.errors import Forbidden, NotOpenToThis, OffSchema
from app.domain.oversight import digests
from app.governance.built_in import BUILT_IN, SIGN_OFF
from app.keys import KeyRings
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import oversight
from app.use_cases.oversight import check_sign_off
from app.use_cases.views import View
from tests.conftest import NewDatabase
from tests.fakes.desk import Desk
from tests.oversight.month import Month, known, quiet
from tests.properties.quiet import decided, refused, status
from tests.steps.conftest import rules
from tests.steps.words import admitted, change, id_of, sql

__all__ = ["rules"]


@pytest.fixture(name="ended")
async def _ended(new_database: NewDatabase, rings: KeyRings, a_desk: Desk) -> AsyncIterator[tuple[Month, View]]:
    """A month that is over, with its unknown request."""
    async with quiet(await new_database(), rings, a_desk) as month:
        unknown = await known(month)
        month.hand.at = month.period.until
        yield month, unknown


@pytest.fixture(name="world")
def _world(ended: tuple[Month, View]) -> Any:
    """For `rules`."""
    return ended[0].world


async def prepared(month: Month, who: str = "ada") -> dict[str, Any]:
    """What its sign-off is asked for by."""
    return await oversight.prepare(month.world.services, month.world.person(who), month.period)


def wish(parameters: dict[str, Any], who: str = "ada") -> Ask:
    return Ask("governance", "person", who, None, SIGN_OFF, parameters, reason="It is the month's end")


async def asked(month: Month, who: str = "ada", **other: Any) -> View:
    return await admitted(month.world, wish({**await prepared(month), **other}, who))


async def checked(month: Month, who: str = "ada", **other: Any) -> None:
    """As over the API, before anything is stored."""
    parameters = {**await prepared(month, "ada"), **other}
    BUILT_IN[SIGN_OFF].schema.check(parameters)
    await check_sign_off(month.world.ctx, wish(parameters, who))


async def rows(month: Month) -> list[tuple[Any, ...]]:
    query = "select status, report, figures, request, document from oversight_report where since = :since"
    return [tuple(row) for row in await sql(month.world, query, since=month.period.since)]


async def test_an_auditor_signs_and_the_ledger_says_so(ended: tuple[Month, View]) -> None:
    month, _ = ended
    await checked(month)
    shown = await asked(month)
    assert (shown["status"], shown["plan"]["name"]) == ("held", "interlock.sign-off")
    assert shown["parameters"]["head"]["requests"] == 10
    assert await decided(month.world, "anya", shown) == "record"
    await start(month.world.ctx, id_of(shown), "one")
    assert await status(month.world, shown) == "succeeded"
    said = digests(await month.document())
    [(stands, report, figures, request, document)] = await rows(month)
    assert (stands, report, figures, request) == ("signed", said.report, said.figures, id_of(shown))
    assert digests(json.loads(document)) == said
    async with month.world.ctx.database.transaction() as session:
        entry = json.loads((await ledger.read(session, "installation"))[-1].body)
    pids = dict(map(tuple, await sql(month.world, "select id, pid::text from person")))
    assert (entry["kind"], entry["facts"]) == (
        "oversight-signed",
        {
            **month.period.as_json(),
            "report": said.report,
            "figures": said.figures,
            "request": shown["id"],
            "asked_by": pids["ada"],
            "signed_by": [pids["anya"]],
        },
    )
    seen = await oversight.report(month.world.services, month.world.person("anya"), month.period)
    assert seen["signed_as_it_is"]
    assert [one["request"] for one in seen["signed"]] == [shown["id"]]


async def test_who_asked_does_not_sign(ended: tuple[Month, View], rules: Path) -> None:
    """Not even who audits as well."""
    month, _ = ended
    await change(month.world, rules, "members: [anya]", "members: [anya, ada]", "people.yaml")
    shown = await asked(month)
    assert {"self-approval", "governance-change"} & await refused(month.world, "ada", shown)
    assert await refused(month.world, "ben", shown)
    assert await status(month.world, shown) == "held"


async def test_figures_that_are_others_by_now_are_not_signed(ended: tuple[Month, View]) -> None:
    """An unknown outcome is settled after the report was asked to be signed off."""
    month, unknown = ended
    old = await prepared(month)
    shown = await admitted(month.world, wish(old))
    assert await decided(month.world, "anya", shown) == "record"
    await month.settled(unknown, "ivan", "succeeded")
    await start(month.world.ctx, id_of(shown), "one")
    row = await month.world.row(shown)
    assert (row.status, row.ended_why) == ("revoked", "figures-changed")
    with pytest.raises(NotOpenToThis, match="others by now"):
        await check_sign_off(month.world.ctx, wish(old))
    late = await admitted(month.world, wish(old))
    assert (late["status"], late["verdict"]["code"]) == ("denied", "figures-changed")
    again = await asked(month)
    assert again["parameters"]["head"]["unknown"] == 0
    assert [row[0] for row in await rows(month)] == ["prepared"]


async def test_what_waits_ends_when_the_figures_change(ended: tuple[Month, View]) -> None:
    month, unknown = ended
    shown = await asked(month)
    await tick(month.world.ctx, id_of(shown))
    assert await status(month.world, shown) == "held"
    await month.settled(unknown, "ivan", "failed")
    await tick(month.world.ctx, id_of(shown))
    assert (await month.world.row(shown)).ended_why == "figures-changed"


async def test_what_was_signed_and_has_changed_since_shows(ended: tuple[Month, View]) -> None:
    """It stays as it was signed; the newer one is signed beside it."""
    month, unknown = ended
    for _ in range(2):
        shown = await asked(month)
        await decided(month.world, "anya", shown)
        await start(month.world.ctx, id_of(shown), "one")
        assert await status(month.world, shown) == "succeeded"
        if len(await rows(month)) == 1:
            await month.settled(unknown, "ivan", "succeeded")
            seen = await oversight.report(month.world.services, month.world.person("ben"), month.period)
            assert (seen["signed_as_it_is"], len(seen["signed"])) == (False, 1)
    assert [row[0] for row in await rows(month)] == ["signed", "signed"]


@pytest.mark.parametrize(
    ("other", "error", "says"),
    [
        ({"report": "sha256:" + "0" * 64}, NotOpenToThis, "others by now"),
        ({"figures": "sha256:" + "0" * 64}, NotOpenToThis, "others by now"),
        ({"head": {"requests": 9}}, NotOpenToThis, "others by now"),
        ({"head": {"requests": "<b>"}}, OffSchema, "parameters"),
        ({"to": "2999-01-01T00:00:00Z", "from": "2998-12-01T00:00:00Z"}, NotOpenToThis, "not over"),
        ({"to": "2001-01-01T00:00:00Z"}, OffSchema, "ends after"),
        ({"from": "1999-01-01T00:00:00Z"}, OffSchema, "at most"),
    ],
)
async def test_what_is_not_so_is_not_asked_for(
    ended: tuple[Month, View], other: dict[str, Any], error: type[Exception], says: str
) -> None:
    month, _ = ended
    with pytest.raises(error) as refusal:
        await checked(month, **other)
    assert says in f"{refusal.value} {getattr(refusal.value, 'where', '')}"


async def test_only_who_administers_asks(ended: tuple[Month, View]) -> None:
    month, _ = ended
    for who in ("anya", "petra", "ivan", "dana"):
        with pytest.raises(Forbidden, match="administer"):
            await checked(month, who)
    shown = await admitted(month.world, wish(await prepared(month), "dana"))
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-entitled")


async def test_without_an_auditor_nobody_signs(ended: tuple[Month, View], rules: Path) -> None:
    month, _ = ended
    await change(month.world, rules, "members: [anya], may: [audit]", "members: [anya]", "people.yaml")
    with pytest.raises(NotOpenToThis, match="Nobody else may audit"):
        await checked(month)


async def test_a_period_that_is_not_over_is_not_prepared(ended: tuple[Month, View]) -> None:
    month, _ = ended
    month.hand.at = month.period.until - timedelta(microseconds=1)
    with pytest.raises(NotOpenToThis, match="not over"):
        await prepared(month)


async def test_preparing_again_keeps_one(ended: tuple[Month, View]) -> None:
    month, _ = ended
    assert await prepared(month) == await prepared(month, "anya")
    assert [row[0] for row in await rows(month)] == ["prepared"]


async def test_the_sweep_prepares_last_month_once(ended: tuple[Month, View]) -> None:
    """Of the time in which there were rules; who reads it is told how to have it signed off."""
    month, _ = ended
    [[first]] = await sql(month.world, "select min(installed_at) from policy_version")
    assert not await oversight.prepare_last_month(month.world.ctx)
    month.hand.at = first + timedelta(days=32)
    assert await oversight.prepare_last_month(month.world.ctx)
    assert not await oversight.prepare_last_month(month.world.ctx)
    [one] = [
        one
        for one in await oversight.listing(month.world.services, month.world.person("anya"))
        if one["to"] > month.period.as_json()["to"]
    ]
    assert (one["status"], one["request"]) == ("prepared", None)
