"""What the table's words in angle brackets stand for: requests in every state, tokens, secrets."""

from __future__ import annotations

import base64
import re
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.db.tables import Bot, ClientCredential
from app.domain.digest import sha256
from app.domain.request import Level
from app.identity.secrets import hash_secret
from app.use_cases.actors import SlackAccount
from app.use_cases.governance import install
from app.use_cases.links import WRONG_A_MINUTE, ask_code
from app.use_cases.refusals import PER_MINUTE
from app.use_cases.token import create_credential
from tests.api.conftest import Headers
from tests.hostile.counting import counts
from tests.hostile.live import Live
from tests.hostile.tokens import BAD
from tests.steps.words import id_of, sql

OLD = "update execution_attempt set started_at = started_at - interval '5 minutes' where request_id = :id"
LONG_AGO = "update execution_attempt set finished_at = finished_at - interval '73 hours' where request_id = :id"
YOUNG = "update execution_attempt set started_at = started_at + interval '1 hour' where request_id = :id"
ANOTHER_BOT = """\
  - {id: still-bot, title: A bot that is suspended, use_case: {purpose: T, data: [], review_by: 2030-01-01},
     model: {provider: e, name: c, version: "1"}, entitlements: ["do.moderate"], deployed_by: tom, owners: *owners}
actions:
"""
REMOVED = "  - {id: zoe, name: Zoe}\n"
_WORD = re.compile(rb"<([a-z][a-z, ]*)>")

Shown = dict[str, Any]


@dataclass(slots=True)
class Stage:
    """``words``: what stands for what, the same for all lines; ``secrets``: what no answer and no log may show."""

    api: Live
    words: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    tokens: dict[str, str] = field(default_factory=dict)
    reached: int = 0
    """How many lines got to the application."""
    stored: Counter[str] | None = None
    """What was stored after the last line: should more come later, the next line finds it."""

    def token(self, who: str) -> str | None:
        """The bare token of somebody by their name in the table; None for nobody."""
        if who == "nobody":
            return None
        if who not in self.tokens:
            self.tokens[who] = self._token(who)
            self.secrets.add(self.tokens[who])
        return self.tokens[who]

    def _token(self, who: str) -> str:
        if who.startswith("bad: "):
            return BAD[who.removeprefix("bad: ")][0](self.api.world.rings, self.api.url)
        return self._headers(who)["Authorization"].removeprefix("Bearer ")

    def _headers(self, who: str) -> Headers:
        if who == "suspended":
            return self.api.client("still-bot", client_id=self.words["suspended client"])
        if who in ("bot", "other-bot", "desk"):
            return self.api.client(who, "target" if who == "desk" else "bot")
        name, _, weakly = who.partition(" by ")
        person = {"stranger": "nobody-at-all", "removed": "zoe"}.get(name, name)
        return self.api.person(person, Level.CLICK if weakly else Level.LOGIN)

    async def before(self, text: bytes) -> Counter[str]:
        """What is stored before a line is sent; counted anew where the line has made something of its own."""
        if self.stored is None or b"<fresh" in text:
            self.stored = await counts(self.api.world)
        return self.stored

    async def filled(self, *texts: bytes) -> list[bytes]:
        """The texts with their words replaced; ``<fresh...>`` by what is made now, one for all of them."""
        named = {word.decode() for text in texts for word in _WORD.findall(text)}
        fresh: dict[str, str] = {"key": uuid.uuid4().hex, "thing": uuid.uuid4().hex}
        for name in named & _FRESH.keys():
            shown = await _FRESH[name](self.api)
            fresh |= {name: shown["id"], f"{name} digest": shown["digest"]}
        for name in named & _FRESH_CODES.keys():
            fresh[name] = await _FRESH_CODES[name](self.api)
            self.secrets.add(fresh[name])
        words = self.words | fresh
        return [_WORD.sub(lambda found: words[found[1].decode()].encode(), text) for text in texts]

    def named(self, name: str, shown: Shown) -> None:
        """Let a name stand for a request, and its digest for it."""
        self.words |= {name: shown["id"], f"{name} digest": shown["digest"]}


async def _fresh(api: Live) -> Shown:
    return await api.ask("do.two")


async def _for_mia(api: Live) -> Shown:
    return await api.ask("do.two", on_behalf_of="customer:mia")


async def _second_stage(api: Live) -> Shown:
    shown = await api.ask("do.stages")
    await api.say("dana", shown)
    return shown


async def _refused_often(api: Live) -> Shown:
    """As often as is answered within a minute."""
    shown = await api.ask("do.two")
    body = {"decision": "approve", "digest": shown["digest"]}
    for _ in range(PER_MINUTE):
        answer = await api.http.post(f"/v1/requests/{shown['id']}/decisions", json=body, headers=api.person("felix"))
        assert answer.status_code == 403
    return shown


_FRESH: dict[str, Callable[[Live], Awaitable[Shown]]] = {
    "fresh": _fresh,
    "fresh, for mia": _for_mia,
    "fresh, at its second stage": _second_stage,
    "fresh, refused often": _refused_often,
}


async def code_of(api: Live, account: SlackAccount | None = None) -> str:
    """A code of this Slack account, or of one that nobody has."""
    account = account or SlackAccount("T0HOSTILE", f"U{uuid.uuid4().hex[:12].upper()}")
    return (await ask_code(api.world.services, account)).code


async def _of_dana(api: Live) -> str:
    return await code_of(api, SlackAccount("T0", "U0DANA"))


async def _after_ten_wrong_ones(api: Live) -> str:
    for n in range(WRONG_A_MINUTE):
        said = {"code": f"wrong {n}"}
        answer = await api.http.post("/v1/identity-links", json=said, headers=api.person("greta"))
        assert answer.status_code == 422
    return await code_of(api)


_FRESH_CODES: dict[str, Callable[[Live], Awaitable[str]]] = {
    "fresh code": code_of,
    "fresh code of dana": _of_dana,
    "fresh code, after ten wrong ones of greta": _after_ten_wrong_ones,
}


async def staged(api: Live, rules: Path) -> Stage:
    """Everything that the table speaks of. ``rules``: a copy to change: one bot more, one person less."""
    stage = Stage(api)
    await _rules(api, rules)
    await _credentials(stage)
    await _requests(stage)
    await _unknown(stage)
    await _undone(stage)
    await _codes(stage)
    return stage


async def _rules(api: Live, rules: Path) -> None:
    for file, old, new in (("desk.yaml", "actions:\n", ANOTHER_BOT), ("people.yaml", REMOVED, "")):
        source = (rules / file).read_text()
        assert old in source
        (rules / file).write_text(source.replace(old, new, 1))
    await install(api.world.ctx, rules, replace=True, by="ada")


async def _credentials(stage: Stage) -> None:
    """Good ones of a bot and a target; of a suspended bot, of one that is in no rules, and one that was taken back."""
    ctx, now = stage.api.world.ctx, datetime.now(UTC)
    client, secret = await create_credential(ctx, "bot", "bot", "ada")
    still, still_secret = await create_credential(ctx, "bot", "still-bot", "ada")
    async with ctx.database.transaction() as session:
        session.add(_credential("gone", "bot", now))
        session.add(_credential("unknown", "no-bot", now))
        session.add(_credential("desk", "desk", now, "target"))
        bot = await session.get(Bot, "still-bot")
        assert bot is not None
        bot.suspended_at = now
    basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
    stage.words |= {"client": client, "secret": secret, "basic": f"Basic {basic}", "gone secret": "ilk_gone"}
    stage.words |= {"suspended client": still, "suspended secret": still_secret}
    stage.words |= {"unknown client": "unknown-client", "unknown secret": "ilk_unknown"}
    stage.secrets |= {secret, still_secret, basic, "ilk_gone", "ilk_unknown", "ilk_desk"}


def _credential(name: str, holder: str, now: datetime, kind: str = "bot") -> ClientCredential:
    return ClientCredential(
        client_id=f"{name}-client",
        holder_kind=kind,
        holder_id=holder,
        secret_hash=hash_secret(f"ilk_{name}"),
        made_by="ada",
        created_at=now,
        revoked_at=now if name == "gone" else None,
    )


async def _requests(stage: Stage) -> None:
    api = stage.api
    held = await api.ask("do.two")
    stage.named("held", held)
    digest: str = held["digest"]
    stage.words |= {
        "digest": digest,
        "digest in capitals": digest.upper(),
        "digest cut": digest[:-1],
        "parameters digest": sha256(held["parameters"]),
        "absent": str(uuid.uuid4()),
        "used": "used-before",
        "token": stage.token("bot") or "",
        "dana": stage.token("dana") or "",
    }
    stage.words["smuggled length"] = str(len(f'{{"decision":"approve","digest":"{digest}"}}'))
    await _use_the_key(api, held)
    stage.named("executing", await api.ask("look.up"))
    stage.named("foreign", await api.ask(bot="other-bot"))
    stage.named("denied", await api.ask(parameters={"thing": "t", "mode": "deny"}))
    cancelled, abstained = [await api.ask("do.two") for _ in range(2)]
    await api.say("ivan", cancelled, "cancel")
    await api.say("dana", abstained, decision="abstain")
    for name, shown in (("cancelled", cancelled), ("abstained", abstained)):
        stage.named(name, shown)


async def _use_the_key(api: Live, held: Shown) -> None:
    key = {"Idempotency-Key": "used-before"}
    body = {"action": "do.moderate", "parameters": {"thing": "first"}, "on_behalf_of": "customer:carl"}
    assert (await api.http.post("/v1/requests", json=body, headers=api.client() | key)).status_code == 201
    said = {"decision": "abstain", "digest": held["digest"]}
    url = f"/v1/requests/{held['id']}/decisions"
    assert (await api.http.post(url, json=said, headers=api.person("marco") | key)).status_code == 200


async def _unknown(stage: Stage) -> None:
    """Requests of which nobody knows what came: one that may be settled, one too young, one that ivan has settled."""
    for name, action, age in (
        ("unknown", "do.once", OLD),
        ("young", "do.once", YOUNG),
        ("half settled", "do.grave", OLD),
    ):
        shown = await unknown(stage.api, action)
        await sql(stage.api.world, age, id=id_of(shown))
        stage.named(name, shown)
        if name == "half settled":
            await stage.api.say("ivan", shown, "settle", status="succeeded", reason="seen")


async def _undone(stage: Stage) -> None:
    """What has been done, and ivan asks to undo; what was done too long ago; what ada asks to let go on again."""
    api, key = stage.api, {"Idempotency-Key": "used-before"}
    for name in ("succeeded", "long ago"):
        shown = await api.ask("do.high")
        await api.say("dana", shown)
        stage.named(name, await api.world.until(shown, "succeeded"))
    await sql(api.world, LONG_AGO, id=uuid.UUID(stage.words["long ago"]))
    asked = {
        f"/v1/requests/{stage.words['succeeded']}/rollbacks": ("ivan", "wrong"),
        "/v1/bots/still-bot/resume": ("ada", "mended"),
    }
    for url, (who, reason) in asked.items():
        answer = await api.http.post(url, json={"reason": reason}, headers=api.person(who) | key)
        assert answer.status_code == 201, answer.text


async def _codes(stage: Stage) -> None:
    """Codes of Slack accounts: one that nobody has sent, one that was replaced, and one that sam has used."""
    api, account = stage.api, SlackAccount("T0HOSTILE", "U0AGAIN")
    unsent, used, replaced = await code_of(api), await code_of(api), await code_of(api, account)
    newer = await code_of(api, account)
    answer = await api.http.post("/v1/identity-links", json={"code": used}, headers=api.person("sam"))
    assert answer.status_code == 200
    stage.words |= {"code": unsent, "code cut": unsent[:-1], "used code": used, "replaced code": replaced}
    stage.secrets |= {unsent, used, replaced, newer}


async def unknown(api: Live, action: str) -> Shown:
    """A request whose target answered with an error: it may have happened."""
    thing = uuid.uuid4().hex
    api.world.desk.script(thing, 500)
    shown = await api.ask(action, parameters={"thing": thing})
    await api.say("dana", shown)
    return await api.world.until(shown, "unknown")
