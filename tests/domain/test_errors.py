"""The tree of refusals, as it is drawn and as it is."""

from __future__ import annotations

import re

import pytest

from app.domain import errors
from app.domain.errors import (
    Conflict,
    Finding,
    Forbidden,
    GovernanceInvalid,
    InterlockError,
    Malformed,
    Misconfigured,
    RateLimited,
    Unavailable,
    Violation,
)

Drawn = dict[str, str]
"""Class to the class above it."""


def drawn() -> Drawn:
    """The tree at the top of the module."""
    found: Drawn = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+)(  |$)", line):
            depth = len(match[1]) // 4
            above = [*above[:depth], match[2]]
            if depth:
                found[match[2]] = above[depth - 1]
    return found


def real(kind: type[InterlockError] = InterlockError) -> Drawn:
    found: Drawn = {}
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            found |= {child.__name__: kind.__name__} | real(child)
    return found


def test_the_tree_is_as_it_is_drawn() -> None:
    assert drawn() == real()
    assert len(real()) >= 22


@pytest.mark.parametrize("name", [*real(), "InterlockError"])
def test_every_error_says_what_it_is(name: str) -> None:
    assert getattr(errors, name).__doc__


def test_a_refusal_carries_its_violations() -> None:
    broken = Violation("bot-owner", "You own this bot.")
    error = Forbidden("No.", [broken])
    assert (str(error), error.violations) == ("No.", (broken,))
    assert Forbidden("Lacks the role.").violations == ()


def test_a_conflict_carries_status_and_standing() -> None:
    error = errors.DecisionStands("It stands.", status="held", standing="approve")
    assert (str(error), error.status, error.standing) == ("It stands.", "held", "approve")
    assert (Conflict("No.").status, Conflict("No.").standing) == (None, None)


def test_the_malformed_says_where() -> None:
    assert errors.OffSchema("Not that.", where="parameters.order_id").where == "parameters.order_id"
    assert Malformed("No.").where is None


def test_too_many_says_when_to_come_back() -> None:
    error = RateLimited("Too many.", retry_after=7)
    assert (str(error), error.retry_after) == ("Too many.", 7)


def test_bad_governance_names_all_that_was_found() -> None:
    findings = [Finding("a.yaml: people[0].id", "is there twice"), Finding("b.yaml", "is no mapping")]
    error = GovernanceInvalid(findings)
    assert str(error) == "a.yaml: people[0].id: is there twice; b.yaml: is no mapping"
    assert error.findings == tuple(findings)


def test_what_never_crosses_the_api_is_apart() -> None:
    assert not issubclass(Misconfigured, Malformed | Conflict | Forbidden)
    assert issubclass(errors.Unconfirmed, Unavailable)
