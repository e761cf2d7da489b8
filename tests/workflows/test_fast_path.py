"""Actions that the bot runs itself: allowed at once with a grant and no workflow; held through one; never reported."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from temporalio.service import RPCError

from app.domain.errors import NotOpenToThis
from app.steps.tick import tick
from app.use_cases import act, submit, temporal
from app.use_cases.upkeep import sweep
from tests.properties.quiet import later
from tests.world import World


def fields(**more: Any) -> dict[str, Any]:
    """The body of an ask for a look-up."""
    return {"action": "look.up", "parameters": {"thing": uuid.uuid4().hex, **more}, "context": {}}


async def test_a_read_is_allowed_with_a_grant_and_no_workflow(world: World) -> None:
    given = await submit.submit(world.services, world.bot(), uuid.uuid4().hex, fields())
    shown = given.view
    assert (given.created, shown["status"], shown["verdict"]["code"]) == (True, "executing", "read-only")
    claims = jwt.decode(shown["grant"]["grant"], world.rings.grants.current_key, algorithms=["Ed25519"]).claims
    assert (claims["aud"], claims["txn"], claims["sub"]) == ("https://desk.test", shown["id"], "bot:bot")
    handle = world.services.temporal.get_workflow_handle(temporal.workflow_id(uuid.UUID(shown["id"])))
    with pytest.raises(RPCError, match="not found"):
        await handle.describe()
    assert await world.kinds(shown) == ["admitted", "started"]


async def test_the_same_ask_again_is_the_same_request(world: World) -> None:
    key, body = uuid.uuid4().hex, fields()
    first = await submit.submit(world.services, world.bot(), key, body)
    again = await submit.submit(world.services, world.bot(), key, body)
    assert (again.created, again.view["id"], again.view.get("grant")) == (False, first.view["id"], None)
    same = await act.grant(world.services, world.bot(), uuid.UUID(first.view["id"]))
    assert same == first.view["grant"]


async def test_the_bot_reports_the_outcome_once(world: World) -> None:
    shown = (await submit.submit(world.services, world.bot(), uuid.uuid4().hex, fields())).view
    id_, result = uuid.UUID(shown["id"]), {"found": 1}
    done = await act.report(world.services, world.bot(), id_, status="succeeded", detail=None, result=result)
    assert (done["status"], done["execution"]["result"]) == ("succeeded", result)
    again = await act.report(world.services, world.bot(), id_, status="succeeded", detail=None, result=result)
    assert again["status"] == "succeeded"
    with pytest.raises(NotOpenToThis):
        await act.report(world.services, world.bot(), id_, status="failed", detail="no", result=None)


async def test_a_read_that_nobody_reports_lapses_by_the_sweeper(world: World) -> None:
    """Not while its grant may still be used, however little time its action gives."""
    shown = await world.ask("look.briefly", on_behalf_of=None)
    await sweep(replace(world.services, ctx=later(world, timedelta(seconds=120))), timedelta(0))
    assert (await world.look(shown))["status"] == "executing"
    await sweep(replace(world.services, ctx=later(world, timedelta(seconds=151))), timedelta(0))
    seen = await world.look(shown)
    assert (seen["ended_why"], seen["execution"]["status"]) == ("not-reported", "lapsed")


async def test_a_denial_needs_no_workflow_either(world: World) -> None:
    shown = await world.ask("look.up", parameters={"mode": "deny"})
    assert (shown["status"], shown["verdict"]["reason"]) == ("denied", "Not this way")
    assert (await world.row(shown)).has_workflow is False


async def test_a_held_read_waits_for_people_and_then_for_the_bot(world: World) -> None:
    shown = await world.ask("look.up", parameters={"mode": "hold"})
    assert (shown["status"], (await world.row(shown)).has_workflow) == ("held", True)
    id_ = uuid.UUID(shown["id"])
    with pytest.raises(NotOpenToThis):
        await act.grant(world.services, world.bot(), id_)
    assert (await world.say("dana", shown))["status"] == "approved"
    grant = await act.grant(world.services, world.bot(), id_)
    assert await act.grant(world.services, world.bot(), id_) == grant
    assert (await world.look(shown))["status"] == "executing"
    done = await act.report(world.services, world.bot(), id_, status="failed", detail="gone", result=None)
    assert done["execution"]["error"] == {"status": None, "body": "gone"}
    assert (await tick(world.ctx, id_)).status == "failed"
