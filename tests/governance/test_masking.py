"""What is marked is hidden, and what cannot be told from it; the rest is as it was."""

from __future__ import annotations

import pytest

from app.governance.masking import HIDDEN, masked

CARD = [("card", "number")]


@pytest.mark.parametrize(
    ("value", "paths", "shown", "places"),
    [
        ({"a": 1}, [], {"a": 1}, ()),
        ({"pin": "1", "a": 2}, [("pin",)], {"pin": HIDDEN, "a": 2}, ("/pin",)),
        ({"a": 2}, [("pin",)], {"a": 2}, ()),
        ({"card": {"number": 1, "name": "x"}}, CARD, {"card": {"number": HIDDEN, "name": "x"}}, ("/card/number",)),
        ({"card": None}, CARD, {"card": None}, ()),
        ({"card": "4111"}, CARD, {"card": HIDDEN}, ("/card",)),
        ({"card": [{"number": 1}]}, CARD, {"card": HIDDEN}, ("/card",)),
        ({"l": [1, 2]}, [("l", "*")], {"l": [HIDDEN, HIDDEN]}, ("/l/0", "/l/1")),
        ({"l": {"x": 1}}, [("l", "*")], {"l": HIDDEN}, ("/l",)),
        ({"l": []}, [("l", "*")], {"l": []}, ()),
        ({"a/b~c": 1}, [("a/b~c",)], {"a/b~c": HIDDEN}, ("/a~1b~0c",)),
        ({"a": 1}, [()], HIDDEN, ("",)),
    ],
)
def test_masked(value: object, paths: list[tuple[str, ...]], shown: object, places: tuple[str, ...]) -> None:
    assert masked(value, paths) == (shown, places)
