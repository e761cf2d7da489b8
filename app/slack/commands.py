"""/interlock: what waits for me, one request, linking my account, and where the rest is done."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from app.domain.errors import Forbidden, NotFound
from app.domain.separation import violation
from app.slack import lists
from app.slack.answers import ephemeral
from app.slack.directory import Directory
from app.slack.home import waiting
from app.slack.interaction import Interaction
from app.slack.pieces import Json, date, plain
from app.slack.text import mrkdwn, utc
from app.use_cases import cards, read
from app.use_cases.actors import Actor
from app.use_cases.links import LinkCode, ask_code
from app.use_cases.services import Services

_PART = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")

HELP = """\
/interlock pending: what waits for your decision
/interlock show ID: one request; its whole id, or the first eight characters and more
/interlock link: link this Slack account to you
/interlock stop BOT and /interlock rollback ID come with a later version; they say what to do until then"""

STOP = (
    "Stopping a bot from Slack comes with a later version. Until then, deny what is held, cancel its other requests "
    "with POST {api}/v1/requests/ID/cancel, and have an administrator take its entitlements out of the rules."
)
ROLLBACK = (
    "Rolling back from Slack comes with a later version. Until then, the bot asks for the action that undoes it, "
    "with POST {api}/v1/requests; GET {api}/v1/catalogue names that action."
)


@dataclass(frozen=True, slots=True)
class Commands:
    """Each answers with a message for the person alone."""

    services: Services
    directory: Directory
    api_url: str

    async def run(self, act: Interaction) -> Json:
        """What the command says. Raises InterlockErrors."""
        word, _, rest = act.value.strip().partition(" ")
        match word.lower():
            case "pending":
                return await self._pending(act)
            case "show":
                return await self._show(act, rest.strip())
            case "link":
                return await self._link(act)
            case "stop":
                return ephemeral(STOP.format(api=self.api_url))
            case "rollback":
                return ephemeral(ROLLBACK.format(api=self.api_url))
        return ephemeral(HELP)

    async def _pending(self, act: Interaction) -> Json:
        who = await self.directory.actor(act.account)
        return lists.pending(*await waiting(self.services, who, lists.MAX_LISTED))

    async def _show(self, act: Interaction, named: str) -> Json:
        who = await self.directory.actor(act.account)
        if who.kind != "person":
            raise _nobody()
        found = await self._found(who, named.lower())
        return ephemeral(found) if isinstance(found, str) else lists.story(await cards.facts(self.services, found))

    async def _found(self, who: Actor, named: str) -> uuid.UUID | str:
        """The id of what was named, or the sentence that says why it is none. Raises NotFound."""
        if not _PART.fullmatch(named):
            return "Name a request: /interlock show ID, with its whole id or its first eight characters or more."
        if len(named) == 36:
            return await self._by_id(who, named)
        found = await self._by_part(who, named)
        if len(found) > 1:
            return "More than one request begins so; write more of the id."
        if not found:
            return "No request that you may see begins so."
        return uuid.UUID(found[0])

    async def _by_id(self, who: Actor, named: str) -> uuid.UUID:
        try:
            request_id = uuid.UUID(named)
        except ValueError:
            raise NotFound("There is no such request.") from None
        await read.read(self.services, who, request_id)
        return request_id

    async def _by_part(self, who: Actor, named: str) -> list[str]:
        """Two at most: more than one is too many."""
        filters = read.Filters(id_begins=named)
        page = await read.listing(self.services, who, filters, cursor=None, limit=2)
        return [shown["id"] for shown in page["items"]]

    async def _link(self, act: Interaction) -> Json:
        account = await self.directory.member(act.account)
        if account is None:
            raise _nobody()
        return _code(await ask_code(self.services, account), self.api_url)


def _nobody() -> Forbidden:
    broken = violation("unlinked-identity")
    return Forbidden(broken.sentence, [broken])


def _code(made: LinkCode, api_url: str) -> Json:
    """The code, and the call that completes it."""
    call = (
        f"curl -X POST {api_url.rstrip('/')}/v1/identity-links"
        ' -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"'
        f""" -d '{{"code": "{made.code}"}}'"""
    )
    said = f"Your code is {made.code}, good once, until {utc(made.expires_at)}."
    how = "Send it with your own access token (POST /v1/identity-links). Show it to nobody: who sends it is then you."
    blocks: list[Json] = [
        {"type": "section", "text": plain(said)},
        {"type": "section", "text": plain(how)},
        {"type": "rich_text", "elements": [_preformatted(call)]},
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": f"Ends {date(made.expires_at)}", "verbatim": True}],
        },
    ]
    return {"text": mrkdwn(f"{said} {how} {call}"), "blocks": blocks}


def _preformatted(text: str) -> Json:
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
