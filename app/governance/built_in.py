"""The actions that change Interlock itself: requests of kind governance, run by Interlock (DESIGN.md section 4, Stop).

Their plans are built in. A rule of the files that names such an action can add stages to its plan or deny it; none can
take anything of it away.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from app.domain.digest import sha256
from app.domain.plan import PlanRule, StageRule
from app.domain.request import Level, Mode, Reversibility, Risk, word
from app.governance.catalogue import Action, CompiledAction
from app.governance.schemas import ParameterSchema

PREFIX = "interlock."
RESUME_BOT, RESUME_INSTALLATION = "interlock.bots.resume", "interlock.installation.resume"
PUBLISH = "interlock.policy.publish"
PERMIT = "interlock.permissions.grant"
APPROVE = "interlock.use_cases.approve"
OFF_BOARD = "interlock.people.off_board"
LINK = "interlock.identities.link"
ERASE, HOLD, RELEASE = "interlock.subjects.erase", "interlock.subjects.hold", "interlock.subjects.release"
SIGN_OFF = "interlock.oversight.sign_off"
UNDO = "interlock.incidents.roll_back"
"""What the rollback of an incident is called: nobody asks for it by this name."""

PUBLICATIONS = (PUBLISH, OFF_BOARD)
"""What puts other rules in force: whoever asks for or approves one of these has made them."""

OF_SUBJECTS = frozenset({ERASE, HOLD, RELEASE})
"""What is about a subject: a customer, payee or grantee."""

OF_NO_BOT = frozenset({PUBLISH, OFF_BOARD, LINK, SIGN_OFF, *OF_SUBJECTS})
"""What is about all bots: to keep all their owners out could leave nobody."""

GROUP = "interlock:resume"
"""Who may let a bot (``interlock:resume:BOT``), or with the bare name the installation, go on.

No group of the files can be called so: their names have no colon.
"""

ADMINISTRATORS = "interlock:administrators"
"""Everybody who may administer, by whichever group."""

AUDITORS = "interlock:auditors"
"""Everybody who may audit, by whichever group."""

EXCEPTIONS, SECURITY = "interlock:exceptions", "interlock:security"
"""Of a bot, ``:BOT`` after it: who holds its exceptions seat; who holds its security seat, or may administer."""

_BY_ADMINISTRATORS: Mapping[str, str] = MappingProxyType({PUBLISH: "publish", OFF_BOARD: "off-board", LINK: "link"})
"""What one other administrator signs, and how its one stage is called."""
BUSINESS = "interlock:business"
"""Of a bot, ``:BOT`` after it: who holds its business seat."""

EXPIRES, PERMIT_EXPIRES = timedelta(hours=24), timedelta(hours=72)
_NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
_BOT: dict[str, Any] = {
    "type": "object",
    "properties": {"bot": {"type": "string", "minLength": 1, "maxLength": 100}},
    "required": ["bot"],
    "additionalProperties": False,
}
_FILES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "files": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 100,
            "propertyNames": {"pattern": r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,90}\.ya?ml$"},
            "additionalProperties": {"type": "string"},
        },
        "base": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    },
    "required": ["files"],
    "additionalProperties": False,
}
"""``files``: name to YAML, all that the folder holds. ``base``: the version that they were made from."""
_USE_CASE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "bot": {"type": "string", "minLength": 1, "maxLength": 100},
        "review_by": {"type": "string", "format": "date", "maxLength": 10},
    },
    "required": ["bot", "review_by"],
    "additionalProperties": False,
}
_MOST = 2**53 - 1
_PERMISSION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "bot": {"type": "string", "minLength": 1, "maxLength": 100},
        "action": {"type": "string", "minLength": 1, "maxLength": 200},
        "when": {"type": "string", "minLength": 1, "maxLength": 2048},
        "max_uses": {"type": "integer", "minimum": 1, "maximum": 10_000},
        "max_total": {
            "type": "object",
            "properties": {
                "parameter": {"type": "string", "minLength": 1, "maxLength": 100},
                "at_most": {"type": "integer", "minimum": 0, "maximum": _MOST},
            },
            "required": ["parameter", "at_most"],
            "additionalProperties": False,
        },
        "expires_at": {"type": "string", "format": "date-time", "maxLength": 40},
    },
    "required": ["bot", "action", "when", "max_uses", "expires_at"],
    "additionalProperties": False,
}
"""``when``: a condition over what a rule's sees. ``max_total``: of a parameter over all uses."""

_ID: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 100}
_LEAVING: dict[str, Any] = {
    "type": "object",
    "properties": {
        "person": _ID,
        "to": _ID,
        "seats": {
            "type": "object",
            "maxProperties": 1000,
            "propertyNames": {"minLength": 1, "maxLength": 300},
            "additionalProperties": _ID,
        },
    },
    "required": ["person"],
    "additionalProperties": False,
}
"""``to``: who takes every seat that ``seats`` does not name. ``seats``: place to person."""
_LINKED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "person": _ID,
        "identity": {
            "type": "object",
            "properties": {
                "slack": {"type": "string", "pattern": r"^[TE][A-Z0-9]{1,30}/[UW][A-Z0-9]{1,30}$"},
                "oidc": {
                    "type": "object",
                    "properties": {
                        "iss": {"type": "string", "pattern": r"^https?://[^\s]+$", "maxLength": 300},
                        "sub": {"type": "string", "minLength": 1, "maxLength": 255},
                    },
                    "required": ["iss", "sub"],
                    "additionalProperties": False,
                },
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        },
    },
    "required": ["person", "identity"],
    "additionalProperties": False,
}
"""``identity``: ``{slack: TEAM/USER}`` or ``{oidc: {iss, sub}}``, as in the files."""

_SUBJECT: dict[str, Any] = {
    "type": "object",
    "properties": {"subject": {"type": "string", "minLength": 3, "maxLength": 300}},
    "required": ["subject"],
    "additionalProperties": False,
}

_SHA = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_REPORT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "from": {"type": "string", "format": "date-time", "maxLength": 40},
        "to": {"type": "string", "format": "date-time", "maxLength": 40},
        "report": _SHA,
        "figures": _SHA,
        "head": {
            "type": "object",
            "maxProperties": 40,
            "propertyNames": {"pattern": "^[a-z0-9_]{1,40}$"},
            "additionalProperties": {"type": ["integer", "null"]},
        },
    },
    "required": ["from", "to", "report", "figures", "head"],
    "additionalProperties": False,
}
"""``report``, ``figures``: digests. ``head``: the figures that a card shows."""

_MANY: dict[str, Any] = {
    "type": "object",
    "properties": {"incident": {"type": "string"}, "items": {"type": "array", "items": {"type": "object"}}},
    "required": ["incident", "items"],
    "additionalProperties": False,
}


def entry_of(name: str, title: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What stands for the catalogue's entry of such an action: its version is the hash over it."""
    return {"name": name, "title": title, "risk": word(Risk.HIGH), "parameters": parameters}


def _built_in(name: str, title: str, parameters: dict[str, Any], mode: Mode = Mode.INTERNAL) -> CompiledAction:
    action = Action(
        name=name,
        title=title,
        risk=Risk.HIGH,
        reversibility=Reversibility.REVERSIBLE,
        data=(),
        parameters=parameters,
        version=sha256(entry_of(name, title, parameters)),
        mode=mode,
        target="",
        path=None,
        method="",
        idempotent=True,
        timeout=timedelta(0),
        start_within=None,
        default_plan=None,
        on_behalf_of_required=False,
        rollback=None,
        sensitive=(),
        owners=MappingProxyType({}),
    )
    return CompiledAction(action, ParameterSchema(parameters), None, None, None)


BUILT_IN: Mapping[str, CompiledAction] = MappingProxyType(
    {
        one.action.name: one
        for one in (
            _built_in(RESUME_BOT, "Let a suspended bot go on", _BOT),
            _built_in(RESUME_INSTALLATION, "Let the suspended installation go on", _NOTHING),
            _built_in(PUBLISH, "Put other rules in force", _FILES),
            _built_in(PERMIT, "Let a bot act without being held", _PERMISSION),
            _built_in(OFF_BOARD, "Let a person go, and others sit in their places", _LEAVING),
            _built_in(LINK, "Link an account to a person", _LINKED),
            _built_in(APPROVE, "Approve what a bot is for", _USE_CASE),
            _built_in(ERASE, "Erase what concerns a subject", _SUBJECT),
            _built_in(HOLD, "Keep what concerns a subject from being erased", _SUBJECT),
            _built_in(RELEASE, "End a legal hold on a subject", _SUBJECT),
            _built_in(SIGN_OFF, "Sign an oversight report off", _REPORT),
        )
    }
)
"""By name."""

OWN: Mapping[str, CompiledAction] = MappingProxyType(
    {**BUILT_IN, UNDO: _built_in(UNDO, "Undo what an incident is about", _MANY, Mode.INCIDENT)}
)
"""Those that people ask for, and the one that an incident's rollback is."""


def bot_of(parameters: Mapping[str, Any]) -> str | None:
    """The bot that a change is about; None: the installation."""
    named = parameters.get("bot")
    return named if isinstance(named, str) else None


def person_of(action: str, parameters: Mapping[str, Any]) -> frozenset[str]:
    """Whom a change is about, who does not decide it: who leaves, or who gains an account."""
    return frozenset({parameters["person"]}) if action in (OFF_BOARD, LINK) else frozenset()


def subjects_of(action: str, parameters: Mapping[str, Any]) -> frozenset[str]:
    """The subject that a change is about: who is that subject does not decide it."""
    return frozenset({parameters["subject"]}) if action in OF_SUBJECTS else frozenset()


def plan_of(action: str, bot: str | None) -> PlanRule:
    """The plan of a change: one signature of an administrator, or for a resumption also of a security seat.

    For a standing permission two: of the bot's exceptions seat, and then another's, as for a resumption. For a use case
    two as well, the first of its business seat. What concerns a subject is erased, or no longer held from that, by two
    signatures: of an administrator, then of a security seat or another administrator; the second alone holds it. An
    oversight report is signed by an auditor: who runs Interlock asks.
    ``bot``: the one that it is about, None: all. That the asker does not sign is `governance-change`.
    """
    if action == PERMIT:
        stages = (
            StageRule("exceptions", f"{EXCEPTIONS}:{bot}", level=Level.LOGIN),
            StageRule("security", f"{SECURITY}:{bot}", level=Level.LOGIN),
        )
        return PlanRule("interlock.permit", stages, PERMIT_EXPIRES)
    if action in _BY_ADMINISTRATORS:
        name = _BY_ADMINISTRATORS[action]
        stage = StageRule(name, ADMINISTRATORS, level=Level.LOGIN)
        return PlanRule(f"interlock.{name}", (stage,), EXPIRES)
    if action == SIGN_OFF:
        stage = StageRule("auditor", AUDITORS, level=Level.LOGIN)
        return PlanRule("interlock.sign-off", (stage,), PERMIT_EXPIRES)
    if action == APPROVE:
        stages = (
            StageRule("business", f"{BUSINESS}:{bot}", level=Level.LOGIN),
            StageRule("security", f"{SECURITY}:{bot}", level=Level.LOGIN),
        )
        return PlanRule("interlock.use-case", stages, PERMIT_EXPIRES)
    if action in OF_SUBJECTS:
        security = StageRule("security", GROUP, level=Level.LOGIN)
        first = () if action == HOLD else (StageRule("administrator", ADMINISTRATORS, level=Level.LOGIN),)
        return PlanRule(f"interlock.{action.rpartition('.')[2]}", (*first, security), PERMIT_EXPIRES)
    stage = StageRule(name="resume", group=GROUP if bot is None else f"{GROUP}:{bot}", level=Level.LOGIN)
    return PlanRule("interlock.resume", (stage,), EXPIRES)
