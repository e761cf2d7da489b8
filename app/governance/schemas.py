"""Parameters of an action: JSON Schema 2020-12, compiled once, made safe against hostile input.

Patterns run on RE2 instead of Python's `re`: linear time, and ``$`` does not match before a trailing line feed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker, SchemaError, ValidationError, validators
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012
from rfc8785 import CanonicalizationError

from app.domain.digest import canonical
from app.domain.errors import OffSchema
from app.governance.cel import compile_pattern, matches
from app.governance.errors import ExpressionInvalid, RuleError
from app.governance.tree import NOT_HONOURED, path_text

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SENSITIVE = "x-sensitive"
_LATER = ("$id", "$dynamicRef", "$dynamicAnchor", "patternProperties")
_ONE = ("items", "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties")
_ONE_MORE = ("unevaluatedItems", "unevaluatedProperties", "contentSchema")
_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAP = ("properties", "$defs", "definitions", "dependentSchemas")
_PLAIN = (
    *(
        "$schema",
        "$ref",
        "$comment",
        "$anchor",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
    ),
    *("writeOnly", "type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minContains"),
    *("maxContains", "required", "minProperties", "maxProperties", "dependentRequired"),
    *("contentEncoding", "contentMediaType", SENSITIVE),
)
_KNOWN = frozenset((*_PLAIN, *_ONE, *_ONE_MORE, *_LIST, *_MAP))
"""A keyword that is none would silently check nothing; and ``$ref`` could reach what stands under it, unseen."""
_SAME_PLACE = ("allOf", "anyOf", "oneOf", "if", "then", "else")

MAX_PARTS = 10_000
"""Parts of one schema with its references written out: whoever checks parameters reads them all."""

Path = tuple[str | int, ...]
Place = tuple[str, ...] | None


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not matches(compile_pattern(pattern), instance):
        yield ValidationError("does not match")


def _unique_items(_validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """By their RFC 8785 bytes: jsonschema compares every pair, which a list of objects turns into minutes."""
    if wanted is True and isinstance(instance, list):
        try:
            seen = {canonical(item) for item in instance}
        except (CanonicalizationError, RecursionError):
            seen = set()
        if len(seen) != len(instance):
            yield ValidationError("has equal items")


_Validator = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique_items}
)


def _email(text: str) -> bool:
    return re.fullmatch(r"[^\s@]+@[^\s@]+", text) is not None


def _date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) is not None and bool(date.fromisoformat(text))


def _date_time(text: str) -> bool:
    shape = r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})"
    return re.fullmatch(shape, text, re.ASCII) is not None and bool(datetime.fromisoformat(text[:19].upper()))


def _uri(text: str) -> bool:
    return re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*:[!-~]+", text) is not None and bool(urlsplit(text).scheme)


def _uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None and bool(UUID(text))


FORMATS = {
    "date": _date,
    "date-time": _date_time,
    "email": _email,
    "ipv4": lambda text: bool(str(IPv4Address(text))),
    "ipv6": lambda text: bool(str(IPv6Address(text))),
    "uri": _uri,
    "uuid": _uuid,
}
"""The formats that are checked; any other is refused in a schema, since it would silently pass everything."""


def _format_checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, check in FORMATS.items():

        def checked(value: object, check: Any = check) -> bool:
            return not isinstance(value, str) or bool(check(value))

        checker.checkers = {**checker.checkers, name: (checked, ValueError)}
    return checker


_FORMATS = _format_checker()


class ParameterSchema:
    """A compiled schema; `check` is safe to call from many threads."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = _Validator(dict(schema), registry=Registry(), format_checker=_FORMATS)

    def check(self, parameters: Any) -> None:
        """Raises `OffSchema` with the path of the first deviation; the sentence holds no value of the parameters."""
        try:
            error = next(iter(self._validator.iter_errors(parameters)), None)
        except (RuleError, ExpressionInvalid, RecursionError, Unresolvable) as failed:
            raise OffSchema(
                "The parameters cannot be checked against the action's schema.", where="parameters"
            ) from failed
        if error is not None:
            where = "parameters" + path_text(tuple(error.absolute_path))
            raise OffSchema(f"{where} is not what the action takes: {_reason(error)}.", where=where)


def _reason(error: ValidationError) -> str:
    keyword, wanted, schema = str(error.validator), error.validator_value, error.schema
    given: Any = error.instance
    if keyword == "required" and isinstance(wanted, list):
        return "missing " + ", ".join(name for name in wanted if name not in given)
    if keyword == "additionalProperties" and isinstance(schema, Mapping):
        return "it has fields beyond " + ", ".join(schema.get("properties", ()))
    return f"{keyword} {json.dumps(wanted, ensure_ascii=False, default=str)[:200]}"


def schema_findings(schema: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Everything that is wrong with a schema for parameters, as path and reason."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        yield tuple(error.absolute_path), f"is not JSON Schema 2020-12: {error.message[:200]}"
        return
    if schema.get("type") != "object":
        yield ("type",), "must be object"
    if schema.get("$schema", DIALECT) != DIALECT:
        yield ("$schema",), f"must be {DIALECT}"
    for path, place, part in _parts(schema, (), ()):
        yield from _part_findings(schema, path, place, part)
    if _size(schema, schema, {}) > MAX_PARTS:
        yield (), f"stands for more than {MAX_PARTS:,} parts, each reference written out"
        return
    yield from _endless(schema)


def _size(root: Mapping[str, Any], schema: Any, known: dict[str, int]) -> int:
    """How many parts it has with each reference written out: a chain of them that doubles is small only on paper.

    ``known``: by reference; one that leads back to itself adds nothing, how deep that goes is for the parameters.
    """
    size = 0
    for _, _, part in _parts(schema, (), ()):
        size += 1
        reference = part.get("$ref")
        if not isinstance(reference, str) or not _resolves(root, reference):
            continue
        if reference not in known:
            known[reference] = 0
            known[reference] = _size(root, _target(root, reference), known)
        size += known[reference]
    return size


def sensitive_paths(schema: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Where ``x-sensitive: true`` stands, as paths into the parameters; ``"*"`` for the elements of a list."""
    places = {place for _, place, part in _parts(schema, (), ()) if part.get(SENSITIVE) is True and place is not None}
    return tuple(sorted(places))


def _parts(schema: Any, path: Path, place: Place) -> Iterator[tuple[Path, Place, Mapping[str, Any]]]:
    """Each subschema with its path in the schema and its place in the parameters (None: no fixed place)."""
    if not isinstance(schema, Mapping):
        return
    yield path, place, schema
    for key, inner in schema.items():
        if key in _ONE + _ONE_MORE:
            yield from _parts(inner, (*path, key), _placed(place, key))
        elif key in _LIST:
            for number, part in enumerate(inner):
                yield from _parts(part, (*path, key, number), _placed(place, key))
        elif key in _MAP:
            for name, part in inner.items():
                yield from _parts(part, (*path, key, name), _placed(place, key, name))


def _placed(place: Place, key: str, name: str = "*") -> Place:
    if place is None:
        return None
    if key in _SAME_PLACE:
        return place
    return (*place, name) if key in ("properties", "items", "prefixItems") else None


def _part_findings(
    root: Mapping[str, Any], path: Path, place: Place, part: Mapping[str, Any]
) -> Iterator[tuple[Path, str]]:
    for key in part:
        if key in _LATER:
            yield (*path, key), NOT_HONOURED
        elif key not in _KNOWN:
            yield (*path, key), "is no keyword of JSON Schema 2020-12: it would check nothing"
    if part.get("format", "date") not in FORMATS:
        yield (*path, "format"), f"the format {part['format']!r} is {NOT_HONOURED}; known are " + ", ".join(FORMATS)
    if SENSITIVE in part and not isinstance(part[SENSITIVE], bool):
        yield (*path, SENSITIVE), "must be true or false"
    elif part.get(SENSITIVE) and place is None:
        yield (*path, SENSITIVE), "only a field reached by properties and items can be masked"
    yield from (((*path, "$ref"), wrong) for wrong in _reference_findings(root, part))
    if "pattern" in part:
        try:
            compile_pattern(part["pattern"])
        except ExpressionInvalid as error:
            yield (*path, "pattern"), str(error)


def _reference_findings(root: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in part and not _resolves(root, part["$ref"]):
        yield "must point into this schema: #/..."
    elif "$ref" in part and _marked(root, part["$ref"]):
        yield "points to a masked field, which would be shown here: write it out"


def _marked(root: Mapping[str, Any], reference: str) -> bool:
    """True where something is masked that a reference stands for."""
    return any(part.get(SENSITIVE) for _, _, part in _parts(_target(root, reference), (), ()))


def _target(root: Mapping[str, Any], reference: str) -> Any:
    """What a reference stands for. Raises Unresolvable."""
    return Registry().with_resource("", DRAFT202012.create_resource(root)).resolver().lookup(reference).contents


def _resolves(root: Mapping[str, Any], reference: str) -> bool:
    if not reference.startswith("#"):
        return False
    try:
        _target(root, reference)
    except Unresolvable:
        return False
    return True


def _endless(schema: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    try:
        list(_Validator(dict(schema), registry=Registry()).iter_errors({}))
    except RecursionError:
        yield (), "refers to itself without end"
    except (Unresolvable, ExpressionInvalid, RuleError):
        return
