"""Two people at once: both approve on a quorum of one; one approves, the other denies."""

from __future__ import annotations

from tests.races.agree import agree
from tests.races.racing import LEAST, Arena, Figure, asked, says, upset


async def test_two_approvers_at_once_on_a_quorum_of_one(arena: Arena, record_property: Figure) -> None:
    async def play(n: int) -> str:
        one, other = arena.door(n), arena.door(n + 1)
        shown = await asked(one, "do.one")
        told = await arena.race(n, says(one, "dana", shown, "approve"), says(other, "marco", shown, "approve"))
        assert [answer.won for answer in told].count(True) == 1, told
        facts = await agree(one, shown, told)
        assert facts.status == "succeeded"
        return "by the later" if upset(told) else "by the earlier"

    ended, sentence = await arena.rounds(play)
    record_property("figure", f"two approvers on a quorum of one: {sentence}")
    assert min(ended["by the earlier"], ended["by the later"]) >= LEAST, sentence


async def test_approve_against_deny(arena: Arena, record_property: Figure) -> None:
    async def play(n: int) -> str:
        one, other = arena.door(n), arena.door(n + 1)
        shown = await asked(one, "do.one")
        told = await arena.race(n, says(one, "dana", shown, "approve"), says(other, "marco", shown, "deny"))
        assert [answer.won for answer in told].count(True) == 1, told
        facts = await agree(one, shown, told)
        assert facts.status == {"approve": "succeeded", "deny": "denied"}[next(a.verb for a in told if a.won)]
        return f"{facts.status} by the {'later' if upset(told) else 'earlier'}"

    ended, sentence = await arena.rounds(play)
    record_property("figure", f"approve against deny: {sentence}")
    for way in ("succeeded by the earlier", "succeeded by the later", "denied by the earlier", "denied by the later"):
        assert ended[way] >= LEAST, sentence
