"""Bots and actions compared, in words."""

from __future__ import annotations

from collections.abc import Iterator

from app.governance.catalogue import covers
from app.governance.diff_people import deployer_in_words, seats_in_words
from app.governance.diff_plans import plan_differences
from app.governance.diff_terms import budgets_in_words
from app.governance.differences import Both, Json, Said, anyhow, leaves, listed, moved, now_and_then, quoted, together
from app.governance.models_review import OwnerReview

RISKS = ("low", "moderate", "high", "critical")
KINDS = ("read_only", "reversible", "externally_reversible", "irreversible")
UNAPPROVED = "asks for what is new only once its use case is approved for that"


def bot_added(_both: Both, bot: Json) -> Iterator[Said]:
    """Somebody more who may ask."""
    yield Said(f"is new, entitled to {listed(bot['entitlements'])}", loosens=True)
    if bot["webhook"] is not None:
        yield Said(f"is told of its requests at {bot['webhook']['url']}", loosens=False)
    yield Said(UNAPPROVED, loosens=False)


def bot_removed(_both: Both, bot: Json) -> Iterator[Said]:
    """It is entitled to nothing any more."""
    yield Said(f"is gone (was entitled to {listed(bot['entitlements'])})", loosens=False)


def bot_changed(both: Both, old: Json, new: Json) -> Iterator[Said]:
    """What it may ask for, with which model, and who answers for it."""
    came, went = moved(old["entitlements"], new["entitlements"])
    reach = [
        {action for action in both.new.of("actions") if any(covers(pattern, action) for pattern in bot["entitlements"])}
        for bot in (old, new)
    ]
    more = sorted(reach[1] - reach[0])
    if came:
        which = listed(more) if more else "nothing that it could not ask for before"
        yield Said(f"gains the entitlement {listed(map(quoted, came))}: {which}", bool(more))
    if went:
        yield Said(f"loses the entitlement {listed(map(quoted, went))}", loosens=False)
    if old["model"] != new["model"]:
        models = [bot["model"] and _model_in_words(bot["model"]) for bot in (old, new)]
        yield Said(now_and_then("approved model", *models), True if new["model"] is None else None)
    if old["title"] != new["title"]:
        yield Said(now_and_then("title", old["title"], new["title"]), loosens=False)
    if (came and more) or any(old[key] != new[key] for key in ("use_case", "model")):
        yield Said(UNAPPROVED, loosens=False)
    yield from deployer_in_words(both, old["deployed_by"], new["deployed_by"])
    yield from seats_in_words(both, old["owners"], new["owners"])
    yield from budgets_in_words(old["budgets"], new["budgets"])
    yield from _review(old["review"], new["review"])
    yield from anyhow(old, new, "id", "title", "entitlements", "model", "deployed_by", "owners", "budgets", "review")


def _review(old: Json, new: Json) -> Iterator[Said]:
    """Whoever is reviewed less often, or may be later, may go on longer with what nobody would attest."""
    was, now = (OwnerReview.model_validate(one).terms() for one in (old, new))
    for path, then, since in leaves(old, new, "review"):
        yield Said(now_and_then(path, then, since), now.looser(was))


def _model_in_words(model: Json) -> str:
    provider = f"{model['provider']}/" if model["provider"] else ""
    return f"{provider}{model['name']}" + (f"@{model['version']}" if model["version"] else "")


def action_added(both: Both, action: Json) -> Iterator[Said]:
    """A bot may ask for it at once where an entitlement covers it; a window may count it."""
    asked, counted = both.asked_for(action["name"]), both.counted(action["name"])
    loosens = True if asked else None if counted else False
    whether = "a bot is entitled to it" if asked else "no bot is entitled to it"
    plan = f", held under {action['default_plan']}" if action["default_plan"] else ""
    yield Said(f"is new: {action['title']} ({action['risk']}, {action['reversibility']}{plan}); {whether}", loosens)


def action_removed(both: Both, action: Json) -> Iterator[Said]:
    """Nobody may ask for it; a window that counted it is the smaller for it."""
    yield Said(f"is gone ({action['title']})", None if both.counted(action["name"]) else False)


def action_changed(both: Both, old: Json, new: Json) -> Iterator[Said]:
    """Its class, its plan, what it takes and who runs it."""
    yield from _class(both, "risk", RISKS, old, new)
    yield from _class(both, "reversibility", KINDS, old, new)
    yield from _default_plan(both, old, new)
    yield from _on_behalf_of(old, new)
    for key in ("beneficiary", "conflict_key"):
        if old[key] != new[key]:
            added, gone = old[key] is None, new[key] is None
            yield Said(now_and_then(key, old[key], new[key]), False if added else True if gone else None)
    for key in ("title", "value_at_risk"):
        if old[key] != new[key]:
            yield Said(now_and_then(key, old[key], new[key]), loosens=False)
    if old["data"] != new["data"]:
        yield Said(now_and_then("data", old["data"], new["data"]), None if both.rules_read("data") else False)
    yield from seats_in_words(both, old["owners"], new["owners"])
    told = ("name", "title", "risk", "reversibility", "data", "default_plan", "on_behalf_of", "owners")
    yield from anyhow(old, new, "beneficiary", "conflict_key", "value_at_risk", *told)


def _class(both: Both, key: str, order: tuple[str, ...], old: Json, new: Json) -> Iterator[Said]:
    if old[key] != new[key]:
        lower = order.index(new[key]) < order.index(old[key])
        unread = None if both.rules_read(key) else False
        yield Said(f"{key} {quoted(new[key])} instead of {quoted(old[key])}", lower or unread)


def _default_plan(both: Both, old: Json, new: Json) -> Iterator[Said]:
    """Without one, what must be held is denied: so to have none asks for no less, and to have one may."""
    was, now = old["default_plan"], new["default_plan"]
    if was == now:
        return
    loosens: bool | None = None if was is None else False
    if was is not None and now is not None:
        loosens = together(plan_differences(both, both.old.of("plans")[was], both.new.of("plans")[now]))
    yield Said(now_and_then("default plan", was, now), loosens)


def _on_behalf_of(old: Json, new: Json) -> Iterator[Said]:
    was, now = _must_say(old), _must_say(new)
    if was != now:
        yield Said(f"who it is on behalf of {'must' if now else 'need not'} be said", not now)


def _must_say(action: Json) -> bool:
    said = action["on_behalf_of"]
    return bool(said == "required" or (said is None and action["reversibility"] != "read_only"))
