"""The sealed ledger over the API: its newest checkpoint, and proofs that hold against it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.api import problems
from app.domain.tree import is_consistent, root_by_inclusion, root_of
from app.keys import KeyRings
from app.ledger.notes import opened, verifiers
from tests.api.conftest import Api
from tests.api.test_openapi import check
from tests.ledger.sealing import ORIGIN, seal_all

CHECKPOINT, INCLUSION, CONSISTENCY = (
    f"/v1/ledger/{what}" for what in ("checkpoint", "proofs/inclusion", "proofs/consistency")
)


async def get(api: Api, url: str, who: str = "anya") -> httpx.Response:
    return await api.http.get(url, headers=api.person(who))


async def shown(api: Api, url: str, shape: str) -> dict[str, Any]:
    answer = await get(api, url)
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    check(api.described, shape, found)
    return found


async def leaves(api: Api) -> list[bytes]:
    async with api.world.ctx.database.transaction() as session:
        rows = await session.execute(
            text("select e.leaf_hash from leaf l join entry e on e.id = l.entry_id order by l.index")
        )
        return [bytes(row.leaf_hash) for row in rows]


async def test_before_anything_is_sealed(api: Api) -> None:
    for url in (CHECKPOINT, f"{INCLUSION}?leaf=0", f"{CONSISTENCY}?from=1"):
        answer = await get(api, url)
        assert (answer.status_code, answer.json()["type"]) == (404, problems.PREFIX + "not-found")
        assert "sealed" in answer.json()["detail"]


@pytest.mark.parametrize("who", ["anya", "ada"])
async def test_its_proofs_hold_against_its_checkpoint(api: Api, database_url: str, rings: KeyRings, who: str) -> None:
    """For auditors and administrators; the size is the newest one's unless another is asked for."""
    await api.ask()
    await seal_all(database_url, rings)
    old = opened((await get(api, CHECKPOINT)).text, verifiers(ORIGIN, rings.ledger))
    await api.ask()
    await seal_all(database_url, rings)
    answer = await get(api, CHECKPOINT, who)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    head, known = opened(answer.text, verifiers(ORIGIN, rings.ledger)), await leaves(api)
    assert (head.size, head.root) == (len(known), root_of(known))
    assert 1 < old.size < head.size
    for index, leaf in enumerate(known):
        found = await shown(api, f"{INCLUSION}?leaf={index}", "Inclusion")
        path = [bytes.fromhex(hash_) for hash_ in found["path"]]
        assert (found["leaf"], found["size"], found["checkpoint"]) == (index, head.size, answer.text)
        assert found["leaf_hash"] == leaf.hex()
        assert root_by_inclusion(leaf, index, head.size, path) == head.root
    found = await shown(api, f"{CONSISTENCY}?from={old.size}", "Consistency")
    assert (found["from"], found["to"]) == (old.size, head.size)
    assert is_consistent(old.size, head.size, old.root, head.root, [bytes.fromhex(one) for one in found["path"]])


async def test_sizes_that_no_checkpoint_has(api: Api, database_url: str, rings: KeyRings) -> None:
    await api.ask()
    await seal_all(database_url, rings)
    known = await leaves(api)
    found = await shown(api, f"{INCLUSION}?leaf=0&size=1", "Inclusion")
    assert (found["path"], found["checkpoint"], found["leaf_hash"]) == ([], None, known[0].hex())
    found = await shown(api, f"{CONSISTENCY}?from=1&to=3", "Consistency")
    assert is_consistent(1, 3, root_of(known[:1]), root_of(known[:3]), [bytes.fromhex(one) for one in found["path"]])


WRONG = {
    f"{INCLUSION}?leaf=9000000": "leaf",
    f"{INCLUSION}?leaf=2&size=2": "leaf",
    f"{INCLUSION}?leaf=0&size=9000000": "size",
    f"{INCLUSION}?leaf=0&size=0": "size",
    f"{INCLUSION}?leaf=-1": "leaf",
    f"{INCLUSION}?leaf=x": "leaf",
    f"{INCLUSION}?leaf={2**53}": "leaf",
    f"{INCLUSION}?leaf=0&of=1": "of",
    INCLUSION: "leaf",
    CONSISTENCY: "from",
    f"{CONSISTENCY}?from=0": "from",
    f"{CONSISTENCY}?from=3&to=2": "from",
    f"{CONSISTENCY}?from=9000000": "from",
    f"{CONSISTENCY}?from=1&to=9000000": "to",
    f"{CONSISTENCY}?old=1": "from",
}


@pytest.mark.parametrize("url", WRONG)
async def test_a_wrong_number_is_named(api: Api, database_url: str, rings: KeyRings, url: str) -> None:
    await api.ask()
    await seal_all(database_url, rings)
    told = (await get(api, url)).json()
    assert (told["type"], told["where"]) == (problems.PREFIX + "malformed", WRONG[url])
    assert told["detail"].startswith(WRONG[url])
