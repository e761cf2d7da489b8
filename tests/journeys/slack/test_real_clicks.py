"""The main job in Slack: real writes, held, decided by clicks and run, while a twentieth of Slack's calls fail.

Half of the 180; all of them with ``FULL_ROUNDS=1``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.db.slack_tables import CardShown
from app.demo.stack import EXAMPLE
from tests.clear_text import histories, in_clear, ledger_and_outbox, needles
from tests.conftest import FIGURE
from tests.fakes.retail import tables
from tests.fakes.retail.once import effects
from tests.journeys.retail.conversations import Call, customers
from tests.journeys.retail.evidence import Ledger, defects, ledger, names, refused, unapproved
from tests.journeys.retail.evidence import rows as requests
from tests.journeys.slack.agreement import disagreements, went_back
from tests.journeys.slack.journey import POLICY, Journey, figures, journey, writing
from tests.races.stopping import rounds

VOCABULARY = [file.read_text() for file in (*EXAMPLE.glob("*.yaml"), POLICY)]
Record = Callable[[str, object], None]


@pytest.fixture(name="made", scope="module")
async def _made() -> AsyncIterator[Journey]:
    """Everything has been decided, run and shown; all parts are still up."""
    async with journey(writing(rounds(2, 1)), rate=20.0, share=0.05, within=300, patience=120) as found:
        yield found


@pytest.fixture(name="entries", scope="module")
async def _entries(made: Journey) -> Ledger:
    return await ledger(made.where.running.database)


def writes(made: Journey) -> list[Call]:
    """All calls, in the order of the file."""
    return [call for talk in made.talks for call in talk.calls]


def denied(made: Journey) -> set[str]:
    """The requests that somebody said no to."""
    return {id_ for id_, said in made.told.decided.items() if said[-1][1] == "deny"}


async def test_every_card_agrees_with_its_request_and_stands_once(made: Journey, record_property: Record) -> None:
    assert disagreements(made.fake, made.rows) == []
    assert went_back(made.fake) == []
    assert {str(one.id) for row in made.rows for one in row.requests} == {call.request_id for call in writes(made)}
    assert made.fake.complaints == []
    kinds = Counter(row.message.kind for row in made.rows)
    assert kinds["card"] > len(writes(made))
    assert kinds.keys() == {"card", "digest"}, "low risk in a burst goes into digests"
    assert {call.outcome for call in made.fake.calls} >= {"429", "500", "timeout after commit"}, "Slack did not fail"
    unanswered = sum(1 for sent in made.fake.sent if sent.status is None)
    assert unanswered <= len(made.fake.sent) / 50, "Slack's three seconds are over too often, even for a busy machine"
    for figure in figures(made):
        record_property(FIGURE, figure)


async def test_nothing_is_lost_and_nothing_is_doubled(made: Journey) -> None:
    calls, said = writes(made), made.said.last
    assert len(calls) >= rounds(80, 180)
    assert said.keys() == {call.request_id for call in calls}
    assert {id_ for id_, shown in said.items() if shown["status"] == "denied"} == denied(made)
    run = {id_: shown["status"] for id_, shown in said.items() if id_ not in denied(made)}
    assert set(run.values()) <= {"succeeded", "failed"}
    async with made.where.shop.database.connect() as conn:
        effect = Counter(str(one["key"]) for one in await effects(conn))
        kept = {row.key: row.status for row in await conn.execute(select(tables.idempotency))}
    assert effect == Counter(id_ for id_, status in run.items() if status == "succeeded")
    assert kept == {id_: 200 if status == "succeeded" else 409 for id_, status in run.items()}


@pytest.mark.aisvs("9.4.2")
@pytest.mark.aisvs("12.4.2")
async def test_the_ledger_says_who_decided_on_what_they_saw(made: Journey, entries: Ledger) -> None:
    assert defects(entries) == []
    stored, who = await requests(made.where.running.database), await names(made.where.running.database)
    for call in writes(made):
        stream = entries[f"request:{call.request_id}"]
        decided = [one.body["facts"] for one in stream if one.body["kind"] == "decided"]
        said = sorted((who[facts["person"]], facts["decision"]) for facts in decided)
        assert said == sorted(made.told.decided[call.request_id]), call
        for facts in decided:
            assert (facts["via"], facts["level"]) == ("slack", "click")
            assert facts["digest"] == stored[call.request_id].digest
            assert facts["card"]
        if call.request_id not in denied(made):
            assert unapproved(stream, who) == [], call
    for request_id, _, invariant in made.told.refused:
        assert invariant in refused(entries[f"request:{request_id}"]), request_id
    tried = {invariant for _, _, invariant in made.told.refused}
    assert tried >= {"unlinked-identity", "not-eligible", "bot-owner", "on-behalf-of"}


async def test_what_was_clicked_on_is_kept_as_it_stood(made: Journey, entries: Ledger) -> None:
    """Every kind of click was made, and each decision names something that was shown of its request."""
    ways = {f"{say} by {way}" for say in ("approve", "deny") for way in ("the card", "Details")}
    assert made.told.counted.keys() >= ways
    async with made.where.running.database.transaction() as session:
        kept = await session.execute(select(CardShown.request_id, CardShown.hash))
    shown = {(str(row.request_id), row.hash) for row in kept}
    for stream, written in entries.items():
        for facts in (one.body["facts"] for one in written if one.body["kind"] == "decided"):
            assert (stream.removeprefix("request:"), facts["card"]) in shown


async def test_no_value_and_no_secret_of_slack_stands_in_clear(made: Journey, record_property: Record) -> None:
    running, sent = made.where.running, [one.payload for one in made.fake.sent]
    wanted = needles(
        [
            *(call.body for call in writes(made)),
            *(talk.known_info for talk in made.talks),
            *({**user["name"], **user["address"], "email": user["email"]} for user in customers(made.talks)),
            *made.told.reasons,
            *(one[name] for one in sent for name in ("response_url", "trigger_id") if name in one),
            *made.said.grants,
            running.slack["signing_secret"],
            made.fake.token,
            made.where.client_secret,
            made.where.bot_token,
        ],
        vocabulary=VOCABULARY,
    )
    control = {"what people did": json.dumps(sent).encode()}
    urls = {one["response_url"] for one in sent if "response_url" in one}
    assert urls <= {hit.value for hit in in_clear(wanted, control)}, "not looked for"
    hays = {
        "histories": await histories(running.temporal),
        "ledger and outbox": await ledger_and_outbox(running.database),
        "logs": running.logs(),
    }
    for place, group in hays.items():
        assert sum(map(len, group.values())) > 2_000, place
        assert in_clear(wanted, group) == [], place
    sizes = ", ".join(f"{place} {sum(map(len, group.values())):,} bytes" for place, group in hays.items())
    record_property(FIGURE, f"{len({needle.value for needle in wanted})} values in clear nowhere in {sizes}")


async def test_the_comparison_finds_what_it_is_for(made: Journey) -> None:
    """The last of this file: a second card, an older state, a button that came back, a reply less."""
    workspace = made.fake.workspace
    row = next(row for row in made.rows if row.message.kind == "card" and row.requests[0].status == "succeeded")
    card = made.fake.message(row.message.channel or "", row.message.ts or "")
    (reply,) = workspace.replies(card.channel, card.ts)
    assert card.versions[0].blocks != card.now.blocks

    workspace.messages.append(replace(card, ts=workspace.ts()))
    assert any("stands 2 times" in one for one in disagreements(made.fake, made.rows))
    workspace.messages.pop()
    reply.deleted = True
    assert any("its replies are []" in one for one in disagreements(made.fake, made.rows))
    reply.deleted = False
    assert disagreements(made.fake, made.rows) == []
    card.versions.append(card.versions[0])
    wrong = disagreements(made.fake, made.rows)
    assert any("and has ['approve', 'deny']" in one for one in wrong)
    assert any("the request has" in one for one in wrong)
    assert went_back(made.fake) != []
    card.deleted = True
    assert any("does not stand" in one for one in disagreements(made.fake, made.rows))
