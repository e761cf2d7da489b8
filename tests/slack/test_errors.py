"""Every way in which Interlock says no has a sentence in Slack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain import errors
from app.domain.errors import Finding, InterlockError
from app.domain.separation import SENTENCES, violation
from app.slack.answers import ephemeral
from app.slack.errors import OURS, SAYINGS, saying_of, sentence

API = "https://interlock.test"


def tree(kind: type[InterlockError]) -> Iterator[type[InterlockError]]:
    """A class and all below it that the domain defines."""
    if kind.__module__ == errors.__name__:
        yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


def made(kind: type[InterlockError], text: str = "What happened") -> InterlockError:
    """One of them."""
    if kind is errors.RateLimited:
        return errors.RateLimited(text, retry_after=7)
    if kind is errors.GovernanceInvalid:
        return errors.GovernanceInvalid([Finding("a file", text)])
    return kind(text)


@pytest.mark.parametrize("kind", [kind for kind in tree(InterlockError) if kind is not InterlockError])
def test_every_error_has_a_line_of_its_own_and_a_sentence(kind: type[InterlockError]) -> None:
    assert kind in SAYINGS
    said = sentence(made(kind), API)
    assert len(said) > 20
    assert said.endswith(".")
    assert saying_of(made(kind)).own == ("What happened" in said)


def test_an_error_below_another_is_told_like_that() -> None:
    class Below(errors.Closed):
        pass

    assert saying_of(Below("x")) is SAYINGS[errors.Closed]


@pytest.mark.parametrize("kind", [errors.Misconfigured, errors.GovernanceInvalid])
def test_what_is_not_for_people_in_slack_stays_in_the_house(kind: type[InterlockError]) -> None:
    assert sentence(made(kind, "the password is x"), API) == OURS


@pytest.mark.parametrize("invariant", SENTENCES)
def test_each_violation_is_named_and_explained(invariant: str) -> None:
    broken = violation(invariant, want="login", have="click")
    said = sentence(errors.Forbidden(broken.sentence, [broken]), API, "an-id")
    assert said.startswith(broken.sentence)
    assert f"({invariant})" in said


def test_several_violations_are_all_told() -> None:
    broken = [violation("not-eligible"), violation("bot-owner")]
    said = sentence(errors.Forbidden("x", broken), API)
    assert "(not-eligible)" in said
    assert "(bot-owner)" in said


def test_what_to_do_instead() -> None:
    unlinked, weak = violation("unlinked-identity"), violation("weak-authentication", want="login", have="click")
    assert "/interlock link" in sentence(errors.Forbidden("", [unlinked]), API)
    where = f"{API}/v1/requests/some-id/decisions"
    assert where in sentence(errors.Forbidden("", [weak]), API + "/", "some-id")
    assert "Wait 7 s" in sentence(errors.RateLimited("Too many", retry_after=7), API)


def test_a_sentence_is_inert() -> None:
    message = ephemeral("<!channel> & <https://evil.test|ours> \u202e")
    assert message["text"] == "&lt;!channel&gt; &amp; &lt;https://evil.test|ours&gt; \\u202e"
    assert [block["text"]["type"] for block in message["blocks"]] == ["plain_text"]


def test_a_long_sentence_fits() -> None:
    message = ephemeral("x" * 10_000)
    assert len(message["text"]) < 3_000
    assert len(message["blocks"][0]["text"]["text"]) < 3_000
