"""Shapes of bodies about incidents that are refused whoever sends them, and what no reason is, here and elsewhere."""

from __future__ import annotations

from typing import Any

from tests.hostile.cases import CLOSE, GO_ON, GONE, INCIDENT, PAUSE, UNDO_MANY, Route

LONG = "x" * 2001
NO_REASON: dict[str, tuple[dict[str, Any], str]] = {
    "no reason": ({"reason": GONE}, "reason"),
    "a null reason": ({"reason": None}, "reason"),
    "blanks for a reason": ({"reason": " \u2003"}, "reason"),
    "a long reason": ({"reason": LONG}, "reason"),
    "a list of reasons": ({"reason": ["x"]}, "reason"),
}
OF_INCIDENTS: dict[Route, dict[str, tuple[dict[str, Any], str]]] = {
    INCIDENT: {
        "no title": ({"title": GONE}, "title"),
        "blanks for a title": ({"title": " \u2003"}, "title"),
        "a long title": ({"title": "x" * 201}, "title"),
        "no bots": ({"bots": GONE}, "bots"),
        "one bot": ({"bots": "bot"}, "bots"),
        "an empty bot": ({"bots": [""]}, "bots.0"),
        "101 bots": ({"bots": ["bot"] * 101}, "bots"),
        "no actions": ({"actions": GONE}, "actions"),
        "an action with a blank": ({"actions": ["do high"]}, "actions.0"),
        "an action with a line feed": ({"actions": ["do.high\n"]}, "actions.0"),
        "a long action": ({"actions": ["x" * 201]}, "actions.0"),
        "no begin": ({"from": GONE}, "from"),
        "a begin by another name": ({"begin": "2026-01-05T09:00:00Z"}, "begin"),
        "an end without its zone": ({"to": "2026-01-05T10:00:00"}, "to"),
        "an end that no calendar has": ({"to": "2026-02-30T10:00:00Z"}, "to"),
        "a word for suspend": ({"suspend": "true"}, "suspend"),
        "somebody else who opens it": ({"opened_by": "nora"}, "opened_by"),
    },
    UNDO_MANY: {
        **NO_REASON,
        "no requests": ({"requests": GONE}, "requests"),
        "none of them": ({"requests": []}, "requests"),
        "another word": ({"requests": "ALL"}, "requests"),
        "an id that is none": ({"requests": ["x"]}, "requests"),
        "1,001 of them": ({"requests": ["9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11"] * 1_001}, "requests"),
        "somebody else who asks": ({"person": "nora"}, "person"),
    },
    PAUSE: {"a reason": ({"reason": "x"}, "reason")},
    GO_ON: {"a reason": ({"reason": "x"}, "reason")},
    CLOSE: {
        "no summary": ({"summary": GONE}, "summary"),
        "blanks for a summary": ({"summary": " \u3000"}, "summary"),
        "a long summary": ({"summary": "x" * 20_001}, "summary"),
        "somebody else who closes it": ({"closed_by": "nora"}, "closed_by"),
    },
}
