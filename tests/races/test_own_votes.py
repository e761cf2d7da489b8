"""One person against themselves and others: an approval withdrawn as another comes or the start does; two accounts."""

from __future__ import annotations

from app.domain.request import Level
from app.identity.tokens import Caller
from app.use_cases.actors import Actor, actor
from tests.races.agree import agree
from tests.races.racing import LEAST, Arena, Figure, asked, insist, said, says
from tests.world import World

BEHIND = 0.02
"""Seconds: by so much more, at least, a withdrawal sets out behind the approval."""

ACCOUNTS = (("https://id.test", "dana-web"), ("https://other.test", "d-77"))


async def test_approve_against_withdrawal(arena: Arena, record_property: Figure) -> None:
    """Quorum of two: dana takes her yes back as marco says his."""

    async def play(n: int) -> str:
        one, other = arena.door(n), arena.door(n + 1)
        shown = await asked(one, "do.two")
        await said(one, "dana", shown)
        told = await arena.race(n, says(one, "marco", shown, "approve"), says(other, "dana", shown, "deny"))
        facts = await agree(one, shown, told)
        approved, withdrawn = (answer.won for answer in told)
        assert approved or withdrawn, told
        assert facts.status == ("denied" if withdrawn else "succeeded")
        if approved and withdrawn:
            return "approved and then withdrawn"
        return "withdrawn first" if withdrawn else "started before"

    ended, sentence = await arena.rounds(play)
    record_property("figure", f"approve against withdrawal: {sentence}")
    assert min(ended["withdrawn first"], ended["approved and then withdrawn"]) >= LEAST, sentence


async def test_withdrawal_of_the_last_approval_against_the_start(arena: Arena, record_property: Figure) -> None:
    """Nothing is missing any more when dana takes her yes back: either it has not started, or it is too late.

    She sets out right behind her yes, or when she was told that it counts, by turns.
    """

    async def play(n: int) -> str:
        one, other = arena.door(n), arena.door(n // 2)
        shown = await asked(one, "do.one")
        yes, no = says(one, "dana", shown, "approve"), says(other, "dana", shown, "deny")
        if n % 4:
            told = await arena.race(n, yes, no.later(BEHIND))
        else:
            told = [*await arena.race(n, yes), *await arena.race(n, no)]
        facts = await agree(one, shown, told)
        assert facts.status == ("denied" if told[1].won else "succeeded")
        if not told[0].won:
            return "no came first"
        return "withdrawn" if told[1].won else "started"

    ended, sentence = await arena.rounds(play)
    record_property("figure", f"withdrawal of the last approval against the start: {sentence}")
    assert min(ended["withdrawn"], ended["started"]) >= LEAST, sentence


async def dana(door: World, account: int) -> Actor:
    """Dana by one of her accounts, found as the API finds her."""
    issuer, subject = ACCOUNTS[account]
    caller = Caller("identity", subject, issuer, None, Level.LOGIN, None)
    return (await insist(lambda: actor(door.services, caller)))[0]


async def test_the_same_person_by_two_identities(arena: Arena, record_property: Figure) -> None:
    """Twice yes is one yes, of a quorum of two; yes and no is a no, whichever came first."""

    async def play(n: int) -> str:
        one, other = arena.door(n), arena.door(n + 1)
        shown = await asked(one, "do.two")
        first, second = await dana(one, 0), await dana(other, 1)
        assert (first.id, second.id) == ("dana", "dana")
        assert first.identity != second.identity
        if n % 2:
            told = await arena.race(n, says(one, first, shown, "approve"), says(other, second, shown, "deny"))
            assert told[1].won, told
            facts = await agree(one, shown, told)
            assert facts.status == "denied"
            return "yes withdrawn" if told[0].won else "no came first"
        key = f"click-{n}" if n % 4 else None
        told = await arena.race(n, says(one, first, shown, "approve", key), says(other, second, shown, "approve", key))
        for answer in told:
            assert answer.won, told
            assert (answer.view["status"], answer.view["plan"]["stages"][0]["approvals"]) == ("held", 1), told
        await said(one, "marco", shown)
        facts = await agree(one, shown, told)
        assert facts.status == "succeeded"
        assert sorted((vote.person, vote.say) for vote in facts.votes) == [("dana", "approve"), ("marco", "approve")]
        return "counted once"

    ended, sentence = await arena.rounds(play)
    record_property("figure", f"the same person by two identities: {sentence}")
    assert min(ended["yes withdrawn"], ended["no came first"]) >= LEAST, sentence
