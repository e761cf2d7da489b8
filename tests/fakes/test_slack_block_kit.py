"""What the fake takes as a message and as a view: every limit from both sides, and what a reader meets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.slack.block_kit import mentions_and_links, message_errors, message_problems, readable, view_problems

Object = dict[str, Any]


def plain(text: str) -> Object:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def section(text: str, kind: str = "plain_text") -> Object:
    """A section of one text."""
    return {"type": "section", "text": {"type": kind, "text": text}}


def button(**more: Any) -> Object:
    """A button, with `more` of it."""
    return {"type": "button", "action_id": "approve", "text": plain("Approve"), **more}


def actions(*elements: Object, **more: Any) -> Object:
    """An actions block."""
    return {"type": "actions", "elements": list(elements), **more}


def rich(*elements: Object, kind: str = "rich_text_section", **more: Any) -> Object:
    """A rich_text block of one part."""
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements), **more}]}


def text(said: str, **more: Any) -> Object:
    """A text element of rich text."""
    return {"type": "text", "text": said, **more}


def modal(*blocks: Object, **more: Any) -> Object:
    """A modal."""
    return {"type": "modal", "title": plain("Release"), "blocks": list(blocks), **more}


def field(element: Object, **more: Any) -> Object:
    """An input block."""
    return {"type": "input", "label": plain("Reason"), "element": element, **more}


TYPED = {"type": "plain_text_input", "action_id": "reason"}
OPTION = {"text": plain("One"), "value": "1"}
CONFIRM = {"title": plain("Sure?"), "text": plain("It runs"), "confirm": plain("Yes"), "deny": plain("No")}
SELECT = {"type": "static_select", "action_id": "pick", "options": [OPTION]}
MRKDWN = {"type": "mrkdwn", "text": "*a*"}

GOOD: dict[str, list[Object]] = {
    "header": [{"type": "header", "text": plain("x" * 150)}],
    "section": [section("x" * 3000)],
    "fields": [{"type": "section", "fields": [plain("x" * 1000)] * 10}],
    "verbatim": [{"type": "section", "text": {**MRKDWN, "verbatim": True}}],
    "accessory": [{**section("a"), "accessory": button(style="danger", confirm=CONFIRM)}],
    "context": [{"type": "context", "elements": [MRKDWN] * 10}],
    "actions": [actions(*(button(action_id=str(number)) for number in range(25)))],
    "the same action in two blocks": [actions(button()), actions(button())],
    "button": [actions(button(text=plain("x" * 75), value="x" * 2000, action_id="x" * 255), block_id="x" * 255)],
    "select": [actions({**SELECT, "placeholder": plain("x" * 150)})],
    "divider": [{"type": "divider"}] * 50,
    "input": [field(TYPED)],
    "image": [{"type": "image", "image_url": "https://shop.example/a.png", "alt_text": "a"}],
    "rich text": [rich(text("a", style={"bold": True}), {"type": "emoji", "name": "lock"}, text("\n"))],
    "list": [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [{"type": "rich_text_section", "elements": [text("a")]}],
                }
            ],
        }
    ],
    "preformatted": [rich(text("a"), kind="rich_text_preformatted", border=0)],
    "quote": [rich(text("a"), {"type": "user", "user_id": "U0DANA"}, kind="rich_text_quote")],
    "code points, not bytes": [section("\N{LOCK}" * 3000)],
}

BAD: dict[str, tuple[list[Object], str]] = {
    "51 blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "long header": ([{"type": "header", "text": plain("x" * 151)}], "must be less than 151 characters"),
    "mrkdwn header": ([{"type": "header", "text": MRKDWN}], "must be one of plain_text"),
    "long section": ([section("x" * 3001)], "less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    "empty section": ([section("")], "must be more than 0 characters"),
    "blank section": ([section(" \n")], "must not be blank"),
    "section of nothing": ([{"type": "section"}], "one of text, fields is required"),
    "11 fields": ([{"type": "section", "fields": [MRKDWN] * 11}], "no more than 10 items"),
    "long field": ([{"type": "section", "fields": [plain("x" * 2001)]}], "/blocks/0/fields/0/text"),
    "11 in context": ([{"type": "context", "elements": [MRKDWN] * 11}], "no more than 10 items"),
    "button in context": ([{"type": "context", "elements": [button()]}], "unsupported type: button"),
    "26 actions": ([actions(*(button(action_id=str(n)) for n in range(26)))], "no more than 25 items"),
    "no actions": ([actions()], "no fewer than 1 items"),
    "long button": ([actions(button(text=plain("x" * 76)))], "less than 76"),
    "mrkdwn button": ([actions(button(text=MRKDWN))], "must be one of plain_text"),
    "long value": ([actions(button(value="x" * 2001))], "less than 2001"),
    "long action_id": ([actions(button(action_id="x" * 256))], "less than 256"),
    "long block_id": ([actions(button(), block_id="x" * 256)], "less than 256"),
    "style": ([actions(button(style="warning"))], "must be one of primary, danger"),
    "button without action": ([actions({"type": "button", "text": plain("a")})], "missing required field: action_id"),
    "confirm title": ([actions(button(confirm={**CONFIRM, "title": plain("x" * 101)}))], "less than 101"),
    "confirm text": ([actions(button(confirm={**CONFIRM, "text": plain("x" * 301)}))], "less than 301"),
    "confirm deny": ([actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)}))], "less than 31"),
    "confirm without title": ([actions(button(confirm={**CONFIRM, "title": None}))], "must be an object"),
    "doubled action": ([actions(button(), button())], "action_id already exists: approve"),
    "doubled block": ([{"type": "divider", "block_id": "a"}] * 2, "block_id already exists: a"),
    "option text": ([actions({**SELECT, "options": [{**OPTION, "text": plain("x" * 76)}]})], "less than 76"),
    "option value": ([actions({**SELECT, "options": [{**OPTION, "value": "x" * 151}]})], "less than 151"),
    "placeholder": ([actions({**SELECT, "placeholder": plain("x" * 151)})], "less than 151"),
    "unknown key": ([{"type": "divider", "colour": "red"}], "invalid additional property: colour"),
    "emoji in mrkdwn": ([{"type": "section", "text": {**MRKDWN, "emoji": True}}], "additional property: emoji"),
    "unknown block": ([{"type": "marquee"}], "unsupported type: marquee"),
    "no type": ([{"text": plain("a")}], "unsupported type: None"),
    "no object": (["header"], "unsupported type: None"),  # type: ignore[list-item]  # what it must refuse
    "no url": ([{"type": "image", "image_url": "javascript:a", "alt_text": "a"}], "must be a valid URL"),
    "rich text key": ([rich(text("a", verbatim=True))], "additional property: verbatim"),
    "rich text style": ([rich(text("a", style={"blink": True}))], "additional property: blink"),
    "empty rich text": ([rich(text(""))], "must be more than 0 characters"),
    "user in preformatted": ([rich({"type": "user", "user_id": "U1"}, kind="rich_text_preformatted")], "type: user"),
    "text in list": ([rich(text("a"), kind="rich_text_list", style="bullet")], "must be one of rich_text_section"),
    "boolean as number": ([rich(text("a", style={"bold": 1}))], "must be a boolean"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_blocks(name: str) -> None:
    assert message_problems("a", GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_bad_blocks(name: str) -> None:
    blocks, said = BAD[name]
    problems = message_problems("a", blocks)
    assert any(said in problem for problem in problems), problems
    assert message_errors("a", blocks)[0][0] == "invalid_blocks"


@pytest.mark.parametrize(
    ("said", "update", "error"),
    [
        ("", False, "no_text"),
        (" ", False, "no_text"),
        (None, False, "no_text"),
        ("x" * 40_000, False, None),
        ("x" * 40_001, False, "msg_too_long"),
        ("x" * 4_000, True, None),
        ("x" * 4_001, True, "msg_too_long"),
        (7, False, "invalid_arguments"),
    ],
)
def test_text(said: Any, update: bool, error: str | None) -> None:  # a parameter of the table
    assert [code for code, _ in message_errors(said, None, update=update)] == ([error] if error else [])


def test_all_texts_together() -> None:
    assert message_problems("a", [section("x" * 3000)] * 4) == []
    assert message_errors("a", [section("x" * 3000)] * 4 + [actions(button(text=plain("x")))])[0][0] == (
        "msg_blocks_too_long"
    )


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"event_type": "request", "event_payload": {"id": "1", "of": [1, True]}}, None),
        ({"event_type": "request"}, "invalid_metadata_format"),
        ({"event_type": "", "event_payload": {}}, "invalid_metadata_format"),
        ({"event_type": "request", "event_payload": {"id": None}}, "invalid_metadata_format"),
        ({"event_type": "request", "event_payload": []}, "invalid_metadata_format"),
        ({"event_type": "request", "event_payload": {}, "more": 1}, "invalid_metadata_format"),
        ({"event_type": "request", "event_payload": {"id": "x" * 16_000}}, "metadata_too_large"),
    ],
)
def test_metadata(metadata: Any, error: str | None) -> None:
    assert [code for code, _ in message_errors("a", None, metadata)] == ([error] if error else [])


def test_good_views() -> None:
    given = modal(
        field({**TYPED, "max_length": 3000, "placeholder": plain("x" * 150)}, label=plain("x" * 2000)),
        title=plain("x" * 24),
        submit=plain("x" * 24),
        close=plain("x" * 24),
        private_metadata="x" * 3000,
        callback_id="x" * 255,
    )
    assert view_problems(given) == []
    assert view_problems(modal(*[{"type": "divider"}] * 100)) == []
    assert view_problems({"type": "home", "blocks": [section("a")]}) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (modal(title=plain("x" * 25)), "less than 25"),
        (modal(title=MRKDWN), "must be one of plain_text"),
        (modal(submit=plain("x" * 25)), "less than 25"),
        (modal(close=plain("x" * 25)), "less than 25"),
        (modal(private_metadata="x" * 3001), "less than 3001"),
        (modal(callback_id="x" * 256), "less than 256"),
        (modal(*[{"type": "divider"}] * 101), "no more than 100 items"),
        (modal(field(TYPED)), "missing required field: submit"),
        (modal(field(TYPED, label=plain("x" * 2001)), submit=plain("Go")), "less than 2001"),
        (modal(field({**TYPED, "max_length": 3001}), submit=plain("Go")), "from 1 to 3000"),
        (modal(field(TYPED), field(TYPED), submit=plain("Go"), size="big"), "additional property: size"),
        (modal(*[section("\N{LOCK}" * 3000)] * 30), "must have at most 250000 bytes"),
        ({"type": "home", "title": plain("a"), "blocks": []}, "additional property: title"),
        ({"type": "workflow_step", "blocks": []}, "unsupported type: workflow_step"),
        (None, "unsupported type: None"),
    ],
)
def test_bad_views(given: Any, said: str) -> None:
    assert any(said in problem for problem in view_problems(given)), view_problems(given)


@pytest.mark.parametrize(
    ("block", "found"),
    [
        (section("<@U1> <!here> https://evil.example @here"), []),
        (section("<@U1> and <!channel>", "mrkdwn"), ["<@U1>", "<!channel>"]),
        (section("<!subteam^S1|all> <#C1>", "mrkdwn"), ["<!subteam^S1|all>", "<#C1>"]),
        (
            section("<https://evil.example|https://bank.example>", "mrkdwn"),
            ["<https://evil.example|https://bank.example>"],
        ),
        (section("see https://evil.example/a now", "mrkdwn"), ["https://evil.example/a"]),
        (section("hello @here", "mrkdwn"), ["@here"]),
        (section("mail dana@here.example", "mrkdwn"), []),
        (section("&lt;@U1&gt; &lt;!here&gt;", "mrkdwn"), []),
        (section("<!date^1700000000^{date}|then>", "mrkdwn"), []),
        (section("<!date^1700000000^{date}^https://evil.example|then>", "mrkdwn"), ["<https://evil.example>"]),
        (rich(text("<@U1> https://evil.example")), []),
        (rich({"type": "user", "user_id": "U1"}, {"type": "broadcast", "range": "here"}), ["<@U1>", "<!here>"]),
        (rich({"type": "link", "url": "https://evil.example"}), ["<https://evil.example>"]),
        (actions(button(confirm={**CONFIRM, "text": {"type": "mrkdwn", "text": "<@U1>"}})), ["<@U1>"]),
    ],
)
def test_mentions_and_links(block: Object, found: list[str]) -> None:
    assert mentions_and_links(None, [block]) == found


def test_verbatim_keeps_addresses_plain_but_not_tokens() -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "https://a.example <@U1>", "verbatim": True}}
    assert mentions_and_links(None, [block]) == ["<@U1>"]


def test_the_text_of_a_message_is_parsed_too() -> None:
    assert mentions_and_links("<!here> https://a.example", None) == ["<!here>", "https://a.example"]


def test_readable() -> None:
    blocks = [
        {"type": "header", "text": plain("Refund \N{LOCK}")},
        section("<@U1> asks &amp; <https://a.example|waits> till <!date^1^{date}|noon>", "mrkdwn"),
        {"type": "section", "fields": [plain("a"), plain("b")], "accessory": button(text=plain("Details"))},
        {"type": "context", "elements": [MRKDWN, plain("two")]},
        rich(text("cut\x1b[2J\u202e"), kind="rich_text_preformatted"),
        {"type": "divider"},
        actions(button(), button(action_id="reject", text=plain("Reject"))),
        field(TYPED),
    ]
    assert readable(blocks).split("\n") == [
        "== Refund \N{LOCK} ==",
        "@U1 asks & waits (https://a.example) till noon",
        "a",
        "b",
        "[Details]",
        "*a*  two",
        "    cut\\x1b[2J\\u202e",
        "-" * 40,
        "[Approve]  [Reject]",
        "Reason: [plain_text_input]",
    ]
