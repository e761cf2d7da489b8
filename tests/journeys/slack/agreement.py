"""Whether every message in Slack shows its requests as they are now, each once; and how long that took."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import select, text
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db.session import Database
from app.db.slack_tables import SlackItem, SlackMessage
from app.db.tables import Request
from app.slack.words import STATUS
from tests.fakes.slack.failing import KINDS
from tests.fakes.slack.server import SlackFake
from tests.fakes.slack.state import Message
from tests.journeys.slack.board import DECIDES, REPLY, SHOWS, actions, kind, payload, shown_by
from tests.slack.seen import strings

OVER = frozenset({"denied", "expired", "cancelled", "revoked", "lapsed", "succeeded", "failed"})
ON_ITS_WAY = ("begun", "paused-", "resumed-")
"""How replies are called that tell of an incident's rollback while it runs."""


@dataclass(frozen=True, slots=True)
class Row:
    """A message as our tables know it, and its requests as they are now."""

    message: SlackMessage
    requests: tuple[Request, ...]


async def behind(database: Database) -> int:
    """How much is not shown yet: marked requests, and messages."""
    late = select(SlackMessage.id).where(SlackMessage.wanted > SlackMessage.shown)
    marked = text("select request_id from outbox where sink = 'slack' and version > told_version")
    async with database.transaction() as session:
        return sum([len((await session.execute(query)).all()) for query in (late, marked)])


async def settled(database: Database, within: float) -> None:
    """Wait until everything is shown that was marked. Raises AssertionError after ``within`` seconds."""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(within), reraise=True):
        with attempt:
            late = await behind(database)
            assert late == 0, f"{late} marks and messages are behind"


async def rows(database: Database) -> list[Row]:
    """Every message of our tables."""
    async with database.transaction() as session:
        messages = (await session.scalars(select(SlackMessage))).all()
        requests = {row.id: row for row in await session.scalars(select(Request))}
        shows: dict[object, list[Request]] = defaultdict(list)
        for item in await session.scalars(select(SlackItem)):
            shows[item.message_id].append(requests[item.request_id])
    return [Row(message, tuple(shows[message.id])) for message in messages]


def disagreements(fake: SlackFake, found: list[Row]) -> list[str]:
    """What is wrong with what stands in Slack, compared with our tables; empty when all is well."""
    wrong = [*_lost_or_doubled(fake, found)]
    posted = {(one.channel, one.ts): one for one in fake.workspace.posted()}
    for row in found:
        message = posted.get((row.message.channel or "", row.message.ts or ""))
        if message is None:
            wrong.append(f"{row.message.kind} {row.message.id} in {row.message.place} does not stand")
            continue
        wrong += [f"{row.message.kind} {row.message.id}: {what}" for what in _differences(fake, row, message)]
    return wrong


def _lost_or_doubled(fake: SlackFake, found: list[Row]) -> Iterator[str]:
    """Each request stands once in each place where our tables have it, and nowhere else."""
    expected = Counter((row.message.channel or "", str(one.id)) for row in found for one in row.requests)
    shown = [one for one in fake.workspace.posted() if kind(one) in SHOWS]
    seen = Counter((one.channel, request_id) for one in shown for request_id in shown_by(one))
    for channel, request_id in sorted(seen.keys() | expected.keys(), key=str):
        if seen[channel, request_id] != 1 or expected[channel, request_id] != 1:
            yield (
                f"request {request_id} stands {seen[channel, request_id]} times in {channel},"
                f" and {expected[channel, request_id]} times in our tables"
            )
    if len(shown) != len(found):
        yield f"{len(shown)} messages stand, {len(found)} are in our tables"


def _differences(fake: SlackFake, row: Row, message: Message) -> Iterator[str]:
    if row.message.sending is not None or row.message.shown != row.message.wanted:
        yield f"not done: {row.message.sending}, shows {row.message.shown} of {row.message.wanted}"
    buttons = actions(fake, message)
    for one in row.requests:
        ours = {action for action, value in buttons if str(one.id) in value}
        if one.status != "held" and ours & DECIDES:
            yield f"request {one.id} is {one.status} and has {sorted(ours & DECIDES)}"
    if kind(message) == "interlock_digest":
        yield from _of_digest(row, message, buttons)
    else:
        yield from _of_card(fake, row.requests[0], message)


def _of_digest(row: Row, message: Message, buttons: list[tuple[str, str]]) -> Iterator[str]:
    ids, told = [str(one.id) for one in row.requests], " ".join(strings(message.blocks))
    if sorted(shown_by(message)) != sorted(ids):
        yield "it shows other requests than our tables say"
    for status, times in Counter(_word(one.status) for one in row.requests).items():
        if told.count(f"· {status}") != times:
            yield f"{status} stands there {told.count(f'· {status}')} times, not {times}"
    held = {str(one.id) for one in row.requests if one.status == "held"}
    if {id_ for id_ in ids if any(id_ in value for _, value in buttons)} != held:
        yield "its buttons are not those of what is held"


def _of_card(fake: SlackFake, request: Request, message: Message) -> Iterator[str]:
    if payload(message)["version"] != request.version:
        yield f"version {payload(message)['version']}, the request has {request.version}"
    if request.status != "held" and not message.text.startswith(f"{_word(request.status)}: "):
        yield f"the request is {request.status}, it says {message.text}"
    thread = fake.workspace.replies(message.channel, message.thread_ts or message.ts)
    replies = [payload(one)["what"] for one in thread if kind(one) == REPLY]
    replies = [what for what in replies if not what.startswith(ON_ITS_WAY)]
    if replies != ([request.status] if request.status in OVER else []):
        yield f"the request is {request.status}, its replies are {replies}"


def _word(status: str) -> str:
    return STATUS[status].partition(":")[0]


def lateness(fake: SlackFake, found: list[Row]) -> list[float]:
    """For every request: seconds from its last change until the last of its messages agreed with it."""
    posted = {(one.channel, one.ts): one for one in fake.workspace.posted()}
    late: dict[str, float] = defaultdict(float)
    for row in found:
        message = posted[row.message.channel or "", row.message.ts or ""]
        for one in row.requests:
            seconds = _agreed(message, one) - one.updated_at.timestamp()
            late[str(one.id)] = max(late[str(one.id)], seconds)
    return list(late.values())


def _agreed(message: Message, request: Request) -> float:
    """When a message began to show a request as it is: the first of its versions that is no older."""
    if kind(message) == "interlock_digest":
        later = [one.at for one in message.versions if one.at >= request.updated_at.timestamp()]
        return later[0] if later else message.now.at
    versions = [(one.at, (one.metadata or {})["event_payload"]["version"]) for one in message.versions]
    return next(at for at, version in versions if version >= request.version)


def went_back(fake: SlackFake) -> list[str]:
    """Cards on which an older version of a request ever stood over a newer one."""
    found = []
    for message in (one for one in fake.workspace.messages if kind(one) == "interlock_request"):
        versions = [(one.metadata or {})["event_payload"]["version"] for one in message.versions]
        found += [f"{message.ts}: {before} then {after}" for before, after in pairwise(versions) if after < before]
    return found


def by_outcome(fake: SlackFake) -> tuple[Counter[str], int, Counter[str]]:
    """By method: calls that Slack got, and those that came too fast for it (429); between, how many failed on purpose.

    Answers by a response URL are no calls.
    """
    calls = [call for call in fake.calls if call.method != "response_url"]
    failed = sum(1 for call in calls if call.outcome in KINDS)
    limited = Counter(call.method for call in calls if call.outcome == "ratelimited")
    return Counter(call.method for call in calls), failed, limited
