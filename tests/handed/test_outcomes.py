"""What an owner's worker says, and does not say, and what that makes of the request."""

from __future__ import annotations

from joserfc import jwt

from tests.handed.conftest import AWAY, Handed


async def test_it_succeeds_with_its_result_under_the_grant(handed: Handed) -> None:
    shown = await handed.approved("do.handed")
    done = await handed.world.until(shown, "succeeded", "failed", "unknown")
    assert done["status"] == "succeeded"
    assert done["execution"]["mode"] == "temporal"
    assert done["execution"]["result"] == {"done": shown["parameters"]["thing"]}
    [call] = handed.calls(shown)
    assert (call.key, call.path, call.body) == (shown["id"], "/do.handed", shown["parameters"])
    grant = call.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(grant, handed.world.rings.grants.current_key, algorithms=["Ed25519"]).claims
    assert (claims["txn"], claims["aud"]) == (shown["id"], "https://desk.test")
    entries = await handed.world.entries(shown)
    [fetched] = [entry["facts"] for entry in entries if entry["kind"] == "grant-fetched"]
    assert (fetched["attempt"], fetched["target"], fetched["client"]) == (1, "desk", "desk")


async def test_a_refusal_fails_with_its_reason(handed: Handed) -> None:
    shown = await handed.approved("do.handed-once", 409)
    done = await handed.world.until(shown, "failed", "unknown")
    assert (done["status"], done["execution"]["error"]) == ("failed", {"status": None, "body": {"error": "status 409"}})


async def test_what_broke_and_must_not_be_repeated_is_unknown(handed: Handed) -> None:
    shown = await handed.approved("do.handed-once", 503)
    done = await handed.world.until(shown, "failed", "unknown", "succeeded")
    assert (done["status"], len(handed.calls(shown))) == ("unknown", 1)


async def test_what_takes_too_long_and_must_not_be_repeated_is_unknown(handed: Handed) -> None:
    shown = await handed.approved("do.handed-once", 0)
    done = await handed.world.until(shown, "failed", "unknown", "succeeded")
    handed.world.desk.release(shown["parameters"]["thing"])
    assert (done["status"], len(handed.calls(shown))) == ("unknown", 1)
    assert "the time for it was over" in done["execution"]["error"]["reason"]


async def test_what_broke_and_is_idempotent_is_tried_again_under_the_same_key(handed: Handed) -> None:
    shown = await handed.approved("do.handed", 503)
    done = await handed.world.until(shown, "succeeded", "failed", "unknown", seconds=90)
    assert [attempt["outcome"] for attempt in done["execution"]["attempts"]] == ["uncertain", "succeeded"]
    first, second = handed.calls(shown)
    assert first.key == second.key == shown["id"]
    assert first.headers["authorization"] != second.headers["authorization"]


async def test_what_nobody_takes_fails_and_who_comes_later_never_gets_to_run_it(handed: Handed) -> None:
    shown = await handed.approved("do.unattended")
    done = await handed.world.until(shown, "failed", "unknown", "succeeded", seconds=90)
    assert done["status"] == "failed"
    assert [attempt["outcome"] for attempt in done["execution"]["attempts"]] == ["not-sent"] * 3
    async with handed.worker(AWAY) as late:
        attended = await handed.approved("do.unattended")
        await handed.world.until(attended, "failed", "unknown", "succeeded")
    assert {order.request_id for order in late.orders} <= {attended["id"]}
    assert handed.calls(shown) == []


async def test_it_is_undone_by_its_owners_worker_too(handed: Handed) -> None:
    shown = await handed.approved("do.handed")
    await handed.world.until(shown, "succeeded")
    undoing = await handed.world.roll_back("ivan", shown)
    assert undoing["status"] == "held"
    await handed.world.say("rita", undoing)
    done = await handed.world.until(undoing, "succeeded", "failed", "unknown")
    thing = shown["parameters"]["thing"]
    assert (done["status"], done["execution"]["result"]) == ("succeeded", {"done": f"{thing}-undone"})
    [call] = handed.world.desk.seen[f"{thing}-undone"]
    assert (call.key, call.body) == (undoing["id"], {"thing": f"{thing}-undone", "was": thing})
    assert (await handed.world.look(shown))["status"] == "succeeded"
