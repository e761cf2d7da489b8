"""Subjects: ``scheme:value``, who somebody is as a customer, payee or grantee; one spelling each."""

from __future__ import annotations

import re
import unicodedata

_SHAPE = re.compile(r"([a-z][a-z0-9_-]*):(\S{1,200})", re.IGNORECASE)


def subject(text: str) -> str:
    """The one spelling of a subject: scheme in lower case, value in NFC.

    Raises ValueError for what is not ``scheme:value``, and for white space, control and format characters
    (Unicode general category C), with which a bot could launder a name by spelling it otherwise.
    """
    match = _SHAPE.fullmatch(text)
    if match is None or any(unicodedata.category(char).startswith(("C", "Z")) for char in text):
        raise ValueError(f"{text!r} is not a subject: scheme:value, without spaces or invisible characters")
    return f"{match[1].lower()}:{unicodedata.normalize('NFC', match[2])}"
