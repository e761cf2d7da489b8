"""The door for Slack: Bolt's listeners, in front of them the guard, behind them what Interlock does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from starlette.routing import BaseRoute, Route

from app.domain.errors import InterlockError
from app.slack import errors, interaction
from app.slack.answers import Answers, ephemeral
from app.slack.clicks import Clicks
from app.slack.commands import Commands
from app.slack.deciding import Deciding
from app.slack.details_modal import Modals
from app.slack.directory import Directory
from app.slack.guard import ODD, Guard
from app.slack.home import Home
from app.slack.interaction import Interaction, NotOfSlacksShape
from app.slack.keeping import Keeping
from app.slack.pieces import Json
from app.slack.responding import Responding
from app.slack.submissions import Submissions
from app.slack.web import Slack
from app.use_cases.services import Services

log = logging.getLogger(__name__)

PATH = "/slack/events"
ANSWER_WITHIN = 2.2
"""Seconds after a call's arrival until we answer it; Slack waits for 3."""
DRAIN_WITHIN = 8.0
"""Seconds that decisions under way have when the process ends."""

_KINDS = frozenset({"block_actions", "view_submission", "view_closed", "shortcut", "message_action", "event_callback"})

_bolt = logging.getLogger("app.slack.bolt")
_bolt.setLevel(logging.CRITICAL + 1)  # Bolt logs whole payloads of what it does not handle; we say so ourselves


class Door:
    """Everything that Slack sends, over HTTP or a socket."""

    def __init__(
        self,
        services: Services,
        slack: Slack,
        *,
        signing_secret: str | None,
        team: Callable[[], str | None],
        api_url: str,
        email_domains: frozenset[str],
        slack_url: str | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connects to nothing yet.

        ``signing_secret``: None where Slack only comes over a socket; ``team``: our team's id, None while Slack has not
        said it; ``api_url``: of Interlock's own API; ``email_domains``: lower case; ``slack_url``: of Slack's Web API,
        if it is not at Slack's own address; ``now``: seconds on a steady clock.
        """
        self._secret = signing_secret or None
        self.keeping = Keeping()
        self._answers = Answers(slack, slack_url)
        directory = Directory(services, slack, team, email_domains, now)
        deciding = Deciding(services, directory, api_url)
        self._home = Home(services, slack, directory, self.keeping)
        modals = Modals(slack, deciding, api_url)
        submissions = Submissions(modals, self._answers, self.keeping)
        self._responding = Responding(services, directory, deciding, modals, submissions, api_url)
        self._commands = Commands(services, directory, self._responding, api_url)
        self._clicks = Clicks(deciding, modals, submissions, self.keeping, self._decided)
        self._api_url = api_url
        self.bolt = self._built()

    def routes(self) -> list[BaseRoute]:
        """What to serve over HTTP; nothing without a signing secret."""
        if self._secret is None:
            return []
        return [Route(PATH, Guard(self._secret, self.dispatch).__call__, methods=["POST"], include_in_schema=False)]

    async def close(self) -> None:
        """Wait for the decisions that go on after their answer, for some 8 s."""
        await self.keeping.drain(DRAIN_WITHIN)
        await self._answers.close()

    async def dispatch(self, request: AsyncBoltRequest) -> BoltResponse:
        """Bolt's answer; 200 also to what nothing here handles, for else Slack sends it three times more."""
        try:
            answer = await self.bolt.async_dispatch(request)
        except ODD:  # Bolt reads the payload once more to hand us its error, and fails over it once more
            log.warning("slack: a payload could not be read")
            return _malformed()
        if answer.status != 404:
            return answer
        kind = request.body.get("type")
        log.info("slack: nothing here handles this: %s", kind if str(kind) in _KINDS else "another kind")
        return BoltResponse(status=200, body="")

    def _built(self) -> AsyncApp:
        app = AsyncApp(
            logger=_bolt,
            name="interlock",
            authorize=_authorize,
            signing_secret=self._secret or "-",
            request_verification_enabled=self._secret is not None,
            process_before_response=True,  # a listener then ends with its answer; what goes on is in our own keeping
        )
        app.error(_refused)
        clicks = self._clicks
        app.action("approve")(_click(clicks.approve))
        app.action("deny")(_click(clicks.deny))
        app.action("details")(_click(clicks.details))
        app.action("next")(_click(lambda act: clicks.turn(act, 1)))
        app.action("back")(_click(lambda act: clicks.turn(act, -1)))
        app.view("approve")(_form(clicks.submit))
        app.view("deny")(_form(clicks.submit))
        app.view("rollback")(_form(self._responding.rollback))
        app.view("stop")(_form(self._responding.stop))
        app.command("/interlock")(self._command_listener())
        app.event("app_home_opened")(self._home_listener())
        return app

    def _decided(self, act: Interaction) -> None:
        self._home.decided(act.account)

    def _home_listener(self) -> Callable[..., Awaitable[None]]:
        async def listener(body: Json) -> None:
            account = interaction.opened_home(body)
            if account is not None:
                self._home.opened(account)

        return listener

    def _command_listener(self) -> Callable[..., Awaitable[None]]:
        async def listener(body: Json, context: AsyncBoltContext, ack: AsyncAck) -> None:
            act = interaction.commanded(body, _deadline(context))
            task = self.keeping.start(self._command(act), "a command")
            await asyncio.wait({task}, timeout=max(0.0, act.deadline - asyncio.get_running_loop().time()))
            if task.done():
                said = task.result()
                await ack("" if said is None else {**said, "response_type": "ephemeral"})
                return
            self.keeping.start(self._answer_later(act, task), "an answer to a command")
            await ack()

        return listener

    async def _command(self, act: Interaction) -> Json | None:
        try:
            return await self._commands.run(act)
        except InterlockError as error:
            return ephemeral(errors.sentence(error, self._api_url))
        except Exception:
            log.exception("slack: unexpected error")
            return ephemeral(errors.OURS)

    async def _answer_later(self, act: Interaction, task: asyncio.Task[Json | None]) -> None:
        said = await task
        if said is not None:
            await self._answers.send(act, said)


def _click(work: Callable[[Interaction], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def listener(body: Json, context: AsyncBoltContext, ack: AsyncAck) -> None:
        await work(interaction.clicked(body, _deadline(context)))
        await ack()

    return listener


def _form(work: Callable[[Interaction], Awaitable[Json | None]]) -> Callable[..., Awaitable[None]]:
    async def listener(body: Json, context: AsyncBoltContext, ack: AsyncAck) -> None:
        answer = await work(interaction.submitted(body, _deadline(context)))
        await ack(answer or "")

    return listener


def _deadline(context: AsyncBoltContext) -> float:
    arrived = context.get("arrived")
    return (arrived if isinstance(arrived, float) else asyncio.get_running_loop().time()) + ANSWER_WITHIN


async def _authorize(team_id: str | None) -> AuthorizeResult:
    """Whoever it is, they are judged later; Bolt itself calls nothing, so it needs no token and no auth.test."""
    return AuthorizeResult(enterprise_id=None, team_id=team_id)


async def _refused(error: Exception) -> BoltResponse:
    """What Slack signed and yet is not of Slack's shape, by our reading or by Bolt's."""
    if not isinstance(error, NotOfSlacksShape):
        log.error("slack: a payload could not be read", exc_info=error)
    return _malformed()


def _malformed() -> BoltResponse:
    return BoltResponse(status=400, body={"error": "this is not a payload that Slack sends"})
