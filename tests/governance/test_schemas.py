"""Parameters are checked as the schema says, whatever they hold, and no sentence repeats their values."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import OffSchema
from app.governance.schemas import ParameterSchema, schema_findings, sensitive_paths

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^#W[0-9]+$"},
        "mail": {"type": "string", "format": "email", "x-sensitive": True},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "lines": {
            "type": "array",
            "items": {"type": "object", "properties": {"note": {"type": "string", "x-sensitive": True}}},
            "maxItems": 2,
        },
        "amount": {"type": "integer", "minimum": 0},
    },
    "required": ["id"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({}, "parameters"),
        ([], "parameters"),
        ({"id": "#W1", "secret": 1}, "parameters"),
        ({"id": "#W1secret"}, "parameters.id"),
        ({"id": "#W1\n"}, "parameters.id"),
        ({"id": "#W1\0"}, "parameters"),
        ({"id": 1}, "parameters.id"),
        ({"id": "#W1", "mail": "secret"}, "parameters.mail"),
        ({"id": "#W1", "day": "2026-02-30"}, "parameters.day"),
        ({"id": "#W1", "day": "20260230"}, "parameters.day"),
        ({"id": "#W1", "at": "2026-02-01 10:00"}, "parameters.at"),
        ({"id": "#W1", "at": "2026-02-30T10:00:00Z"}, "parameters.at"),
        ({"id": "#W1", "lines": [{}, {"note": 5}]}, "parameters.lines[1].note"),
        ({"id": "#W1", "lines": [{}, {}, {}]}, "parameters.lines"),
        ({"id": "#W1", "amount": True}, "parameters.amount"),
        ({"id": "#W1", "amount": "5"}, "parameters.amount"),
        ({"id": "#W1", "amount": 1.5}, "parameters.amount"),
    ],
)
def test_off_schema_names_the_path_and_no_value(parameters: Any, where: str) -> None:
    with pytest.raises(OffSchema) as caught:
        ParameterSchema(ORDER).check(parameters)
    assert caught.value.where == where
    assert "secret" not in str(caught.value)


def test_what_fits_passes() -> None:
    fits = {"id": "#W1", "mail": "a@b.example", "day": "2026-02-28", "at": "2026-02-01T10:00:00+02:00", "amount": 2.0}
    ParameterSchema(ORDER).check({**fits, "lines": [{"note": "x"}]})


def test_sensitive_paths() -> None:
    assert sensitive_paths(ORDER) == (("lines", "*", "note"), ("mail",))
    assert list(schema_findings(ORDER)) == []


def test_a_property_may_be_called_like_a_keyword() -> None:
    schema = {
        "type": "object",
        "properties": {"$id": {"type": "string"}, "format": {"const": {"format": 1, "$ref": 2}}, "x-sensitive": {}},
    }
    assert list(schema_findings(schema)) == []


def test_references_without_end_are_refused_at_the_latest_at_the_parameters() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}}
    ParameterSchema(schema).check({})
    with pytest.raises(OffSchema):
        ParameterSchema(schema).check({"a": 1})


@pytest.mark.parametrize("keyword", ["$id", "$dynamicRef", "$dynamicAnchor", "patternProperties"])
def test_keywords_that_are_not_honoured_are_named(keyword: str) -> None:
    inner: dict[str, Any] = {keyword: {"$id": "x", "$dynamicRef": "#x", "$dynamicAnchor": "x"}.get(keyword, {})}
    findings = list(schema_findings({"type": "object", "properties": {"a": inner}}))
    assert (("properties", "a", keyword), "not honoured by this version of Interlock") in findings


@pytest.mark.parametrize(("doublings", "taken"), [(8, True), (14, False)])
def test_a_schema_that_doubles_with_each_reference_is_measured_before_it_is_tried(doublings: int, taken: bool) -> None:
    """Thirty of them are a few lines of a draft, and hours of whoever checks it."""
    twice = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(doublings)}
    schema = {"type": "object", "$ref": "#/$defs/a0", "$defs": {**twice, f"a{doublings}": {"type": "object"}}}
    told = [] if taken else [((), "stands for more than 10,000 parts, each reference written out")]
    assert list(schema_findings(schema)) == told
