"""Well-formed calls that the state of things forbids: by whom, of what, when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.cases import (
    ASK,
    ATTEST,
    AWAY,
    BREAK,
    CANCEL,
    CHANGE,
    DECIDE,
    GRANT,
    INCIDENT,
    JSON,
    KEY,
    LINK,
    ON_INCIDENT,
    OUTCOME,
    REDEEM,
    RESUME,
    RESUME_ALL,
    ROLLBACK,
    SETTLE,
    STOPS,
    SUSPEND,
    SUSPEND_ALL,
    Hostile,
    Route,
    encoded,
)

FORBIDDEN: dict[str, Any] = {"status": 403, "problem": "forbidden"}
VIOLATES: dict[str, Any] = {"status": 403, "problem": "violations", "says": ""}
CONFLICT: dict[str, Any] = {"status": 409, "more": {"standing": None}}


def on(route: Route, name: str, **fields: Any) -> dict[str, Any]:
    """A good call of a route, on another request than the one that it is made for."""
    target = f"/v1/requests/<{name}>/{route.target.rpartition('/')[2]}"
    return route.sent(route.changed(**fields).replace(b"<digest>", f"<{name} digest>".encode()), target=target)


def _refused() -> Iterator[Hostile]:
    """Who may see it and not do it: on the ledger, each on a request of its own."""
    for who in ("felix", "bot", "stranger", "removed", "olivia", "tom"):
        yield Hostile(f"decide by {who}: not theirs", **VIOLATES, **on(DECIDE, "fresh"), who=who, stored="the refusal")
    weakly = on(DECIDE, "fresh, at its second stage", reason="seen")
    yield Hostile("decide by fiona, by click", **VIOLATES, **weakly, who="fiona by click", stored="the refusal")
    yield Hostile(
        "decide by mia, for whom it is", **VIOLATES, **on(DECIDE, "fresh, for mia"), who="mia", stored="the refusal"
    )
    with_key = on(DECIDE, "fresh") | {"headers": (JSON, KEY)}
    yield Hostile("decide by felix, with a key", **VIOLATES, **with_key, who="felix", stored="the refusal and its key")
    yield Hostile("cancel by dana", says="cancel", **FORBIDDEN, **on(CANCEL, "fresh"), who="dana", stored="the refusal")
    yield Hostile(
        "grant by olivia", says="grant", **FORBIDDEN, **on(GRANT, "fresh"), who="olivia", stored="the refusal"
    )
    yield Hostile(
        "outcome by olivia", says="report", **FORBIDDEN, **on(OUTCOME, "fresh"), who="olivia", stored="the refusal"
    )
    yield Hostile("settle by dana", says="settle", **FORBIDDEN, **on(SETTLE, "fresh"), who="dana", stored="the refusal")
    yield Hostile(
        "break the glass by dana", says="glass", **FORBIDDEN, **on(BREAK, "fresh"), who="dana", stored="the refusal"
    )
    yield Hostile(
        "break the glass by ivan, signed in too long ago",
        **VIOLATES,
        **on(BREAK, "fresh"),
        who="ivan",
        stored="the refusal",
    )
    yield Hostile("break the glass by bot", **VIOLATES, **on(BREAK, "fresh"), who="bot")
    yield Hostile("attest by bot", **VIOLATES, **ATTEST.sent(encoded(ATTEST.good)), who="bot")
    lost = ATTEST.sent(encoded(ATTEST.good))
    yield Hostile("attest by eve: no such review", 404, "not-found", "no such review", **lost, who="eve")
    unfit = ATTEST.sent(ATTEST.changed(finding="fine"))
    yield Hostile("attest by eve: a finding that is none", 422, "malformed", "finding", **unfit, who="eve")
    yield Hostile("settle by bot", **VIOLATES, **on(SETTLE, "fresh"), who="bot")
    yield Hostile(
        "decide by felix, too often",
        429,
        "rate-limited",
        "too often",
        **on(DECIDE, "fresh, refused often"),
        who="felix",
        stored="one more refusal counted",
    )


NO_IDS = {
    "empty": "",
    "with a blank": "a b",
    "beyond ASCII": "\u00fc",
    "a line feed after it": "a\n",
    "256 long": "x" * 256,
}
PROOFS = {"a word": (b"null",), "empty": (b"",), "two": (b"a.b.c", b"a.b.c"), "30,000 long": (b"a" * 30_000,)}


def _grants() -> Iterator[Hostile]:
    """Who may not redeem at all; what no redemption is called; what is no proof of a key."""
    for who in ("bot", "dana", "ada", "stranger", "removed"):
        yield Hostile(f"redeem by {who}", says="target", **FORBIDDEN, **REDEEM.sent(encoded(REDEEM.good)), who=who)
    malformed: dict[str, Any] = {"status": 422, "problem": "malformed"}
    for name, id_ in NO_IDS.items():
        sent = REDEEM.sent(REDEEM.changed(redemption_id=id_), who="desk")
        yield Hostile(f"redeem by desk: an id {name}", says="redemption_id", **malformed, **sent)
    for route, key in ((ASK, (KEY,)), (GRANT, ())):
        for name, proofs in PROOFS.items():
            headers = (JSON, *key, *((b"DPoP", proof) for proof in proofs))
            sent = route.sent(encoded(route.good), headers=headers, who="bot")
            yield Hostile(f"{route.name} by bot: a proof: {name}", says="DPoP", **malformed, **sent)


DIGESTS = {
    "none of ours": "sha256:" + "0" * 64,
    "empty": "",
    "in capitals": "<digest in capitals>",
    "cut": "<digest cut>",
    "with a blank": "<digest> ",
    "of another request": "<foreign digest>",
    "of its parameters alone": "<parameters digest>",
}


def _conflicts() -> Iterator[Hostile]:
    for name, digest in DIGESTS.items():
        sent = DECIDE.sent(DECIDE.changed(digest=digest), who="dana")
        yield Hostile(f"decide by dana: a digest {name}", problem="digest-differs", says="", **CONFLICT, **sent)
    yield Hostile(
        "decide by marco: what is cancelled",
        problem="closed",
        says="cancelled",
        **CONFLICT,
        **on(DECIDE, "cancelled"),
        who="marco",
    )
    yield Hostile(
        "decide by dana: otherwise than before",
        409,
        "decision-stands",
        "",
        **on(DECIDE, "abstained"),
        who="dana",
        more={"standing": "abstain", "status": "held"},
    )
    yield Hostile(
        "cancel by bot: what runs", problem="closed", says="executing", **CONFLICT, **on(CANCEL, "executing"), who="bot"
    )
    yield Hostile(
        "cancel by bot: what is unknown",
        problem="closed",
        says="unknown",
        **CONFLICT,
        **on(CANCEL, "unknown"),
        who="bot",
    )
    closed: dict[str, Any] = {"problem": "not-open-to-this", **CONFLICT}
    for name in ("held", "cancelled", "unknown", "denied"):
        yield Hostile(f"grant by bot: what is {name}", says="", **closed, **on(GRANT, name), who="bot")
        yield Hostile(f"outcome by bot: what is {name}", says="", **closed, **on(OUTCOME, name), who="bot")
    yield Hostile("settle by ivan: what is held", says="held", **closed, **on(SETTLE, "held"), who="ivan")
    yield Hostile("settle by ivan: what runs", says="executing", **closed, **on(SETTLE, "executing"), who="ivan")
    yield Hostile(
        "settle by ivan: too early", problem="too-early", says="after", **CONFLICT, **on(SETTLE, "young"), who="ivan"
    )
    yield Hostile(
        "settle by nora: otherwise than ivan",
        problem="settlement-differs",
        says="",
        **CONFLICT,
        **on(SETTLE, "half settled", status="failed"),
        who="nora",
    )


NOT_PEOPLE = ("bot", "other-bot", "desk", "stranger", "removed")
NO_STOPPERS = ("dana", "olivia", "tom", "ada", "rita", "anya")
NO_BOT_OF_OURS = {"of no rules": "no-bot", "of another kind": "desk", "a person": "ivan"}


def _undoing() -> Iterator[Hostile]:
    for who in NOT_PEOPLE:
        yield Hostile(f"rollback by {who}", **VIOLATES, **on(ROLLBACK, "succeeded"), who=who)
    for who in ("dana", "olivia", "anya"):
        yield Hostile(
            f"rollback by {who}: no responder",
            says="responder",
            **FORBIDDEN,
            **on(ROLLBACK, "fresh"),
            who=who,
            stored="the refusal",
        )
    for name in ("held", "denied", "cancelled", "executing"):
        line = Hostile(
            f"rollback by ivan: what is {name}",
            problem="not-reversible",
            says="",
            **CONFLICT,
            **on(ROLLBACK, name),
            who="ivan",
        )
        yield line
    yield Hostile(
        "rollback by ivan: what is too long ago",
        problem="window-over",
        says="over",
        **CONFLICT,
        **on(ROLLBACK, "long ago"),
        who="ivan",
    )
    yield Hostile(
        "rollback by nora: what ivan asks to undo",
        problem="rollback-exists",
        says="",
        **CONFLICT,
        **on(ROLLBACK, "succeeded"),
        who="nora",
    )


def _stops() -> Iterator[Hostile]:
    for route in (*STOPS, CHANGE):
        for who in NOT_PEOPLE:
            yield Hostile(f"{route.name} by {who}", **VIOLATES, **route.sent(encoded(route.good), who=who))
    for route in (SUSPEND, SUSPEND_ALL):
        for who in NO_STOPPERS:
            sent = route.sent(encoded(route.good), who=who)
            yield Hostile(f"{route.name} by {who}", says="responder", **FORBIDDEN, **sent)
    lost: dict[str, Any] = {"status": 404, "problem": "not-found"}
    for route, who in ((SUSPEND, "ivan"), (SUSPEND, "dana"), (RESUME, "ada")):
        for name, bot in NO_BOT_OF_OURS.items():
            target = f"/v1/bots/{bot}/{route.target.rpartition('/')[2]}"
            sent = route.sent(encoded(route.good), target=target, who=who)
            yield Hostile(f"{route.name} by {who}: a bot {name}", says=f"no bot {bot}", **lost, **sent)
    at_work: dict[str, Any] = {"status": 409, "problem": "not-open-to-this", "says": "not suspended"}
    more = {"standing": None, "status": 409}
    sent = RESUME.sent(encoded(RESUME.good), target="/v1/bots/bot/resume", who="ada")
    yield Hostile("resume by ada: a bot that is at work", **at_work, **sent, more=more)
    sent = RESUME_ALL.sent(encoded(RESUME_ALL.good), who="ada")
    yield Hostile("resume all by ada: who are at work", **at_work, **sent, more=more)
    sent = CHANGE.sent(CHANGE.changed(parameters={"bot": "bot"}), who="ada")
    yield Hostile("change by ada: a bot that is at work", **at_work, **sent, more=more)


NO_CHANGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "nothing of ours": ("unknown-action", "no action", {"action": "interlock.nothing"}),
    "an action of bots": ("unknown-action", "no action", {"action": "do.moderate", "parameters": {"thing": "t"}}),
    "in capitals": ("unknown-action", "no action", {"action": "INTERLOCK.BOTS.RESUME"}),
    "a pattern": ("unknown-action", "no action", {"action": "interlock.*"}),
    "a blank after it": ("unknown-action", "no action", {"action": "interlock.bots.resume "}),
    "no bot": ("off-schema", "bot", {"parameters": {}}),
    "a bot of no rules": ("off-schema", "no bot", {"parameters": {"bot": "no-bot"}}),
    "a bot in capitals": ("off-schema", "no bot", {"parameters": {"bot": "Still-bot"}}),
    "a list of bots": ("off-schema", "bot", {"parameters": {"bot": ["still-bot"]}}),
    "a long bot": ("off-schema", "bot", {"parameters": {"bot": "b" * 101}}),
    "an empty bot": ("off-schema", "bot", {"parameters": {"bot": ""}}),
    "one more than there is": ("off-schema", "beyond", {"parameters": {"bot": "still-bot", "by": "sam"}}),
    "a bot of all": ("off-schema", "beyond", {"action": "interlock.installation.resume"}),
    "parameters beyond 256 KiB": ("malformed", "256 KiB", {"parameters": {"bot": "b" * 256 * 1024}}),
}


def _changes() -> Iterator[Hostile]:
    for name, (problem, says, fields) in NO_CHANGES.items():
        sent = CHANGE.sent(CHANGE.changed(**fields), who="ada")
        yield Hostile(f"change by ada: {name}", 422, problem, says, **sent)


CODES = {
    "none of ours": "K7QD-2MXA-VJ5T-ZR3B-6WFN-HCYE-P4LS",
    "replaced": "<replaced code>",
    "used by another": "<used code>",
    "of blanks": " \u3000",
    "one letter short": "<code cut>",
    "of a name in the table": "wrong:x",
    "SQL": "' or 1=1--",
    "beyond ASCII": "\u017f\u202e\U0001f4a9",
}
"""Each by a person of its own: of one, ten a minute are answered as such."""


def _links() -> Iterator[Hostile]:
    wrong: dict[str, Any] = {
        "status": 422,
        "problem": "malformed",
        "says": "/interlock link",
        "more": {"where": "code"},
    }
    people = ("dana", "marco", "priya", "olivia", "mia", "fiona", "felix", "ivan")
    for who, (name, code) in zip(people, CODES.items(), strict=True):
        sent = LINK.sent(LINK.changed(code=code), who=who)
        yield Hostile(f"link by {who}: a code {name}", **wrong, **sent, stored="that a code was wrong")
    for who in ("bot", "other-bot", "desk", "stranger", "removed", "dana by click"):
        sent = LINK.sent(LINK.changed(code="<fresh code>"), who=who)
        yield Hostile(f"link by {who}", **VIOLATES, **sent)
    theirs = LINK.sent(LINK.changed(code="<fresh code of dana>"), who="marco")
    more = {"standing": None, "status": 409}
    yield Hostile("link by marco: what is dana's", 409, "not-open-to-this", "administrator", **theirs, more=more)
    often = LINK.sent(LINK.changed(code="<fresh code, after ten wrong ones of greta>"), who="greta")
    yield Hostile("link by greta: a good code after ten that were none", 429, "rate-limited", "wrong codes", **often)


def _away() -> Iterator[Hostile]:
    for who in ("bot", "other-bot", "desk", "stranger", "removed", "dana by click"):
        sent = AWAY.sent(AWAY.changed(until="2030-01-19T08:00:00Z"), who=who)
        yield Hostile(f"away by {who}", **VIOLATES, **sent)
    for name, (fields, where) in TIMES.items():
        more = {"where": where}
        yield Hostile(
            f"away by dana: {name}", 422, "malformed", "", **AWAY.sent(AWAY.changed(**fields), who="dana"), more=more
        )


TIMES: dict[str, tuple[dict[str, Any], str]] = {
    "over before it begins": ({}, "until"),
    "for years": ({"until": "9999-12-31T23:59:59Z"}, "until"),
    "backdated": ({"from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}, "from"),
    "to oneself": ({"to": "dana"}, "to"),
    "to a bot": ({"to": "bot"}, "to"),
    "to a group": ({"to": "group:leads"}, "to"),
    "to who has left": ({"to": "zoe"}, "to"),
}
SPANS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a bot of no rules": ("off-schema", "bots", {"bots": ["no-bot"]}),
    "over before it begins": ("malformed", "to", {"to": "2026-01-05T08:00:00Z"}),
    "of no time at all": ("malformed", "to", {"to": "2026-01-05T09:00:00Z"}),
    "to suspend nobody in particular": ("malformed", "suspend", {"bots": [], "suspend": True}),
}


def _incidents() -> Iterator[Hostile]:
    for who in NOT_PEOPLE:
        for route in (INCIDENT, *ON_INCIDENT):
            yield Hostile(f"{route.name} by {who}", **VIOLATES, **route.sent(encoded(route.good), who=who))
    for who in ("dana", "olivia", "sam", "ada", "anya"):
        sent = INCIDENT.sent(INCIDENT.changed(suspend=True), who=who)
        yield Hostile(f"open an incident by {who}: no responder", says="responder", **FORBIDDEN, **sent)
    for name, (problem, where, fields) in SPANS.items():
        sent = INCIDENT.sent(INCIDENT.changed(**fields), who="ivan")
        yield Hostile(f"open an incident by ivan: {name}", 422, problem, "", **sent, more={"where": where})
    for route in ON_INCIDENT:
        for who in ("ivan", "dana"):
            sent = route.sent(encoded(route.good), who=who)
            yield Hostile(f"{route.name} by {who}: one that is absent", 404, "not-found", "no such incident", **sent)


STATES = [
    *_refused(),
    *_grants(),
    *_conflicts(),
    *_undoing(),
    *_stops(),
    *_changes(),
    *_links(),
    *_away(),
    *_incidents(),
]
