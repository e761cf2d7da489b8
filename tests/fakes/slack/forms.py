"""What people fill in: the state of inputs in views and messages, as Slack sends it."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

# type of element -> (key in the state, key of its initial value, whether it names options)
_KEYS: dict[str, tuple[str, str, bool]] = {
    "plain_text_input": ("value", "initial_value", False),
    "email_text_input": ("value", "initial_value", False),
    "url_text_input": ("value", "initial_value", False),
    "number_input": ("value", "initial_value", False),
    "static_select": ("selected_option", "initial_option", True),
    "radio_buttons": ("selected_option", "initial_option", True),
    "multi_static_select": ("selected_options", "initial_options", True),
    "checkboxes": ("selected_options", "initial_options", True),
    "users_select": ("selected_user", "initial_user", False),
    "multi_users_select": ("selected_users", "initial_users", False),
    "channels_select": ("selected_channel", "initial_channel", False),
    "conversations_select": ("selected_conversation", "initial_conversation", False),
    "datepicker": ("selected_date", "initial_date", False),
    "timepicker": ("selected_time", "initial_time", False),
    "datetimepicker": ("selected_date_time", "initial_date_time", False),
}


def state(blocks: list[Object], given: Object) -> Object:
    """The ``state`` of blocks in which somebody filled in `given`, by action id; options by their value.

    Raises `LookupError` if there is no such input or option.
    """
    values: Object = {}
    known: set[str] = set()
    for block in blocks:
        for part in (block.get("accessory"), block.get("element"), *block.get("elements", [])):
            if isinstance(part, dict) and part.get("type") in _KEYS:
                known.add(part["action_id"])
                values.setdefault(block["block_id"], {})[part["action_id"]] = filled(part, given)
    if unknown := set(given) - known:
        raise LookupError(f"there is no input {', '.join(sorted(unknown))}")
    return {"values": values}


def filled(element: Object, given: Object) -> Object:
    """What one element holds: `given` under its action id, or its initial value. Raises `LookupError`."""
    key, initial, by_option = _KEYS[element["type"]]
    if element["action_id"] not in given:
        return {"type": element["type"], key: element.get(initial, [] if key.endswith("s") else None)}
    value = given[element["action_id"]]
    return {"type": element["type"], key: _chosen(element, value) if by_option else value}


def option(element: Object, value: str) -> Object:
    """The option of an element that has this value. Raises `LookupError`."""
    groups = element.get("option_groups", [])
    options = [*element.get("options", []), *(one for group in groups for one in group["options"])]
    found: Object | None = next((one for one in options if one["value"] == value), None)
    if found is None:
        raise LookupError(f"{element['action_id']} has no option {value!r}")
    return found


def _chosen(element: Object, value: Any) -> Any:
    return [option(element, one) for one in value] if isinstance(value, list) else option(element, value)


def refused(blocks: list[Object], values: Object) -> list[str]:
    """Why Slack's own client would not send a form: inputs that are missing, too short or too long."""
    found = []
    for block in (block for block in blocks if block["type"] == "input"):
        element, label = block["element"], block["label"]["text"]
        key = _KEYS[element["type"]][0]
        value = values[block["block_id"]][element["action_id"]][key]
        if not value and not block.get("optional"):
            found.append(f"{label}: is needed")
        if element["type"] == "plain_text_input" and value:
            if len(value) < element.get("min_length", 0):
                found.append(f"{label}: has fewer than {element['min_length']} characters")
            if len(value) > element.get("max_length", 3000):
                found.append(f"{label}: has more than {element.get('max_length', 3000)} characters")
    return found
