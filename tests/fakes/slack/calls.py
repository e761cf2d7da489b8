"""Every Web API call: who may call, what it did, how it failed, and the answer."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack.arguments import FORM_ONLY, KNOWN, SlackError, unfolded
from tests.fakes.slack.failing import Kind
from tests.fakes.slack.limits import Limits
from tests.fakes.slack.messages_api import MessagesApi
from tests.fakes.slack.state import Clock, Workspace
from tests.fakes.slack.triggers import Triggers
from tests.fakes.slack.views_api import ViewsApi

Object = dict[str, Any]

_HISTORY = frozenset({"channels:history", "groups:history", "im:history"})
SCOPES: dict[str, frozenset[str]] = {
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "users.info": frozenset({"users:read"}),
    "users.lookupByEmail": frozenset({"users:read.email"}),
    "conversations.open": frozenset({"im:write"}),
    "conversations.history": _HISTORY,
    "conversations.replies": _HISTORY,
}


@dataclass(slots=True)
class Call:
    """One call: its arguments (blocks, metadata and view as JSON values), when it came, and what became of it.

    `outcome` is ``ok``, Slack's error code, or the failure that was injected; `committed` says whether it took effect.
    """

    method: str
    arguments: Object
    at: float
    outcome: str = ""
    committed: bool = False
    answer: Object = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: the body, and the seconds to wait if it is a 429."""

    body: Object
    retry_after: int | None = None


class WebApi:
    """All methods, over one workspace."""

    def __init__(self, workspace: Workspace, limits: Limits, clock: Clock) -> None:
        self._workspace, self._limits, self._clock = workspace, limits, clock
        self.calls: list[Call] = []
        self.complaints: list[str] = []
        self._recorded = asyncio.Event()
        self.scopes = {scope for scopes in SCOPES.values() for scope in scopes} | {"commands", "users:read.email"}
        self.triggers = Triggers(workspace)
        self.messages = MessagesApi(workspace, self.complaints)
        self.views = ViewsApi(workspace, self.triggers, self.scopes)
        self._methods: dict[str, Callable[[Object], Object]] = {
            "auth.test": self.views.auth,
            "chat.postMessage": self.messages.post,
            "chat.update": self.messages.update,
            "chat.postEphemeral": self.messages.ephemeral,
            "conversations.open": self.messages.open,
            "conversations.history": self.messages.history,
            "conversations.replies": self.messages.replies,
            "views.open": self.views.open,
            "views.update": self.views.update,
            "views.publish": self.views.publish,
            "users.info": self.views.info,
            "users.lookupByEmail": self.views.lookup,
        }

    def add(self, method: str, answer: Callable[[Object], Object]) -> None:
        """Adds a method that lives elsewhere."""
        self._methods[method] = answer

    def record(self, method: str, arguments: Object, outcome: str = "") -> Call:
        """Notes a call."""
        call = Call(method, copy.deepcopy(arguments), self._clock.now(), outcome)
        self.calls.append(call)
        self._recorded.set()
        return call

    async def called(self, method: str, times: int = 1) -> list[Call]:
        """Waits until a method was called so often; gives its calls."""
        while len(found := [call for call in self.calls if call.method == method]) < times:
            await self.next_call()
        return found

    async def next_call(self) -> None:
        """Waits until another call was made; it has had its effect then."""
        self._recorded.clear()
        await self._recorded.wait()

    def failed(self, method: str, arguments: Object, kind: Kind) -> Answer:
        """Notes a call that failed before it had any effect."""
        self.record(method, arguments, kind)
        if kind == "429":
            self._limits.refused += 1
        return Answer({"ok": False, "error": "ratelimited"}, retry_after=1)

    def answer(self, method: str, arguments: Object, refused: str | None, kind: Kind | None = None) -> Answer:
        """Does the call and notes it, with the failure that will hide its answer; `refused`: the token's fault."""
        call = self.record(method, arguments)
        try:
            body = self._do(call, refused)
        except _Limited as limited:
            self._limits.refused += 1
            call.outcome = "ratelimited"
            return Answer({"ok": False, "error": "ratelimited"}, limited.seconds)
        except SlackError as error:
            call.outcome = error.code
            body = self._error(method, error)
        else:
            call.outcome, call.committed = kind or "ok", True
        call.answer = body
        return Answer(body)

    def _do(self, call: Call, refused: str | None) -> Object:
        method = call.method
        if method not in self._methods:
            raise SlackError("unknown_method")
        if refused:
            raise SlackError(refused)
        if (needed := SCOPES.get(method)) and not needed & self.scopes:
            raise SlackError("missing_scope")
        call.arguments = arguments = unfolded(call.arguments)
        self._complain(method, arguments)
        if wait := self._limits.wait(method, str(arguments.get("channel"))):
            raise _Limited(wait)
        return {"ok": True, **self._methods[method](copy.deepcopy(arguments))}

    def _complain(self, method: str, arguments: Object) -> None:
        # Bolt's client adds the team to every call within a listener
        if arguments.pop("team_id", self._workspace.team) != self._workspace.team:
            self.complaints.append(f"{method}: another team")
        self.complaints += [f"{method}: argument {name}" for name in sorted(set(arguments) - KNOWN[method])]

    def _error(self, method: str, error: SlackError) -> Object:
        body: Object = {"ok": False, "error": error.code}
        if error.messages:
            body["errors"] = [said.removeprefix("[ERROR] ") for said in error.messages]
            body["response_metadata"] = {"messages": list(error.messages)}
        if error.code == "missing_scope":
            body |= {"needed": ",".join(sorted(SCOPES[method])), "provided": ",".join(sorted(self.scopes))}
        return body

    def complain_of_json(self, method: str) -> None:
        """Notes that a method which reads forms only was sent JSON."""
        if method in FORM_ONLY:
            self.complaints.append(f"{method}: takes no JSON")


class _Limited(Exception):
    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds
