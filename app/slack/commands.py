"""/interlock: what waits for me, one request, undoing it, stopping a bot, linking my account."""

from __future__ import annotations

from dataclasses import dataclass

from app.slack import lists, naming
from app.slack.answers import ephemeral
from app.slack.directory import Directory
from app.slack.errors import nobody
from app.slack.home import waiting
from app.slack.interaction import Interaction
from app.slack.pieces import Json, date, plain
from app.slack.responding import Responding
from app.slack.text import mrkdwn, utc
from app.use_cases import cards
from app.use_cases.links import LinkCode, ask_code
from app.use_cases.reviews import waiting_for
from app.use_cases.services import Services

HELP = """\
/interlock pending: what waits for your decision, and the reviews that you are asked for
/interlock show ID: one request and its story; its whole id, or the first eight characters and more
/interlock rollback ID: ask that it be undone; others sign that off first (responders)
/interlock incident: how many requests are undone by one
/interlock stop BOT, or /interlock stop all: nothing of it starts any more (responders, security seats)
/interlock link: link this Slack account to you"""


INCIDENT = """\
An incident is about what some bots did in a span of time. Responders open one, see what each request came to and \
whether it can be undone, and ask to undo all that can, or some: one request, which others sign once. Its card \
comes to those who sign; its thread tells how far it is.
Open one over the web API: POST {api_url}/v1/incidents, {{"title", "bots", "actions", "from", "to"}}; then POST \
.../rollbacks, .../pause, .../resume and .../close.
To stop the bot at once: /interlock stop BOT"""


@dataclass(frozen=True, slots=True)
class Commands:
    """Each answers with a message for the person alone."""

    services: Services
    directory: Directory
    responding: Responding
    api_url: str

    async def run(self, act: Interaction) -> Json | None:
        """What the command says; None where it has opened a form instead. Raises InterlockErrors."""
        word, _, rest = act.value.strip().partition(" ")
        match word.lower():
            case "pending":
                return await self._pending(act)
            case "show":
                return await self._show(act, rest.strip())
            case "link":
                return await self._link(act)
            case "stop":
                return await self.responding.ask_stop(act, rest.strip())
            case "rollback":
                return await self.responding.ask_rollback(act, rest.strip())
        told = INCIDENT.format(api_url=self.api_url.rstrip("/")) if word.lower() == "incident" else HELP
        return ephemeral(told)

    async def _pending(self, act: Interaction) -> Json:
        who = await self.directory.actor(act.account)
        items, more = await waiting(self.services, who, lists.MAX_LISTED)
        return lists.pending(items, more, await waiting_for(self.services, who))

    async def _show(self, act: Interaction, named: str) -> Json:
        who = await self.directory.actor(act.account)
        if who.kind != "person":
            raise nobody()
        found = await naming.found(self.services, who, "show", named)
        return ephemeral(found) if isinstance(found, str) else lists.story(await cards.facts(self.services, found))

    async def _link(self, act: Interaction) -> Json:
        account = await self.directory.member(act.account)
        if account is None:
            raise nobody()
        return _code(await ask_code(self.services, account), self.api_url)


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
