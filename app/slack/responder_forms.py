"""Modals of responders: ask for a rollback, stop a bot or all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.errors import Malformed
from app.slack import sections
from app.slack.forms import typed
from app.slack.parameters import printed, telling
from app.slack.pieces import (
    Block,
    Bullets,
    Field,
    Json,
    Line,
    Prose,
    Run,
    Verbatim,
    as_json,
    bold,
    labelled,
    line,
    plain,
)
from app.slack.text import one_line
from app.slack.values import MAX_METADATA, Click, Origin, metadata, metadata_of, origin_in, packed, parsed
from app.slack.words import STATUS, name, titled
from app.use_cases.card_facts import CardFacts, StopFacts, UndoFacts

_SIGNED_FIRST = "Nothing runs before others have signed it off; you cannot sign it yourself."
_STOPPING = (
    "No action that is not running yet starts any more, from the moment that this is recorded.",
    "What is held or approved by then is revoked: it never runs, also not after the bot may go on.",
    "What has started cannot be called back; the answer names it.",
    "Rollbacks and changes of Interlock itself go on.",
    "To let it go on takes a sign-off by a security seat or an administrator.",
)
_TOLD = 1_000


@dataclass(frozen=True, slots=True)
class RollbackState:
    """What a submitted `rollback_form` says. ``seen``: stands for what it showed, as `seen` makes it."""

    click: Click
    seen: str
    reason: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class StopState:
    """What a submitted `stop_form` says. ``bot``: None for all; ``epoch``: how often it had been stopped before."""

    bot: str | None
    epoch: int
    reason: str
    origin: Origin


def rollback_form(facts: CardFacts, undo: UndoFacts, origin: Origin) -> Json:
    """The modal that asks why a request is to be rolled back; it says with what."""
    why = "Why is it to be undone? Who signs it off reads this, and it is kept."
    return {
        "type": "modal",
        "callback_id": "rollback",
        "title": plain("Ask for a rollback"),
        "submit": plain("Ask for it"),
        "close": plain("Back"),
        "private_metadata": metadata(Click(facts.request_id, facts.digest, None), origin, seen=seen(facts, undo)),
        "blocks": as_json((*_original(facts), *_undo(undo), Field("reason", "Reason", why)), None),
    }


def seen(facts: CardFacts, undo: UndoFacts) -> str:
    """Stands for what matters of what `rollback_form` shows: what came of the request, and what would run."""
    words = [facts.request_id, facts.status, undo.title, undo.action, printed(undo.parameters)]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:32]


def _original(facts: CardFacts) -> Iterator[Block]:
    ran = facts.execution
    ended = () if ran is None or ran.finished_at is None else (", ", ran.finished_at)
    outcome = STATUS.get(facts.status, one_line(facts.status))
    yield Prose(
        (
            line(bold(titled(facts))),
            labelled("Request", Run(name(facts.request_id), code=True)),
            *sections.askers(facts, sections.ROOMY),
            labelled("Outcome", outcome, *ended),
        )
    )
    yield from sections.behalf(facts, sections.ROOMY)
    yield from _told("Parameters", " (every text in them is the bot's)", telling(facts.parameters, _TOLD))


def _undo(undo: UndoFacts) -> Iterator[Block]:
    until = [] if undo.until is None else [labelled("May be asked for until", undo.until)]
    action = labelled("It would be undone with", name(undo.title), " (", Run(name(undo.action), code=True), ")")
    yield Prose((action, *until, *(line(bold(warning)) for warning in undo.warnings), line(_SIGNED_FIRST)))
    yield from _told("What would run", "", telling(undo.parameters, _TOLD))


def _told(label: str, note: str, text: str) -> Iterator[Block]:
    yield Prose((line(bold(label), note), Verbatim(text)) if text else (labelled(label, "none"),))


def rollback_state(view: Json) -> RollbackState:
    """What a submitted `rollback_form` says. Raises Malformed for any other view."""
    if view.get("callback_id") != "rollback":
        raise Malformed("This is not a form of Interlock; open it again.")
    click, origin, more = metadata_of(view, "seen")
    if not isinstance(more["seen"], str):
        raise Malformed("This is not a form of Interlock; open it again.")
    return RollbackState(click, more["seen"], typed(view), origin)


def stop_form(stop: StopFacts, origin: Origin) -> Json:
    """The modal that asks why a bot, or all of them, must stop; it says what that does."""
    kept = {"bot": stop.bot, "epoch": stop.epoch, "channel": origin.channel, "ts": origin.ts}
    why = "Why must it stop? It is kept, and people read it on every request that this revokes."
    return {
        "type": "modal",
        "callback_id": "stop",
        "title": plain("Stop a bot" if stop.bot is not None else "Stop all bots"),
        "submit": plain("Stop" if stop.bot is not None else "Stop all"),
        "close": plain("Back"),
        "private_metadata": packed(kept),
        "blocks": as_json((_stops(stop), Field("reason", "Reason", why)), None),
    }


def _stops(stop: StopFacts) -> Prose:
    running = len({one.request_id for one in stop.running})
    said = f"{stop.waiting:,} held or approved, to be revoked; {running:,} started"
    return Prose(
        (
            line(bold(f"Stop {whom(stop)}")),
            *_stopped_already(stop),
            labelled("Open requests", f"{stop.waiting + running:,}: {said}"),
            Bullets(tuple(line(said) for said in _STOPPING)),
        )
    )


def _stopped_already(stop: StopFacts) -> Iterator[Line]:
    if stop.since is not None:
        yield labelled("Stopped already since", stop.since)
        yield line("Stopping it again makes void what was asked for meanwhile to let it go on.")
    if stop.reason:
        yield labelled("Why it was stopped, in a person's words", *sections.runs(stop.reason, _TOLD))


def whom(stop: StopFacts) -> str:
    """What would be stopped, by title and id."""
    return "all bots" if stop.bot is None else f"{name(stop.title)} ({name(stop.bot)})"


def stop_state(view: Json) -> StopState:
    """What a submitted `stop_form` says. Raises Malformed for any other view."""
    if view.get("callback_id") != "stop":
        raise Malformed("This is not a form of Interlock; open it again.")
    data = parsed(view.get("private_metadata"), MAX_METADATA, {"bot", "epoch", "channel", "ts"})
    bot, epoch = data["bot"], data["epoch"]
    if not (bot is None or isinstance(bot, str)) or not isinstance(epoch, int) or isinstance(epoch, bool):
        raise Malformed("This is not a form of Interlock; open it again.")
    return StopState(bot, epoch, typed(view), origin_in(data))
