"""``make aisvs``: which tests show each requirement of OWASP AISVS 1.0, C9 and 12.4, that Interlock answers.

The tests say so themselves (``@pytest.mark.aisvs("9.2.1")``); pytest collects them. A requirement that no test shows
ends this with 1, but for those that are known not to be shown yet.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MARK = "aisvs"

REQUIREMENTS: Mapping[str, str] = {
    "9.1.1": "quotas and timeouts per tool",
    "9.1.2": "budgets per execution",
    "9.1.3": "a kill switch for all bots",
    "9.2.1": "high-impact actions are blocked until approval is received and verified",
    "9.2.2": "complete canonical parameters are shown, without truncation",
    "9.2.3": "actions have reversibility classes",
    "9.2.4": "reversibility classes are enforced",
    "9.2.8": "approvals are bound to parameters, requester, context and a single-use nonce",
    "9.2.9": "approval keys are isolated from the agent's runtime",
    "9.2.10": "a chain takes the highest class in it",
    "9.4.1": "each bot has a unique cryptographic identity",
    "9.4.2": "actions are bound to each step, for non-repudiation",
    "9.4.3": "credentials rotate",
    "9.5.1": "policy on tools and parameter values",
    "9.5.2": "a scope-limited token that carries on whose behalf",
    "9.5.3": "decisions are made by the policy engine, never by the model",
    "9.5.4": "no secrets in the model's view",
    "9.5.6": "judged again at every privileged action",
    "9.6.2": "without approval in time: blocked",
    "9.6.3": "the kill switch works out of band",
    "12.4.2": "approver, time, parameters and outcome are logged",
    "12.4.3": "kill switch and overrides are logged",
}
"""Those of ../shared/reference/controls.md, in its words."""

NOT_SHOWN_YET: Mapping[str, str] = {
    "9.4.1": "a bot has a client secret of its own; a key of its own it proves for grants only (issue 10)",
    "9.4.3": "grant keys rotate with overlap (tests/grants/test_rotation.py); bots' credentials do not (issue 10)",
    "9.5.4": "a bot that runs an action itself holds the grant; nothing keeps it from the model (issue 10)",
}
"""Why not. Whoever shows one marks its test and takes it out of here: with both, this ends with 1."""

Shown = Mapping[str, Collection[str]]


class Collector:
    """A plugin that hears what pytest has collected."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.shown: defaultdict[str, set[str]] = defaultdict(set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep each marked test once, whatever its parameters."""
        for item in session.items:
            for mark in item.iter_markers(MARK):
                for requirement in mark.args:
                    self.shown[requirement].add(item.nodeid.split("[")[0])


def collected() -> Shown:
    """The tests that show each requirement. Raises RuntimeError where they cannot be collected."""
    collector = Collector()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main(["--collect-only", "-q", "--snapshot-warn-unused", str(ROOT / "tests")], plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise RuntimeError(f"the tests cannot be collected:\n{said.getvalue()[-4000:]}")
    return collector.shown


def faults(shown: Shown) -> list[str]:
    """What is wrong with it, a line each."""
    needed = REQUIREMENTS.keys() - NOT_SHOWN_YET.keys()
    found = [f"{one}: no test shows it: {REQUIREMENTS[one]}" for one in REQUIREMENTS if one in needed - shown.keys()]
    found += [f"{one}: is not shown yet, it says here, and a test shows it" for one in NOT_SHOWN_YET if one in shown]
    return found + [f"{one}: there is no such requirement" for one in sorted(shown.keys() - REQUIREMENTS.keys())]


def table(shown: Shown) -> str:
    """Requirement, its sentence, the tests; and what is not shown yet."""
    lines = []
    for one, asks in REQUIREMENTS.items():
        if one not in NOT_SHOWN_YET:
            lines += [f"{one:7} {asks}", *(f"          {test}" for test in sorted(shown.get(one, ())))]
    lines += ["", "Not shown yet:"]
    lines += [f"{one:7} {REQUIREMENTS[one]}\n          {why}" for one, why in NOT_SHOWN_YET.items()]
    return "\n".join(lines)


def main() -> int:
    """Print the table; 1 when something is wrong with it."""
    shown = collected()
    wrong = faults(shown)
    sys.stdout.write(table(shown) + "\n")
    sys.stderr.write("".join(f"{one}\n" for one in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
