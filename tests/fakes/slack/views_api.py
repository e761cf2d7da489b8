"""views.* and users.* and auth.test of the Web API."""

from __future__ import annotations

from typing import Any

from tests.fakes.slack.arguments import SlackError
from tests.fakes.slack.block_kit import view_problems
from tests.fakes.slack.state import User, View, Workspace
from tests.fakes.slack.triggers import Triggers

Object = dict[str, Any]

MOST_MODALS = 3


def require_view(view: Any, kind: str) -> None:
    """Raises `SlackError` if Slack would refuse this view, or it is not of this kind."""
    problems = view_problems(view)
    if isinstance(view, dict) and view.get("type") in {"modal", "home"} and view["type"] != kind:
        problems.append(f"view type must be {kind} [json-pointer:/view/type]")
    if any("bytes" in said for said in problems):
        raise SlackError("view_too_large", *(f"[ERROR] {said}" for said in problems))
    if problems:
        raise SlackError("invalid_arguments", *(f"[ERROR] {said}" for said in problems))


class ViewsApi:
    """The methods; each takes unfolded arguments, gives what the answer adds to ``ok``, or raises `SlackError`."""

    def __init__(self, workspace: Workspace, triggers: Triggers, scopes: set[str]) -> None:
        self._workspace, self._triggers, self._scopes = workspace, triggers, scopes

    def open(self, a: Object) -> Object:
        """views.open"""
        require_view(a.get("view"), "modal")
        user = self._triggers.use(a.get("trigger_id"))
        for view in self._workspace.open_views(user):
            view.open = False
        return {"view": self._workspace.as_view(self.put(user, a["view"], None))}

    def put(self, user: str, given: Object, previous: View | None) -> View:
        """Opens a modal, on top of `previous`. Raises `SlackError`."""
        self._require_new_external_id(given)
        if previous is not None and len(self._workspace.open_views(user)) >= MOST_MODALS:
            raise SlackError("push_limit_reached")
        view = self._workspace.placed(user, given, previous)
        self._workspace.views[view.id] = view
        return view

    def _require_new_external_id(self, given: Object, besides: View | None = None) -> None:
        others = [view for view in self._workspace.views.values() if view is not besides]
        if given.get("external_id") and any(view.given.get("external_id") == given["external_id"] for view in others):
            raise SlackError("duplicate_external_id")

    def update(self, a: Object) -> Object:
        """views.update"""
        view = self._view(a)
        require_view(a.get("view"), "modal")
        if a.get("hash") and a["hash"] != view.hash:
            raise SlackError("hash_conflict")
        self._require_new_external_id(a["view"], view)
        self._workspace.replace(view, a["view"])
        return {"view": self._workspace.as_view(view)}

    def _view(self, a: Object) -> View:
        ident, external = a.get("view_id"), a.get("external_id")
        if not ident and not external:
            raise SlackError("invalid_arguments", "[ERROR] view_id or external_id is needed")
        for view in self._workspace.views.values():
            if view.open and (view.id == ident if ident else view.given.get("external_id") == external):
                return view
        raise SlackError("not_found")

    def publish(self, a: Object) -> Object:
        """views.publish"""
        require_view(a.get("view"), "home")
        user = str(a.get("user_id"))
        if user not in self._workspace.users:
            raise SlackError("invalid_arguments", "[ERROR] failed to match user_id [json-pointer:/user_id]")
        home = self._workspace.homes.get(user)
        if a.get("hash") and (home is None or a["hash"] != home.hash):
            raise SlackError("hash_conflict")
        if home is None:
            self._workspace.homes[user] = home = self._workspace.placed(user, a["view"])
        else:
            self._workspace.replace(home, a["view"])
        return {"view": self._workspace.as_view(home)}

    def info(self, a: Object) -> Object:
        """users.info"""
        user = self._workspace.users.get(str(a.get("user")))
        if user is None:
            raise SlackError("user_not_found")
        return {"user": self._user(user)}

    def lookup(self, a: Object) -> Object:
        """users.lookupByEmail"""
        email = str(a.get("email") or "").lower()
        everybody = self._workspace.users.values()
        user = next(
            (one for one in everybody if email and (one.email or "").lower() == email and not one.deleted), None
        )
        if user is None:
            raise SlackError("users_not_found")
        return {"user": self._user(user)}

    def _user(self, user: User) -> Object:
        profile: Object = {"real_name": user.name.title(), "display_name": user.name, "team": user.team_id}
        if user.email and "users:read.email" in self._scopes:
            profile["email"] = user.email
        made: Object = {"id": user.id, "team_id": user.team_id, "name": user.name, "deleted": user.deleted}
        made |= {"profile": profile, "is_bot": user.is_bot, "is_app_user": False, "updated": 1_700_000_000}
        if not user.deleted:
            made |= {"real_name": user.name.title(), "tz": "Europe/Amsterdam", "tz_offset": 3600}
            made |= {"is_email_confirmed": bool(user.email) and user.email_confirmed}
            made |= {"is_restricted": user.is_restricted, "is_ultra_restricted": False, "is_admin": False}
        if user.team_id != self._workspace.team:
            made["is_stranger"] = True
        return made

    def auth(self, _: Object) -> Object:
        """auth.test"""
        space = self._workspace
        return {
            "url": f"https://{space.domain}.slack.com/",
            "team": space.domain,
            "user": space.users[space.bot_user].name,
            "team_id": space.team,
            "user_id": space.bot_user,
            "bot_id": space.bot_id,
            "is_enterprise_install": False,
        }
