"""Codes that link Slack accounts to people, and what becomes of links when rules are installed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import ledger, links
from app.domain.errors import Forbidden, InterlockError, Malformed, Misconfigured, NotOpenToThis, RateLimited
from app.domain.ledger import verify_stream
from app.domain.request import Level
from app.keys import KeyRings
from app.ledger.vault import Secret, Vault
from app.use_cases.actors import Actor, SlackAccount
from app.use_cases.governance import install
from app.use_cases.links import NO_SUCH_CODE, ask_code, link
from tests.clear_text import in_clear, ledger_and_outbox, needles
from tests.conftest import NewDatabase
from tests.steps.words import change, sql
from tests.use_cases.linking import FRESH, HERS, HOUR, MINUTE, by_slack, code, move, sent, small_world
from tests.world import RULES, World


@pytest.fixture
async def world(new_database: NewDatabase, rings: KeyRings) -> AsyncIterator[World]:
    """Each test's own."""
    async with small_world(await new_database(), rings) as made:
        yield made


async def entries(world: World, who: str) -> list[dict[str, Any]]:
    """A person's stream, which must be whole; ``sealed`` opened."""
    [(pid,)] = await sql(world, "select pid from person where id = :who", who=who)
    stream = f"person:{pid}"
    async with world.ctx.database.transaction() as session:
        stored = await ledger.read(session, stream)
        assert verify_stream(stream, stored) == []
        bodies = [json.loads(entry.body) for entry in stored]
        for body in bodies:
            secret = await world.ctx.vault.find(session, stream)
            body["facts"]["sealed"] = json.loads(secret.open(body["facts"]["sealed"]))
    return bodies


async def sources(world: World, account: SlackAccount = FRESH) -> list[tuple[str, str]]:
    """Whose an account is, and who says so."""
    query = "select person_id, source from person_identity where issuer = :team and subject = :user"
    return [(row[0], row[1]) for row in await sql(world, query, team=account.team, user=account.user)]


def in_files(folder: Path, who: str, account: SlackAccount = FRESH) -> None:
    """Let the files give this person the account, and no other."""
    source = (folder / "people.yaml").read_text()
    given = rf"\1, identities: [{{slack: {account.team}/{account.user}}}]}}"
    changed, found = re.subn(rf"^(  - {{id: {who}, name: \w+).*$", given, source, flags=re.MULTILINE)
    assert found == 1
    (folder / "people.yaml").write_text(changed)


# codes


async def test_a_code_is_long_readable_and_kept_only_as_a_hash(world: World) -> None:
    codes = [await code(world, SlackAccount("T0", f"U{n}")) for n in range(20)]
    assert all(re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){6}", text) for text in codes)  # 28 characters of five bits
    assert len({text[place] for text in codes for place in range(34)} - {"-"}) > 20
    assert len(set(codes)) == 20
    kept = repr(await sql(world, "select * from link_code"))
    assert kept.count("sha256:") == 20
    assert [text for text in codes if text in kept or text.replace("-", "") in kept] == []


async def test_a_code_lives_ten_minutes(world: World) -> None:
    asked = await ask_code(world.services, FRESH)
    async with world.ctx.database.transaction() as session:
        now = await world.ctx.clock.now(session)
    assert timedelta(minutes=9) < asked.expires_at - now <= timedelta(minutes=10)
    move(world, timedelta(minutes=9, seconds=30))
    assert await sent(world, "marco", asked.code) == {"team": FRESH.team, "user": FRESH.user, "person": "marco"}
    late = await ask_code(world.services, SlackAccount("T0", "U0LATE"))
    move(world, timedelta(minutes=10))
    assert str(await sent(world, "marco", late.code)) == NO_SUCH_CODE


async def test_a_new_code_replaces_the_one_before(world: World) -> None:
    other = await code(world, SlackAccount("T0", "U0OTHER"))
    first, second = await code(world), await code(world)
    assert str(await sent(world, "marco", first)) == NO_SUCH_CODE
    assert cast("dict[str, str]", await sent(world, "marco", second))["user"] == FRESH.user
    assert cast("dict[str, str]", await sent(world, "marco", other))["user"] == "U0OTHER"


async def test_five_codes_an_hour_and_then_the_old_ones_are_gone(world: World) -> None:
    await code(world)
    move(world, timedelta(minutes=30))
    for _ in range(4):
        await code(world)
    with pytest.raises(RateLimited, match="codes an hour") as refused:
        await code(world)
    assert 0 < refused.value.retry_after <= 3600
    await code(world, SlackAccount("T0", "U0OTHER"))
    move(world, timedelta(seconds=refused.value.retry_after))
    await code(world)
    move(world, 2 * HOUR)
    await code(world)
    assert await sql(world, "select count(*) from link_code") == [(1,)]


async def test_asked_for_at_once_there_are_five_and_the_last_is_good(world: World) -> None:
    ends = await asyncio.gather(*(ask_code(world.services, FRESH) for _ in range(12)), return_exceptions=True)
    codes = [end.code for end in ends if not isinstance(end, BaseException)]
    assert len(codes) == 5
    assert all(isinstance(end, RateLimited) for end in ends if isinstance(end, BaseException))
    told = [await sent(world, "marco", text) for text in codes]
    assert sum(isinstance(answer, dict) for answer in told) == 1


# linking


async def test_who_sends_the_code_is_linked_at_once(world: World) -> None:
    text = await code(world)
    assert await by_slack(world, FRESH) is None
    answer = await link(world.services, world.person("marco"), text)
    assert answer == {"team": FRESH.team, "user": FRESH.user, "person": "marco"}
    assert await by_slack(world, FRESH) == "marco"
    assert await sources(world) == [("marco", "link")]


@pytest.mark.parametrize("typed", [str.lower, lambda text: text.replace("-", ""), "  {}\n".format, "\t{} ".format])
async def test_a_code_may_be_typed_in_many_ways(world: World, typed: Any) -> None:
    assert cast("dict[str, str]", await sent(world, "marco", typed(await code(world))))["person"] == "marco"


async def test_the_same_again_is_answered_the_same_while_the_code_lives(world: World) -> None:
    text = await code(world)
    answers = [await sent(world, "marco", text) for _ in range(3)]
    assert answers == [{"team": FRESH.team, "user": FRESH.user, "person": "marco"}] * 3
    assert [entry["kind"] for entry in await entries(world, "marco")] == ["identity-linked"]
    move(world, timedelta(minutes=10))
    assert str(await sent(world, "marco", text)) == NO_SUCH_CODE


async def test_every_code_that_links_nothing_is_told_the_same(world: World) -> None:
    used, replaced, expired = await code(world), await code(world, HERS), await code(world, SlackAccount("T0", "U0OLD"))
    await code(world, HERS)
    await link(world.services, world.person("priya"), used)
    told = [await sent(world, "marco", text) for text in (used, replaced, "ABCD" * 7, " ", "wrong:x", "\u2003\u017f")]
    assert await sql(world, "select count(*) from link_code where used_by = 'marco'") == [(len(told),)], "all counted"
    move(world, timedelta(minutes=10))
    told.append(await sent(world, "marco", expired))
    assert {type(error) for error in told} == {Malformed}
    assert {str(error) for error in told} == {NO_SUCH_CODE}
    assert {cast("Malformed", error).where for error in told} == {"code"}
    assert "/interlock link" in NO_SUCH_CODE


async def test_what_is_somebody_elses_stays_so(world: World) -> None:
    await link(world.services, world.person("priya"), await code(world))
    for account in (FRESH, HERS):
        told = await sent(world, "marco", await code(world, account))
        assert isinstance(told, NotOpenToThis)
        assert "ask an administrator" in str(told)
    assert (await by_slack(world, FRESH), await by_slack(world, HERS)) == ("priya", "dana")
    assert await entries(world, "marco") == []


async def test_what_is_hers_by_the_files_stays_as_it_is(world: World) -> None:
    assert await sent(world, "dana", await code(world, HERS)) == {"team": "T0", "user": "U0DANA", "person": "dana"}
    assert await sources(world, HERS) == [("dana", "files")]
    assert await entries(world, "dana") == []


@pytest.mark.parametrize(
    ("who", "broken"),
    [
        (Actor("person", "marco", "oidc:x#marco", Level.CLICK), "weak-authentication"),
        (Actor("bot", "bot", "client:bot-client", Level.STRONG), "not-human"),
        (Actor("target", "desk", "client:desk-client", Level.STRONG), "not-human"),
        (Actor("unlinked", None, "oidc:x#y", Level.STRONG), "unlinked-identity"),
        (Actor("person", "gone", "oidc:x#gone", Level.STRONG), "unlinked-identity"),
    ],
)
async def test_only_a_person_who_has_signed_in_links(world: World, who: Actor, broken: str) -> None:
    await sql(world, "insert into person (id, name, emails, active) values ('gone', 'Gone', '[]', false)")
    text = await code(world)
    with pytest.raises(Forbidden) as refused:
        await link(world.services, who, text)
    assert [violation.invariant for violation in refused.value.violations] == [broken]
    assert await sources(world) == []
    assert isinstance(await sent(world, "marco", text), dict)


async def test_of_many_who_send_it_at_once_one_gets_it(world: World) -> None:
    people = ("ada", "ben", "dana", "marco", "priya", "olivia", "mia", "fiona", "felix", "greta", "ivan", "nora")
    for n in range(5):
        account = SlackAccount("T0RACE", f"U{n}")
        text = await code(world, account)
        told = await asyncio.gather(*(sent(world, who, text) for who in people for _ in range(2)))
        winners = {answer["person"] for answer in told if isinstance(answer, dict)}
        assert len(winners) == 1
        assert sum(isinstance(answer, dict) for answer in told) == 2
        assert {str(answer) for answer in told if isinstance(answer, InterlockError)} == {NO_SUCH_CODE}
        assert await sources(world, account) == [(*winners, "link")]
        move(world, MINUTE)
    linked = [entry for who in people for entry in await entries(world, who)]
    assert sorted(entry["facts"]["sealed"]["user"] for entry in linked) == [f"U{n}" for n in range(5)]


async def test_ten_wrong_codes_a_minute(world: World) -> None:
    text = await code(world)
    told = await asyncio.gather(*(sent(world, "marco", f"{n}") for n in range(25)))
    assert sum(isinstance(error, Malformed) for error in told) == 10
    assert sum(isinstance(error, RateLimited) for error in told) == 15
    refused = await sent(world, "marco", text)
    assert isinstance(refused, RateLimited)
    assert 0 < refused.retry_after <= 60
    assert str(await sent(world, "priya", "nothing")) == NO_SUCH_CODE
    move(world, MINUTE)
    assert isinstance(await sent(world, "marco", "11th"), Malformed)
    assert await sql(world, "select count(*) from link_code where used_by = 'marco'") == [(1,)]
    assert isinstance(await sent(world, "marco", text), dict)


# the ledger


async def test_a_link_is_on_the_ledger_and_nobodys_account_in_clear(world: World) -> None:
    texts = [await code(world), await code(world, SlackAccount("T0WORKSPACE", "U0ANOTHER"))]
    for text in texts:
        await link(world.services, world.person("marco"), text)
    await sent(world, "priya", "not-a-code-of-ours")
    [(pid,)] = await sql(world, "select pid from person where id = 'marco'")
    first, second = [entry["facts"] for entry in await entries(world, "marco")]
    mine = {"by": str(pid), "via": "api", "assurance": "login"}
    identity = world.person("marco").identity
    assert first == mine | {"sealed": {"team": FRESH.team, "user": FRESH.user, "identity": identity}}
    assert second["sealed"]["user"] == "U0ANOTHER"
    secrets = [FRESH.team, FRESH.user, "U0ANOTHER", identity, *texts, *(text.replace("-", "") for text in texts)]
    assert in_clear(needles(secrets, vocabulary=()), await ledger_and_outbox(world.ctx.database)) == []


async def test_without_its_entry_there_is_no_link(world: World) -> None:
    class Broken(Vault):
        async def create(self, session: AsyncSession, kid: str) -> Secret:
            await super().create(session, kid)
            raise LookupError(kid)

    text = await code(world)
    broken = replace(world.services, ctx=replace(world.ctx, vault=Broken(world.rings.wrapping)))
    with pytest.raises(LookupError, match="person:"):
        await link(broken, world.person("marco"), text)
    assert (await sources(world), await entries(world, "marco")) == ([], [])
    assert isinstance(await sent(world, "priya", text), dict)


# installing rules


async def kinds(world: World, people: Iterable[str]) -> list[str]:
    return [entry["kind"] for who in people for entry in await entries(world, who)]


async def test_links_outlive_other_rules_and_do_not_count_as_a_change(world: World, rules_copy: Path) -> None:
    await link(world.services, world.person("marco"), await code(world))
    version = await install(world.ctx, RULES, replace=False, by="ada")
    await change(world, rules_copy, "name: Zoe", "name: Zoe Z", file="people.yaml")
    assert await install(world.ctx, RULES, replace=True, by="ada") == version
    assert (await sources(world), await by_slack(world, FRESH)) == ([("marco", "link")], "marco")
    assert await by_slack(world, HERS) == "dana"
    assert await kinds(world, ["marco"]) == ["identity-linked"]


async def test_who_is_no_longer_in_the_files_keeps_the_link_and_is_nobody(world: World, rules_copy: Path) -> None:
    await link(world.services, world.person("zoe"), await code(world))
    await change(world, rules_copy, "  - {id: zoe, name: Zoe}\n", "", file="people.yaml")
    assert (await sources(world), await by_slack(world, FRESH)) == ([("zoe", "link")], None)
    assert isinstance(await sent(world, "marco", await code(world)), NotOpenToThis)
    await install(world.ctx, RULES, replace=True, by="ada")
    assert await by_slack(world, FRESH) == "zoe"


async def test_files_that_say_the_same_have_it_from_then_on(world: World, rules_copy: Path) -> None:
    text = await code(world)
    await link(world.services, world.person("zoe"), text)
    in_files(rules_copy, "zoe")
    with pytest.raises(Misconfigured, match="--replace"):  # whose account it is stays, what the files say does not
        await install(world.ctx, rules_copy, replace=False, by="ada")
    assert await sources(world) == [("zoe", "link")]
    await install(world.ctx, rules_copy, replace=True, by="ada")
    assert await sources(world) == [("zoe", "files")]
    await install(world.ctx, RULES, replace=True, by="ada")
    assert (await sources(world), await kinds(world, ["zoe"])) == ([], ["identity-linked"])
    assert str(await sent(world, "zoe", text)) == NO_SUCH_CODE, "a used code links nothing again"


async def test_files_that_say_otherwise_win_and_the_loser_is_told(world: World, rules_copy: Path) -> None:
    text = await code(world)
    await link(world.services, world.person("marco"), text)
    in_files(rules_copy, "priya")
    await install(world.ctx, rules_copy, replace=True, by="ada")
    assert (await sources(world), await by_slack(world, FRESH)) == ([("priya", "files")], "priya")
    linked, lost = await entries(world, "marco")
    [(ada,)] = await sql(world, "select pid from person where id = 'ada'")
    assert (linked["kind"], lost["kind"]) == ("identity-linked", "identity-unlinked")
    assert lost["facts"] == {
        "by": str(ada),
        "why": "files",
        "sealed": {"team": FRESH.team, "user": FRESH.user},
    }
    assert await kinds(world, ["priya"]) == []
    wanted = needles([FRESH.team, FRESH.user], vocabulary=())
    assert in_clear(wanted, await ledger_and_outbox(world.ctx.database)) == []
    assert str(await sent(world, "marco", text)) == NO_SUCH_CODE


async def test_nobody_links_while_rules_are_being_installed(world: World) -> None:
    """Else the files could take a link that was made meanwhile, and no entry would say so."""
    text = await code(world)
    waits = "select count(*) from pg_locks where not granted and relation = 'person_identity'::regclass"
    async with world.ctx.database.transaction() as session:
        assert await links.take(session, [("slack", FRESH.team, FRESH.user, "priya")]) == []
        sending = asyncio.create_task(sent(world, "marco", text))
        async for attempt in AsyncRetrying(wait=wait_fixed(0.01), stop=stop_after_delay(30), reraise=True):
            with attempt:
                await session.execute(select(1))  # a session that is idle for long is ended
                assert await sql(world, waits) == [(1,)]
    assert isinstance(await sending, dict)
