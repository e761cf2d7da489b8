"""A decision that was made in Slack: who made it, the core's word on it, and what of that is said."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from app.domain.errors import Forbidden, InterlockError, NotFound
from app.domain.request import Level, word
from app.domain.separation import violation
from app.slack import errors
from app.slack.directory import Directory
from app.slack.values import Click
from app.use_cases import cards
from app.use_cases.actors import SlackAccount
from app.use_cases.card_facts import CardFacts
from app.use_cases.decide import decide
from app.use_cases.services import Services

log = logging.getLogger(__name__)

RECORDING = "Recording your decision…"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person is told. ``done``: what they wanted is done; ``rows``: what is listed under the sentence."""

    title: str
    sentence: str
    done: bool = False
    rows: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it as one text."""
        return "\n".join((self.sentence, *(f"- {row}" for row in self.rows)))


SILENT = Said("", "", done=True)
"""Nothing is said: the person sees it happen."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A decision as somebody wants it. ``at``: Slack's name for the one act, which its replay has again."""

    account: SlackAccount
    click: Click
    decision: str
    reason: str | None
    at: str

    @property
    def key(self) -> str:
        """The idempotency key.

        A click is named by its action_ts: the same signed request sent again has it again and counts once, and a second
        genuine click has another. A form is named by its view and the view's hash; both stay when a person sends it
        anew after an answer that never came, so that counts once as well. What they have written is in the name too:
        should they change that meanwhile, it is another attempt, and not refused for other words under an old name.
        What was refused ends the form (a notice takes its place), so the next attempt comes from a new one.
        """
        words = "" if self.reason is None else "-" + hashlib.sha256(self.reason.encode()).hexdigest()[:16]
        return f"slack:{self.account.team}:{self.at}{words}"


class Deciding:
    """Hands wishes to the core, and puts its word into a sentence."""

    def __init__(self, services: Services, directory: Directory, api_url: str) -> None:
        """``api_url``: where what Slack cannot do is done."""
        self._services, self._directory, self._api_url = services, directory, api_url

    async def decide(self, wish: Wish) -> Said:
        """Decide. Durable when it returns, or told why not; never raises for what the core refuses."""
        return await self.safely(self._decide(wish), wish.click.request_id)

    async def _decide(self, wish: Wish) -> Said:
        who = await self._directory.actor(wish.account)
        shown = await decide(
            self._services,
            who,
            uuid.UUID(wish.click.request_id),
            decision=wish.decision,
            reason=wish.reason,
            digest=wish.click.digest,
            key=wish.key,
            card=wish.click.card,
        )
        return Said("Recorded", _stands(wish.decision, shown), done=True)

    async def safely(self, work: Coroutine[Any, Any, Said], request_id: str | None = None) -> Said:
        """What the work says, or the sentence for what stopped it."""
        try:
            return await work
        except InterlockError as error:
            return Said("Not done", errors.sentence(error, self._api_url, request_id))
        except Exception:
            log.exception("slack: unexpected error")
            return Said("Not done", errors.OURS)

    def require_ours(self, account: SlackAccount) -> None:
        """Raise Forbidden for an account of another team: it is shown nothing of a request. Unavailable: not known."""
        if not self._directory.ours(account):
            broken = violation("unlinked-identity")
            raise Forbidden(broken.sentence, [broken])

    async def facts(self, click: Click) -> CardFacts:
        """What the request says now. Raises NotFound."""
        return await cards.facts(self._services, uuid.UUID(click.request_id))

    async def wants_reason(self, wish: Wish) -> CardFacts | None:
        """The facts for a form, if approving needs one; None where it is refused anyway: `decide` tells why."""
        if not self._directory.ours(wish.account):
            return None
        try:
            facts = await self.facts(wish.click)
        except NotFound:
            return None
        stage = facts.open_stage
        asks = stage is not None and stage.reason_required and stage.level == word(Level.CLICK)
        return facts if asks else None

    async def show(self, click: Click, content: Any) -> str:
        """Keep what is about to be shown; its hash."""
        return await cards.show(self._services, uuid.UUID(click.request_id), content)


def _stands(decision: str, shown: dict[str, Any]) -> str:
    """What stands after a decision."""
    if decision == "deny":
        done = "it never runs" if shown["status"] == "denied" else f"the request is {shown['status']}"
        return f"Denied: {done}."
    stages = (shown["plan"] or {"stages": []})["stages"]
    open_stage = next((stage for stage in stages if stage["status"] == "open"), None)
    if shown["status"] != "held" or open_stage is None:
        return f"Approved. It has all its approvals; the request is {shown['status']} now."
    return (
        f"Approved. {open_stage['approvals']} of {open_stage['quorum']} approvals on stage {open_stage['name']};"
        " it waits for more."
    )
