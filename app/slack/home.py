"""The home tab: what waits for one person, refreshed when they open it and when they have decided."""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import Forbidden, InterlockError
from app.slack import lists
from app.slack.directory import Directory
from app.slack.keeping import Keeping
from app.slack.web import Slack, SlackError
from app.use_cases import cards, read
from app.use_cases.actors import Actor, SlackAccount
from app.use_cases.card_facts import CardFacts
from app.use_cases.reviews import waiting_for
from app.use_cases.services import Services

log = logging.getLogger(__name__)

LISTED = 20
"""Requests that one list shows at most."""
REMEMBERED = 10_000
"""People whose home tab is refreshed after they have decided."""


async def waiting(services: Services, who: Actor, most: int) -> tuple[list[CardFacts], bool]:
    """What this person may decide now, newest first, and whether there is more. Raises Forbidden for nobody's."""
    page: dict[str, Any] = await read.listing(
        services, who, read.Filters(decidable_by_me=True), cursor=None, limit=most
    )
    items = [await cards.facts(services, uuid.UUID(shown["id"])) for shown in page["items"]]
    return items, page["next_cursor"] is not None


@dataclass(frozen=True, slots=True)
class Home:
    """Publishes home tabs."""

    services: Services
    slack: Slack
    directory: Directory
    keeping: Keeping
    _opened: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def opened(self, account: SlackAccount) -> None:
        """Somebody looks at their home tab: bring it up to date, soon."""
        self._opened[account.user] = None
        self._opened.move_to_end(account.user)
        if len(self._opened) > REMEMBERED:
            self._opened.popitem(last=False)
        self.keeping.start(self._publish(account), "a home tab")

    def decided(self, account: SlackAccount) -> None:
        """Somebody has decided: what waits for them is less now."""
        if account.user in self._opened:
            self.keeping.start(self._publish(account), "a home tab")

    async def _publish(self, account: SlackAccount) -> None:
        try:
            view = await self._view(account)
            await self.slack.call("views.publish", user_id=account.user, view=view)
        except (InterlockError, SlackError) as error:
            log.info("slack: a home tab could not be shown: %s", type(error).__name__)

    async def _view(self, account: SlackAccount) -> dict[str, Any]:
        who = await self.directory.actor(account)
        try:
            items, more = await waiting(self.services, who, LISTED)
            reviews = await waiting_for(self.services, who)
        except Forbidden:
            return lists.home([], more=False, linked=False)
        return lists.home(items, more, linked=True, reviews=reviews)
