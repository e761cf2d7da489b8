"""The rollback of an incident as its card shows it, for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.domain.incident import ItemState
from app.use_cases.card_facts import HIDDEN, CardFacts
from app.use_cases.incident_facts import IncidentFacts, ItemFacts, TurnFacts
from tests.slack.asked import rollback
from tests.slack.facts import NOON, passed, ran, said

VERSION = "sha256:" + "abcdef0123456789" * 4


def item(n: int, **changed: Any) -> ItemFacts:
    """A cancellation that is undone by a restoring."""
    plain = ItemFacts(
        n=n,
        request_id=f"{n:08x}-6f0e-5d6e-9a3b-2f6d7c1e8a10",
        of="orders.cancel",
        of_title="Cancel a pending order",
        bot="Shop support assistant",
        status="succeeded",
        action="orders.restore",
        title="Restore an order that was cancelled",
        version=VERSION,
        parameters={"order_id": f"#W{n:07}"},
        after=(),
    )
    return replace(plain, **changed)


def ended(n: int, state: ItemState, **changed: Any) -> ItemFacts:
    """An item that has begun, and stands so."""
    undo = None if state in (ItemState.SKIPPED, ItemState.WAITING) else f"{n:08x}-aaaa-5d6e-9a3b-2f6d7c1e8a10"
    return item(n, state=state.value, undo=undo, **changed)


def incident(*items: ItemFacts, **changed: Any) -> IncidentFacts:
    """An incident of one bot and one hour."""
    plain = IncidentFacts(
        id="44444444-6f0e-5d6e-9a3b-2f6d7c1e8a10",
        title="It cancels what nobody wants cancelled",
        bots=("Shop support assistant",),
        actions=("orders.*",),
        since=NOON - timedelta(hours=1),
        until=NOON,
        opened_by="Ivan Petrov",
        opened_at=NOON + timedelta(minutes=3),
        standing="open",
        items=items,
    )
    return replace(plain, **changed)


def many(*items: ItemFacts, told: IncidentFacts | None = None, **changed: Any) -> CardFacts:
    """The held request that undoes these."""
    about = told or incident(*(items or (item(1), item(2), item(3, after=(1, 2)))))
    signed = [
        {"request": one.request_id, "of": one.of, "after": list(one.after), "action": one.action}
        | {"action_version": one.version, "parameters": one.parameters}
        for one in about.items
    ]
    plain: dict[str, Any] = {
        "kind": "incident_rollback",
        "action": "interlock.incidents.roll_back",
        "title": "Undo what an incident is about",
        "on_behalf_of": None,
        "triggered_by": None,
        "original": None,
        "parameters": {"incident": about.id, "items": signed},
        "incident": about,
    }
    return rollback(**{**plain, **changed})


def run(*items: ItemFacts, **changed: Any) -> CardFacts:
    """The same, signed and begun. ``changed``: of the incident, and the request's ``status``."""
    status, why = changed.pop("status", "executing"), changed.pop("ended_why", None)
    return many(
        told=incident(*items, **changed),
        status=status,
        ended_why=why,
        stages=passed(),
        decisions=(said("approve", "Rita Wolf"),),
        may_decide=(),
        excluded=(),
        execution=ran(finished_at=None) if status == "executing" else ran(status=status),
    )


PAUSED = TurnFacts(paused=True, count=1, person="Nora Ek", at=NOON + timedelta(minutes=32))
RESUMED = replace(PAUSED, paused=False, at=NOON + timedelta(minutes=40))
MIXED = (
    ended(1, ItemState.SUCCEEDED),
    ended(2, ItemState.FAILED),
    ended(3, ItemState.UNKNOWN, why="no-outcome"),
    ended(4, ItemState.SKIPPED, after=(2,), why="depends-on-failed"),
    ended(5, ItemState.SUCCEEDED),
)

MANY: dict[str, CardFacts] = {
    "many": many(),
    "many-doubtful": many(item(1, status="failed"), item(2, status="unknown"), item(3)),
    "many-of-two-bots": many(
        item(1),
        item(2, of="orders.modify", of_title="Change an order", bot="Night bot", action="orders.set_back"),
    ),
    "many-masked": many(item(1, parameters=HIDDEN), item(2), not_shown=("/items/0/parameters",), risk="moderate"),
    "many-masked-high": many(item(1, parameters=HIDDEN), item(2), not_shown=("/items/0/parameters",)),
    "many-critical": many(risk="critical"),
    "too-many": many(*(item(n) for n in range(1, 181))),
    "one-that-is-long": many(item(1, parameters={"sql": "x" * 6_000}), item(2)),
    "running": run(
        ended(1, ItemState.SUCCEEDED),
        ended(2, ItemState.RUNNING),
        ended(3, ItemState.WAITING, after=(2,)),
        standing="rolling_back",
    ),
    "paused": run(ended(1, ItemState.SUCCEEDED), ended(2, ItemState.WAITING), standing="paused", turns=(PAUSED,)),
    "goes-on": run(
        ended(1, ItemState.SUCCEEDED), ended(2, ItemState.WAITING), standing="rolling_back", turns=(PAUSED, RESUMED)
    ),
    "all-undone": run(*(ended(n, ItemState.SUCCEEDED) for n in (1, 2)), status="succeeded"),
    "not-all-undone": run(*MIXED, status="failed", ended_why="not-all-undone", turns=(PAUSED, RESUMED)),
    "closed": run(
        ended(1, ItemState.SUCCEEDED),
        ended(2, ItemState.SKIPPED, why="incident-closed"),
        status="failed",
        ended_why="not-all-undone",
        standing="closed",
        closed_by="Nora Ek",
    ),
}
"""The rollback of an incident, held and on its way."""
