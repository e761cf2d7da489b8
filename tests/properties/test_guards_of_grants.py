"""Each guard of redeeming once, on the database alone."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws, jwt

from app.db import requests
from app.domain.ask import Ask
from app.domain.digest import sha256
from app.domain.errors import Forbidden
from app.domain.request import Level
from app.domain.states import Status
from app.grants.grants import Grant
from app.steps import act
from app.steps.act import grant_again
from app.steps.admit import admit
from app.steps.execution import Go
from app.steps.redeem import AGAIN, REDEEMED, Redeeming, redeem
from app.steps.scene import scene
from app.steps.start import start
from app.use_cases import attempts
from app.use_cases.actors import Actor
from app.use_cases.governance import install
from app.use_cases.redeem import INACTIVE, redeem_grant
from app.use_cases.views import View
from tests.properties.quiet import Later, approved
from tests.steps.words import id_of, sql
from tests.world import World

pytestmark = pytest.mark.usefixtures("as_before")


async def run_by_bot(world: World, action: str = "look.up", jkt: str | None = None) -> tuple[View, Grant]:
    """A read that the bot has started, and its grant. ``jkt``: of the key that it has proven."""
    id_, parameters = uuid.uuid4(), {"thing": uuid.uuid4().hex}
    ask = Ask("action", "bot", "bot", "bot-client", action, parameters, on_behalf_of="customer:carl")
    await admit(world.ctx, id_, ask, waited=timedelta(0), fast=True, jkt=jkt)
    grant = await again(world, {"id": str(id_)}, jkt)
    assert grant is not None
    return await world.look({"id": str(id_)}), grant


async def again(world: World, shown: View, jkt: str | None) -> Grant | None:
    """What is handed out to who has proven this key, or none."""
    async with scene(world.ctx, id_of(shown)) as found:
        return await grant_again(found, jkt)


def shown_to(shown: View, grant: Grant, **changes: Any) -> Redeeming:
    """The grant as a target shows it."""
    digest = sha256(shown["parameters"])
    return replace(Redeeming(id_of(shown), grant.jti, grant.sha256, digest, "desk", "one"), **changes)


def the_desk(kind: str = "target", name: str = "desk") -> Actor:
    return Actor(kind, name, f"client:{name}-client", Level.CLICK, client_id=f"{name}-client")


async def test_once(world: World) -> None:
    shown, grant = await run_by_bot(world)
    came = [await redeem(world.ctx, shown_to(shown, grant, redemption=id_)) for id_ in ("one", "one", "two", "one")]
    assert came == [REDEEMED, AGAIN, "used", AGAIN]
    kinds = [entry["kind"] for entry in await world.entries(shown)]
    assert kinds.count("grant-redeemed") == 1


async def test_by_another_client_under_the_same_name(world: World) -> None:
    shown, grant = await run_by_bot(world)
    came = [await redeem(world.ctx, shown_to(shown, grant, client=name)) for name in ("desk", "desk-two")]
    assert came == [REDEEMED, "used"]


async def test_only_the_bytes_that_were_handed_out(world: World) -> None:
    """Signed by our own key with the same id all the same: with another end, say."""
    shown, grant = await run_by_bot(world)
    claims = json.loads(jws.extract_compact(grant.token.encode()).payload)
    header = {"typ": "action-grant+jwt", "alg": "Ed25519", "kid": world.rings.grants.current}
    longer = jwt.encode(header, claims | {"exp": claims["exp"] - 1}, world.rings.grants.current_key, ["Ed25519"])
    hashed = "sha256:" + hashlib.sha256(longer.encode()).hexdigest()
    assert await redeem(world.ctx, shown_to(shown, grant, sha256=hashed)) == "another-grant"


async def test_of_an_attempt_that_another_has_followed(world: World) -> None:
    """The first call may have been lost; the second is the one that counts."""
    shown = await approved(world)
    first = (await start(world.ctx, id_of(shown), "one")).go
    old = "update execution_attempt set started_at = started_at - interval '5 minutes' where request_id = :id"
    await sql(world, old, id=id_of(shown))
    second = (await start(world.ctx, id_of(shown), "two")).go
    assert isinstance(first, Go)
    assert isinstance(second, Go)
    came = [await redeem(world.ctx, shown_to(shown, go.grant)) for go in (first, second)]
    assert came == ["another-grant", REDEEMED]


async def test_of_what_was_reported(world: World) -> None:
    shown, grant = await run_by_bot(world)
    async with scene(world.ctx, id_of(shown)) as found:
        found.become(Status.SUCCEEDED)
        await found.changed()
    assert await redeem(world.ctx, shown_to(shown, grant)) == "over"


async def test_of_an_attempt_with_an_outcome(world: World) -> None:
    """Before the next one begins."""
    shown, grant = await run_by_bot(world)
    await sql(world, "update execution_attempt set outcome = 'uncertain' where request_id = :id", id=id_of(shown))
    assert await redeem(world.ctx, shown_to(shown, grant)) == "over"


async def test_of_a_stopped_bot(world: World) -> None:
    for bot in ("bot", None):
        shown, grant = await run_by_bot(world)
        await suspended(world, bot)
        assert await redeem(world.ctx, shown_to(shown, grant)) == "stopped"
        await sql(world, "update bot set suspended_at = null")
        await sql(world, "update installation set suspended_at = null")
        assert await redeem(world.ctx, shown_to(shown, grant)) == "stopped"


async def test_again_of_a_stopped_bot(world: World) -> None:
    """Who has not heard that it was redeemed does not act on it after the stop."""
    shown, grant = await run_by_bot(world)
    assert await redeem(world.ctx, shown_to(shown, grant)) == REDEEMED
    await suspended(world, "bot")
    assert await redeem(world.ctx, shown_to(shown, grant)) == "stopped"


async def suspended(world: World, bot: str | None) -> None:
    """Straight on the database: how a stop takes its locks is for tests/races."""
    table = "installation" if bot is None else "bot"
    await sql(world, f"update {table} set suspended_at = clock_timestamp(), stop_epoch = stop_epoch + 1")  # noqa: S608


async def test_after_its_end(world: World) -> None:
    shown, grant = await run_by_bot(world)
    just = replace(world.ctx, clock=Later(timedelta(seconds=110)))
    late = replace(world.ctx, clock=Later(timedelta(seconds=120)))
    assert [await redeem(ctx, shown_to(shown, grant)) for ctx in (late, just, late)] == ["expired", REDEEMED, "expired"]


async def test_after_the_time_that_the_bot_had(world: World) -> None:
    """That is never shorter than its grant lives, but for what was started by an earlier release."""
    shown, grant = await run_by_bot(world)
    over = "execution || jsonb_build_object('window_ends', '2026-01-01T00:00:00.000000Z')"
    await sql(world, f"update request set execution = {over} where id = :id", id=id_of(shown))  # noqa: S608
    assert await redeem(world.ctx, shown_to(shown, grant)) == "window-over"


async def test_other_parameters(world: World) -> None:
    shown, grant = await run_by_bot(world)
    other = shown_to(shown, grant, parameters_digest=sha256({"thing": "another"}))
    assert await redeem(world.ctx, other) == "other-parameters"
    assert await redeem(world.ctx, shown_to(shown, grant)) == REDEEMED


async def test_of_what_there_is_not(world: World) -> None:
    """No such request; one that never started; one whose data were erased."""
    shown, grant = await run_by_bot(world)
    assert await redeem(world.ctx, shown_to(shown, grant, request_id=uuid.uuid4())) == "no-request"
    waiting = await approved(world)
    assert await redeem(world.ctx, shown_to(shown, grant, request_id=id_of(waiting))) == "never-started"
    await sql(world, "delete from data_key where kid = :kid", kid=f"request:{shown['id']}")
    assert await redeem(world.ctx, shown_to(shown, grant)) == "no-request"


async def said(world: World, who: Actor, shown: View, grant: Grant) -> dict[str, Any]:
    return await redeem_grant(world.services, who, grant.token, sha256(shown["parameters"]), "one")


async def test_who_is_no_target(world: World) -> None:
    """A bot or a person by the name of a client is none."""
    shown, grant = await run_by_bot(world)
    for kind in ("bot", "person", "unlinked"):
        with pytest.raises(Forbidden, match="Only a target"):
            await said(world, the_desk(kind), shown, grant)
    with pytest.raises(Forbidden, match="no target"):
        await said(world, the_desk(name="till"), shown, grant)
    assert (await said(world, the_desk(), shown, grant))["active"]


async def test_by_another_target(world: World, rules_copy: Any) -> None:
    source = (rules_copy / "desk.yaml").read_text()
    till = source.replace("clients: [desk]", "clients: [till]").replace("https://desk.test", "https://till.test")
    shown, grant = await run_by_bot(world)
    (rules_copy / "desk.yaml").write_text(till)
    await install(world.ctx, rules_copy, replace=True, by="ada")
    with pytest.raises(Forbidden, match="another target"):
        await said(world, the_desk(name="till"), shown, grant)


async def test_why_not_is_in_the_log_alone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    shown, grant = await run_by_bot(world)
    await said(world, the_desk(), shown, grant)
    with caplog.at_level(logging.WARNING):
        told = await redeem_grant(world.services, the_desk(), grant.token, sha256(shown["parameters"]), "two")
    assert told == INACTIVE
    [record] = [one for one in caplog.records if one.name == "app.use_cases.redeem"]
    assert vars(record)["fields"] == {"why": "used", "client": "desk", "request": shown["id"]}


# Bound to a key.


def bound_to(grant: Grant | None) -> str | None:
    """The key that a grant says it is bound to."""
    assert grant is not None
    claims = json.loads(jws.extract_compact(grant.token.encode()).payload)
    assert claims.get("cnf") in (None, {"jkt": grant.jkt})
    return grant.jkt if "cnf" in claims else None


async def test_bound_to_the_key_that_was_proven(world: World) -> None:
    """The same grant again for that key; none for another, and none for no key."""
    shown, grant = await run_by_bot(world, jkt="mine")
    assert bound_to(grant) == "mine"
    assert [await again(world, shown, jkt) for jkt in ("mine", "another", None)] == [grant, None, None]
    assert await redeem(world.ctx, shown_to(shown, grant)) == REDEEMED


async def test_bound_to_nothing(world: World) -> None:
    shown, grant = await run_by_bot(world)
    assert bound_to(grant) is None
    assert await again(world, shown, "mine") == grant


async def test_bound_by_the_call_that_starts_it(world: World) -> None:
    """Of two keys the one that came first; the other starts nothing, and is given nothing."""
    shown = await approved(world, "look.up", mode="hold")
    for jkt in ("mine", "another"):
        async with scene(world.ctx, id_of(shown)) as found:
            body = {"jkt": jkt}
            attempt = await requests.store_attempt(
                found.session, attempts.build(found, world.bot(), "begin", None, body)
            )
        await act.begin(world.ctx, id_of(shown), attempt.id)
    assert bound_to(await again(world, shown, "mine")) == "mine"
    assert await again(world, shown, "another") is None
