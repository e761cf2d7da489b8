"""Two plans compared: what the one asks for beyond the other, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from app.domain.clocks import duration
from app.domain.glass import Glass, looser
from app.governance.differences import Both, Json, Said, anyhow, listed, now_and_then, quoted, together

LEVELS = ("click", "login", "recent", "strong")
_TOLD = ("remind", "notify")
"""Keys that only say who hears of it."""


def plan_in_words(plan: Json) -> str:
    """Its stages and its end, in one line."""
    stages = ", then ".join(_stage_in_words(stage) for stage in plan["stages"])
    fallback = f", else {plan['fallback']}" if plan["fallback"] else ""
    glass = plan["break_glass"]
    alone = "" if _glass(glass) == Glass() else f"; break-glass: {_glass_in_words(glass)}"
    return f"{stages}{fallback}; expires after {plan['expires']}{alone}"


def _stage_in_words(stage: Json) -> str:
    terms = [
        *([] if stage["level"] == "click" else [f"by {stage['level']}"]),
        *(["with a reason"] if stage["reason_required"] else []),
        *([f"within {stage['within']}"] if stage["within"] else []),
        *([f"else {stage['escalate_to']}"] if stage["escalate_to"] else []),
    ]
    return f"{stage['quorum']} of {stage['group']}" + (f" ({listed(terms)})" if terms else "")


def plan_differences(both: Both, old: Json, new: Json) -> list[Said]:
    """What has changed from the one plan to the other."""
    return [*_stages(both, old["stages"], new["stages"]), *_terms(old, new)]


def asks_no_less(both: Both, wanted: Json, plan: Json) -> bool:
    """True when who has passed this plan has passed the wanted one."""
    return together(plan_differences(both, wanted, plan)) is False


def adds_only(both: Both, plan: Json) -> bool:
    """True when this plan, wherever a rule newly holds under it, takes nothing away.

    It stands in for the action's default plan, and is merged with those of other rules: so it must ask for all that any
    default plan asks for, and bring in nobody.
    """
    brings_in = plan["fallback"] is not None or any(stage["escalate_to"] is not None for stage in plan["stages"])
    hurries = both.escalates() and any(stage["within"] is not None for stage in plan["stages"])
    if brings_in or hurries:
        return False
    named = {action["default_plan"] for action in both.new.of("actions").values()} - {None}
    return all(asks_no_less(both, both.new.of("plans")[name], plan) for name in named)


def _terms(old: Json, new: Json) -> Iterator[Said]:
    if old["expires"] != new["expires"]:
        longer = _longer(old["expires"], new["expires"])
        yield Said(f"expires after {quoted(new['expires'])} instead of {quoted(old['expires'])}", longer)
    yield from _who_else("fallback", old["fallback"], new["fallback"])
    if old["allow_repeat"] != new["allow_repeat"]:
        may = new["allow_repeat"]
        yield Said(f"one person {'may' if may else 'may no longer'} decide more than one stage", may)
    yield from _break_glass(old["break_glass"], new["break_glass"])
    yield from anyhow(old, new, "stages", "expires", "fallback", "allow_repeat", "break_glass")


def _break_glass(old: Json | None, new: Json | None) -> Iterator[Said]:
    before, after = _glass(old), _glass(new)
    if before != after:
        yield Said(now_and_then("break_glass", _glass_in_words(old), _glass_in_words(new)), looser(after, before))


def _glass(terms: Json | None) -> Glass:
    """What the files say; None: never."""
    if terms is None:
        return Glass(never=True)
    return Glass(allow=frozenset(terms["allow"]), review_within=duration(terms["review_within"]))


def _glass_in_words(terms: Json | None) -> str:
    if terms is None:
        return "never"
    also = f"also what is {' or '.join(sorted(terms['allow']))}, " if terms["allow"] else ""
    return f"{also}reviewed within {terms['review_within']}"


def _stages(both: Both, old: list[Json], new: list[Json]) -> Iterator[Said]:
    before, after = ({stage["group"]: stage for stage in stages} for stages in (old, new))
    for group, stage in before.items():
        if group not in after:
            yield Said(f"stage {_name(stage)} is gone ({_stage_in_words(stage)})", loosens=True)
        else:
            for said in _stage(both, stage, after[group]):
                yield said._replace(sentence=f"stage {_name(stage)}: {said.sentence}")
    for group, stage in after.items():
        if group not in before:
            brings_in = stage["escalate_to"] is not None or (stage["within"] is not None and both.escalates())
            yield Said(f"stage {_name(stage)} is new: {_stage_in_words(stage)}", None if brings_in else False)
    kept = [group for group in after if group in before]
    if kept != [group for group in before if group in after]:
        yield Said(f"its stages come in another order: {listed(after)}")


def _name(stage: Json) -> str:
    return str(stage["name"] or stage["group"])


def _stage(both: Both, old: Json, new: Json) -> Iterator[Said]:
    if old["quorum"] != new["quorum"]:
        yield Said(f"quorum {new['quorum']} instead of {old['quorum']}", new["quorum"] < old["quorum"])
    if old["level"] != new["level"]:
        weaker = LEVELS.index(new["level"]) < LEVELS.index(old["level"])
        yield Said(f"level {quoted(new['level'])} instead of {quoted(old['level'])}", weaker)
    if old["reason_required"] != new["reason_required"]:
        asks = new["reason_required"]
        yield Said(f"an approval {'needs' if asks else 'no longer needs'} a reason", not asks)
    if old["within"] != new["within"]:
        yield Said(now_and_then("its clock (within)", old["within"], new["within"]), _clock(both, old, new))
    yield from _who_else("escalate_to", old["escalate_to"], new["escalate_to"])
    if (old["name"] or old["group"]) != (new["name"] or new["group"]):
        yield Said(f"is now called {_name(new)}", loosens=False)
    for key in _TOLD:
        if old.get(key) != new.get(key):
            yield Said(now_and_then(key, old.get(key), new.get(key)), loosens=False)
    yield from anyhow(old, new, "name", "group", "quorum", "level", "reason_required", "within", "escalate_to", *_TOLD)


def _clock(both: Both, old: Json, new: Json) -> bool | None:
    longer = _longer(old["within"], new["within"])
    return None if longer is False and both.escalates() else longer


def _longer(old: Any, new: Any) -> bool | None:
    """True when there is more time than before; None for clocks that cannot be compared."""
    try:
        before, after = (timedelta.max if span is None else duration(span) for span in (old, new))
    except (TypeError, ValueError):
        return None
    return after > before


def _who_else(key: str, old: str | None, new: str | None) -> Iterator[Said]:
    if old != new:
        yield Said(now_and_then(key, old, new), new is not None)
