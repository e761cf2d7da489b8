"""Block Kit as tables: each block, element and composition object with its keys and limits (docs.slack.dev)."""

from __future__ import annotations

from tests.fakes.slack.kit_checks import (
    Check,
    boolean,
    choice,
    every,
    kinds,
    listing,
    pattern,
    plain,
    some_of,
    string,
    text,
    thing,
    url,
    whole,
)

_ID = string(255)
_DATE = pattern(r"\d{4}-\d{2}-\d{2}", "a date", 10)
_TIME = pattern(r"\d{2}:\d{2}", "a time", 5)
_USER = pattern(r"[UW][A-Z0-9]+", "a user's id", 60)
_CHANNEL = pattern(r"[CGD][A-Z0-9]+", "a conversation's id", 60)

CONFIRM = thing(
    None,
    {"title": plain(100), "text": plain(300), "confirm": plain(30), "deny": plain(30)},
    {"style": choice("primary", "danger")},
)


def _option(label: Check) -> Check:
    return thing(None, {"text": label, "value": string(150)}, {"description": label, "url": url()})


OPTION, RICH_OPTION = _option(plain(75)), _option(text(75))
_GROUP = thing(None, {"label": plain(75), "options": listing(OPTION, 100)})


def _element(kind: str, needed: dict[str, Check] | None = None, **may: Check) -> Check:
    return thing(kind, {"action_id": _ID, **(needed or {})}, {"confirm": CONFIRM, **may})


def _picker(kind: str, **may: Check) -> Check:
    return _element(kind, None, placeholder=plain(150), focus_on_load=boolean, **may)


BUTTON = _element(
    "button",
    {"text": plain(75)},
    url=url(),
    value=string(2000),
    style=choice("primary", "danger"),
    accessibility_label=string(75),
)
_SELECTS = {
    "static_select": every(
        _picker(
            "static_select", options=listing(OPTION, 100), option_groups=listing(_GROUP, 100), initial_option=OPTION
        ),
        some_of("options", "option_groups"),
    ),
    "multi_static_select": every(
        _picker(
            "multi_static_select",
            options=listing(OPTION, 100),
            option_groups=listing(_GROUP, 100),
            initial_options=listing(OPTION, 100),
            max_selected_items=whole(1, 100),
        ),
        some_of("options", "option_groups"),
    ),
    "users_select": _picker("users_select", initial_user=_USER),
    "multi_users_select": _picker("multi_users_select", initial_users=listing(_USER, 100)),
    "channels_select": _picker("channels_select", initial_channel=_CHANNEL, response_url_enabled=boolean),
    "conversations_select": _picker(
        "conversations_select",
        initial_conversation=_CHANNEL,
        default_to_current_conversation=boolean,
        response_url_enabled=boolean,
    ),
    "datepicker": _picker("datepicker", initial_date=_DATE),
    "timepicker": _picker("timepicker", initial_time=_TIME, timezone=string(60)),
    "datetimepicker": _element(
        "datetimepicker", initial_date_time=whole(1_000_000_000, 9_999_999_999), focus_on_load=boolean
    ),
    "radio_buttons": _element(
        "radio_buttons",
        {"options": listing(RICH_OPTION, 10)},
        initial_option=RICH_OPTION,
        focus_on_load=boolean,
    ),
    "checkboxes": _element(
        "checkboxes",
        {"options": listing(RICH_OPTION, 10)},
        initial_options=listing(RICH_OPTION, 10),
        focus_on_load=boolean,
    ),
}
_OVERFLOW = _element("overflow", {"options": listing(OPTION, 5)})
_DISPATCH = thing(None, {"trigger_actions_on": listing(choice("on_enter_pressed", "on_character_entered"), 2)})


def _typed(kind: str, needed: dict[str, Check] | None = None, **may: Check) -> Check:
    common = {"placeholder": plain(150), "focus_on_load": boolean, "dispatch_action_config": _DISPATCH}
    return thing(kind, {"action_id": _ID, **(needed or {})}, {**common, **may})


_TYPED = {
    "plain_text_input": _typed(
        "plain_text_input",
        initial_value=string(3000, 0),
        multiline=boolean,
        min_length=whole(0, 3000),
        max_length=whole(1, 3000),
    ),
    "email_text_input": _typed("email_text_input", initial_value=string(3000)),
    "url_text_input": _typed("url_text_input", initial_value=string(3000)),
    "number_input": _typed(
        "number_input",
        {"is_decimal_allowed": boolean},
        initial_value=string(60),
        min_value=string(60),
        max_value=string(60),
    ),
}
_IMAGE_ELEMENT = thing("image", {"image_url": url(), "alt_text": string(2000)})

_STYLE = thing(None, {}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))
_MENTION_STYLE = thing(
    None, {}, dict.fromkeys(("bold", "italic", "strike", "highlight", "client_highlight", "unlink"), boolean)
)
_RICH_TEXT = thing("text", {"text": string(12_000, blank=True)}, {"style": _STYLE})
_RICH_LINK = thing("link", {"url": url()}, {"text": string(3000), "unsafe": boolean, "style": _STYLE})


RICH_INLINE = kinds(
    text=_RICH_TEXT,
    link=_RICH_LINK,
    user=thing("user", {"user_id": _USER}, {"style": _MENTION_STYLE}),
    usergroup=thing(
        "usergroup", {"usergroup_id": pattern(r"S[A-Z0-9]+", "a user group's id", 60)}, {"style": _MENTION_STYLE}
    ),
    channel=thing("channel", {"channel_id": _CHANNEL}, {"style": _MENTION_STYLE}),
    emoji=thing("emoji", {"name": string(100)}, {"unicode": string(100), "skin_tone": whole(1, 6)}),
    broadcast=thing("broadcast", {"range": choice("here", "channel", "everyone")}, {"style": _STYLE}),
    color=thing("color", {"value": pattern(r"#[0-9A-Fa-f]{3,8}", "a colour", 9)}),
    date=thing(
        "date",
        {"timestamp": whole(0, 9_999_999_999), "format": string(200)},
        {"url": url(), "fallback": string(200), "style": _STYLE},
    ),
)
_BORDER = choice(0, 1)
_RICH_SECTION = thing("rich_text_section", {"elements": listing(RICH_INLINE, 1000)})
_RICH_PARTS = kinds(
    rich_text_section=_RICH_SECTION,
    rich_text_list=thing(
        "rich_text_list",
        {"style": choice("bullet", "ordered"), "elements": listing(_RICH_SECTION, 1000)},
        {"indent": whole(0, 8), "offset": whole(0, 10_000), "border": _BORDER},
    ),
    rich_text_preformatted=thing(
        "rich_text_preformatted",
        {"elements": listing(kinds(text=_RICH_TEXT, link=_RICH_LINK), 1000)},
        {"border": _BORDER, "language": string(50)},
    ),
    rich_text_quote=thing("rich_text_quote", {"elements": listing(RICH_INLINE, 1000)}, {"border": _BORDER}),
)


def _block(kind: str, needed: dict[str, Check] | None = None, **may: Check) -> Check:
    return thing(kind, needed or {}, {"block_id": _ID, **may})


_ACCESSORIES = kinds(button=BUTTON, overflow=_OVERFLOW, image=_IMAGE_ELEMENT, **_SELECTS)

BLOCK = kinds(
    header=_block("header", {"text": plain(150)}),
    section=every(
        _block("section", text=text(3000), fields=listing(text(2000), 10), accessory=_ACCESSORIES, expand=boolean),
        some_of("text", "fields"),
    ),
    context=_block(
        "context",
        {
            "elements": listing(
                kinds(
                    image=_IMAGE_ELEMENT,
                    plain_text=plain(3000),
                    mrkdwn=thing("mrkdwn", {"text": string(3000)}, {"verbatim": boolean}),
                ),
                10,
            )
        },
    ),
    actions=_block("actions", {"elements": listing(kinds(button=BUTTON, overflow=_OVERFLOW, **_SELECTS), 25)}),
    divider=_block("divider"),
    rich_text=_block("rich_text", {"elements": listing(_RICH_PARTS, 1000)}),
    image=_block("image", {"image_url": url(), "alt_text": string(2000)}, title=plain(2000)),
    input=_block(
        "input",
        {"label": plain(2000), "element": kinds(**_SELECTS, **_TYPED)},
        hint=plain(2000),
        optional=boolean,
        dispatch_action=boolean,
    ),
)

_VIEW = {"private_metadata": string(3000, 0), "callback_id": _ID, "external_id": _ID}
VIEW = kinds(
    modal=thing(
        "modal",
        {"title": plain(24), "blocks": listing(BLOCK, 100, 0)},
        {
            **_VIEW,
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
    ),
    home=thing("home", {"blocks": listing(BLOCK, 100, 0)}, _VIEW),
)
