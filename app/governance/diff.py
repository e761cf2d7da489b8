"""`interlock policy diff`: what differs between two governances, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.governance import diff_catalogue, diff_people, diff_plans, diff_rules
from app.governance.differences import Both, Json, Said, State, anyhow, quoted, side, together
from app.governance.tree import NAMED_BY

__all__ = ["Change", "State", "diff"]

Word = Literal["added", "removed", "changed"]
Alone = Callable[[Both, Any], Iterable[Said]]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that is new, gone or otherwise. ``loosens``: see `app.governance.differences`."""

    section: str
    name: str
    change: Word
    sentences: tuple[str, ...]
    loosens: bool | None

    def as_json(self) -> dict[str, Any]:
        """As the API and the command line tell it."""
        return {
            "section": self.section,
            "name": self.name,
            "change": self.change,
            "sentences": list(self.sentences),
            "loosens": self.loosens,
        }


def diff(before: State, after: State) -> tuple[Change, ...]:
    """What has changed, section by section, by name. Raises `GovernanceInvalid` for what cannot be read."""
    both = Both(side(before, "in force"), side(after, "draft"))
    return (
        *_section(both, "people", both.old.people, both.new.people),
        *(
            change
            for section in NAMED_BY
            if section != "people"
            for change in _section(both, section, both.old.of(section), both.new.of(section))
        ),
    )


def _section(both: Both, section: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        change: Word = "changed"
        if name not in old:
            change, said = "added", list(_ADDED.get(section, _unused)(both, new[name]))
        elif name not in new:
            change, said = "removed", list(_REMOVED.get(section, _lost)(both, old[name]))
        else:
            said = _changed(both, section, name, old[name], new[name])
        if said:
            named = f"{_ONE.get(section, section.removesuffix('s'))} {name}"
            sentences = tuple(f"{named}: {one.sentence}" for one in said)
            yield Change(section, name, change, sentences, together(said))


def _changed(both: Both, section: str, name: str, old: Any, new: Any) -> list[Said]:
    if old == new:
        return []
    match section:
        case "people":
            return list(diff_people.person_changed(old, new))
        case "groups":
            return list(diff_people.group_changed(both, name, old, new))
        case "plans":
            return diff_plans.plan_differences(both, old, new)
    return list(_CHANGED.get(section, _anyhow)(both, old, new))


def _anyhow(_both: Both, old: Json, new: Json) -> Iterator[Said]:
    return anyhow(old, new)


def _unused(_both: Both, entry: Json) -> Iterator[Said]:
    yield Said(f"is new: {quoted({key: value for key, value in entry.items() if value is not None})}")


def _lost(_both: Both, entry: Json) -> Iterator[Said]:
    yield Said(f"is gone (was {quoted({key: value for key, value in entry.items() if value is not None})})")


def _new_target(_both: Both, target: Json) -> Iterator[Said]:
    yield Said(f"is new: {target['url']}", loosens=False)  # an action that goes there is told with the action


def _no_target(_both: Both, target: Json) -> Iterator[Said]:
    yield Said(f"is gone ({target['url']})", loosens=False)


def _new_window(_both: Both, window: Json) -> Iterator[Said]:
    yield Said(f"is new: {diff_rules.window_in_words(window)}", loosens=False)  # rules that read it are told with them


def _no_window(_both: Both, window: Json) -> Iterator[Said]:
    yield Said(f"is gone ({diff_rules.window_in_words(window)})", loosens=False)


def _new_plan(_both: Both, plan: Json) -> Iterator[Said]:
    yield Said(f"is new: {diff_plans.plan_in_words(plan)}", loosens=False)  # likewise


def _no_plan(_both: Both, plan: Json) -> Iterator[Said]:
    yield Said(f"is gone ({diff_plans.plan_in_words(plan)})", loosens=False)


_ONE = {"people": "person"}
_ADDED: Mapping[str, Alone] = {
    "people": diff_people.person_added,
    "groups": diff_people.group_added,
    "targets": _new_target,
    "bots": diff_catalogue.bot_added,
    "actions": diff_catalogue.action_added,
    "windows": _new_window,
    "rules": diff_rules.rule_added,
    "plans": _new_plan,
}
_REMOVED: Mapping[str, Alone] = {
    "people": diff_people.person_removed,
    "groups": diff_people.group_removed,
    "targets": _no_target,
    "bots": diff_catalogue.bot_removed,
    "actions": diff_catalogue.action_removed,
    "windows": _no_window,
    "rules": diff_rules.rule_removed,
    "plans": _no_plan,
}
_CHANGED: Mapping[str, Callable[[Both, Json, Json], Iterable[Said]]] = {
    "bots": diff_catalogue.bot_changed,
    "actions": diff_catalogue.action_changed,
    "windows": diff_rules.window_changed,
    "rules": diff_rules.rule_changed,
}
