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

GROUP = "interlock:resume"
"""Who may let a bot (``interlock:resume:BOT``), or with the bare name the installation, go on.

No group of the files can be called so: their names have no colon.
"""

EXPIRES = timedelta(hours=24)
_NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
_BOT: dict[str, Any] = {
    "type": "object",
    "properties": {"bot": {"type": "string", "minLength": 1, "maxLength": 100}},
    "required": ["bot"],
    "additionalProperties": False,
}


def _built_in(name: str, title: str, parameters: dict[str, Any]) -> CompiledAction:
    said = {"name": name, "title": title, "risk": word(Risk.HIGH), "parameters": parameters}
    action = Action(
        name=name,
        title=title,
        risk=Risk.HIGH,
        reversibility=Reversibility.REVERSIBLE,
        data=(),
        parameters=parameters,
        version=sha256(said),
        mode=Mode.INTERNAL,
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
        )
    }
)
"""By name."""


def plan_of(bot: str | None) -> PlanRule:
    """The plan of a resumption: one signature of a security seat or an administrator."""
    stage = StageRule(name="resume", group=GROUP if bot is None else f"{GROUP}:{bot}", level=Level.LOGIN)
    return PlanRule("interlock.resume", (stage,), EXPIRES)
