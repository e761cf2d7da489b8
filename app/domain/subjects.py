"""Subjects: ``scheme:value``, who somebody is as a customer, payee or grantee; one spelling each."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 200
_SHAPE = re.compile(rf"([a-zA-Z][a-zA-Z0-9_-]*):(\S{{1,{_LONGEST}}})")
# Both cases are written out: IGNORECASE lets U+017F and U+0130 pass for s and i, and lower() does not undo that.


def subject(text: str) -> str:
    """The one spelling of a subject: scheme in lower case, value in NFC.

    Raises ValueError for what is not ``scheme:value``, and for white space, control and format characters
    (Unicode general category C), with which a bot could launder a name by spelling it otherwise.
    """
    match = _SHAPE.fullmatch(text)
    value = "" if match is None else unicodedata.normalize("NFC", match[2])
    if match is None or len(value) > _LONGEST or any(unicodedata.category(char)[0] in "CZ" for char in value):
        raise ValueError(f"{text!r} is not a subject: scheme:value, without spaces or invisible characters")
    return f"{match[1].lower()}:{value}"
