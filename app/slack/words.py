"""What a status means, in words for people: one table for cards, lists and threads."""

from __future__ import annotations

from typing import Final

from app.slack.text import excerpt, one_line
from app.use_cases.card_facts import CardFacts, DecisionFacts

UNKNOWN: Final = "Nobody runs it again by itself; responders find out whether it happened, and settle it."

STATUS: Final = {
    "held": "Held: it waits for people to decide",
    "approved": "Approved: it may start",
    "executing": "Executing: it has started",
    "unknown": "Unknown: it may or may not have happened",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "denied": "Denied",
    "expired": "Expired: it did not get its approvals in time, and never runs",
    "cancelled": "Cancelled: it was withdrawn, and never runs",
    "lapsed": "Lapsed: its time was over",
    "revoked": "Revoked: its ground was gone, and it never runs",
}

PAUSED: Final = "Executing, but paused: nothing more of it starts until it goes on"
"""Of the rollback of an incident that is paused."""

WHY: Final = {
    "denied-by-person": "a person denied it",
    "withdrawn": "a person who had approved it denied it in time",
    "cancelled": "it was called off",
    "superseded": "a newer request takes its place",
    "expires-at-passed": "its time was over",
    "no-open-stage": "no stage was left to decide",
    "stage-time-over": "the time of its stage was over, and there was nobody to escalate to",
    "quorum-out-of-reach": "too few people were left who may decide it",
    "late": "it came to be admitted too late",
    "not-started": "it was approved, and was not started in time",
    "not-reported": "the bot never reported what came of it",
    "stopped": "the bot, or all of them, had been stopped",
    "policy-stricter": "newer rules refuse it",
    "stale-authority": "who released it has lost the standing to",
    "not-entitled": "who asked for it may no longer ask for this",
    "entitlements-lapsed": "nobody reviewed the bot in time, so its high-risk entitlements had lapsed",
    "action-changed": "what the action does has changed",
    "digest-differs": "it is not what people decided on",
    "outcome-changed": "what came of the request that it undoes is another now",
    "not-reversible": "the rules no longer say how to undo it",
    "asker-left": "who asked for it has left",
    "rules-changed": "other rules have been put in force since it was asked for",
    "stopped-again": "it was stopped again after this was asked for",
    "permission-revoked": "the standing permission that allowed it was revoked",
    "permission-expired": "the standing permission that allowed it had ended",
    "use-case-not-approved": "the bot's use case is not approved for this any more",
    "use-case-changed": "the bot's use case is another now",
    "not-in-order": "what it asks for is not to be had any more",
    "not-signed": "it was no part of a rollback that was running",
    "too-late": "the time in which what was signed may run was over",
    "incident-over": "the rollback of the incident was over",
    "incident-closed": "the incident was closed",
    "not-all-undone": "not all of it was undone",
    "depends-on-failed": "something that had to be undone before it was not",
    "window-over": "the time for undoing it was over",
    "rollback-exists": "another rollback of it stood",
    "no-outcome": "no outcome was ever recorded",
    "no-more-attempts": "every attempt was used up",
    "settled": "people settled what came of it",
}

ESCALATED: Final = {
    "stage-time-over": "their time was over",
    "quorum-out-of-reach": "too few of them were left who may decide it",
}
"""Why a stage went to more groups."""

SAID: Final = {"approve": "approved", "deny": "denied", "abstain": "abstained"}

EXCLUDED: Final = {
    "self-approval": "asked for it, or made the credential that asked",
    "on-behalf-of": "the bot acts for them, or because of their message",
    "bot-owner": "owns or deployed the bot",
    "beneficiary": "would be the payee, recipient or grantee",
    "delegate-excluded": "decides for somebody who may not",
    "stage-repeat": "decided an earlier stage",
    "one-person-one-vote": "has a vote already",
    "not-eligible": "was not in the group when it was asked, or is not now",
    "weak-authentication": "signed in too weakly",
    "stale-authority": "lost the standing to decide",
    "unlinked-identity": "has no active account here",
    "policy-author": "made the rules that ask less for this, a short time ago",
    "rollback-approver": "approved, asked for or benefits from what this undoes, or asked to undo it",
    "governance-change": "asked for this change, or is whom it is about, or owns or deployed the bot that it is about",
}

KIND: Final = {"rollback": "Rollback", "incident_rollback": "Rollback of many", "governance": "Change"}
"""What people ask for; what a bot asks for is shown by its title alone."""

CHANGES: Final = {
    "interlock.bots.resume": "Once this is approved, the bot may ask and act again.",
    "interlock.installation.resume": "Once this is approved, all bots may ask and act again.",
    "interlock.policy.publish": "Once this is approved, these rules are in force, also for what waits.",
    "interlock.permissions.grant": "Once this is approved, the bot does this unheld, within these limits.",
    "interlock.people.off_board": "Once this is approved, the person decides nothing here any more, and others sit in "
    "their places.",
    "interlock.identities.link": "Once this is approved, whoever has this account acts as that person.",
    "interlock.use_cases.approve": "Once this is approved, the bot may ask for this, until the day of its review.",
    "interlock.subjects.erase": "Once this is approved, what concerns this subject is erased for good.",
    "interlock.subjects.hold": "Once this is approved, nothing that concerns this subject is erased, until that ends.",
    "interlock.subjects.release": "Once this is approved, what concerns this subject may be erased again.",
    "interlock.oversight.sign_off": "Once this is approved, you have seen this report, and the ledger says so.",
}
"""What comes of a change of Interlock itself, by its action."""

ADMINISTRATORS: Final = "interlock:administrators"
AUDITORS: Final = "interlock:auditors"
RESUMERS: Final = "interlock:resume"
EXCEPTIONS: Final = "interlock:exceptions"
SECURITY: Final = "interlock:security"
BUSINESS: Final = "interlock:business"
"""The built-in groups; no group of the rules can have a name with a colon."""

NAMED_BY_BOT: Final = frozenset({"on-behalf-of", "beneficiary"})
"""Exclusions that the bot's own words cause."""

REVERSIBILITY: Final = {
    "read_only": "only reads",
    "reversible": "reversible",
    "externally_reversible": "reversible only with others' help",
    "irreversible": "irreversible",
}


def titled(facts: CardFacts, most: int = 100) -> str:
    """The title on one line, after the word for what kind of request it is."""
    kind = f"{KIND[facts.kind]}: " if facts.kind in KIND else ""
    return f"{kind}{name(facts.title, most - len(kind))}"


def asks(facts: CardFacts, most: int = 80) -> str:
    """Who asks: a bot by its title, or a person by name."""
    return name(facts.bot_title, most) if facts.asker is None else f"asked by {name(facts.asker, most)}"


def brief(request_id: str) -> str:
    """As much of a request's id as /interlock takes for it."""
    return one_line(request_id[:8])


def group(named: str) -> str:
    """A group by its name; a built-in one by who is in it."""
    if named == ADMINISTRATORS:
        return "administrators"
    if named == AUDITORS:
        return "auditors"
    if named.startswith(EXCEPTIONS):
        return "the exceptions seat"
    if named.startswith(BUSINESS):
        return "the business seat"
    return "security seats and administrators" if named.startswith((RESUMERS, SECURITY)) else named


def why(facts: CardFacts) -> str:
    """Why it came to rest, as half a sentence; empty when the status says all."""
    return "" if facts.ended_why is None else WHY.get(facts.ended_why, name(facts.ended_why))


def denier(facts: CardFacts) -> DecisionFacts | None:
    """Who denied it last, if a person did."""
    if facts.status != "denied":
        return None
    return next((said for said in reversed(facts.decisions) if said.say == "deny" and said.standing), None)


def status_line(facts: CardFacts) -> str:
    """The status and what it means, in one sentence without a full stop."""
    said = STATUS.get(facts.status, one_line(facts.status))
    if facts.status == "executing" and facts.incident is not None and facts.incident.standing == "paused":
        return PAUSED
    if facts.status == "denied":
        by = denier(facts)
        return f"{said} by {name(by.person)}" if by else f"{said} by the rules, and never runs"
    http = facts.execution.http_status if facts.execution and facts.status == "failed" else None
    said += f": the target answered with HTTP {http}" if http is not None else ""
    because = why(facts)
    return f"{said} ({because})" if because else said


def name(text: str, most: int = 80) -> str:
    """A person's or a thing's name, on one line."""
    return excerpt(one_line(text), most)
