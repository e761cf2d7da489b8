"""Hostile YAML is a finding, never a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.governance.check import check
from app.governance.source import MAX_BYTES, SourceInvalid, parse

BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [*{old},*{old},*{old},*{old},*{old},*{old},*{old},*{old},*{old},*{old}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

REFUSED = [
    (b"a: 1\na: 2", "line 2"),
    (b"a: {b: 1, 'b': 2}", "twice"),
    (b"x: &x {a: 1}\ny: {<<: *x}", "merge keys"),
    (b"x: &x {a: 1}\ny:\n  <<: [*x]", "line 3"),
    (b"a: &a [*a]", ""),
    (BOMB.encode(), "aliases expanded"),
    (b"[" * 5000, "nested deeper"),
    (b"{a: " * 100 + b"1" + b"}" * 100, "nested deeper"),
    (b"a: !!python/object/apply:os.system [id]", "tag"),
    (b"a: !!binary aGk=", "tag"),
    (b"a: !!set {b}", "tag"),
    (b"a: !mine b", "tag"),
    (b"1: a", "must be a string"),
    (b"? [a]\n: b", "must be a string"),
    (b"a: .nan", "is not a float"),
    (b"a: -.inf", "is not a float"),
    (b"a: 9007199254740992", "2^53-1"),
    (b'a: "\\0"', "NUL"),
    (b'a: "\\ud800"', ""),
    (b"a: 1\n---\nb: 2", "document"),
    (b"%YAML 1.1\n---\na: yes", "1.2"),
    (b"a: *nowhere", "line 1"),
    (b"a: 'open", "line 1"),
    (b"\xff\xfe", "UTF-8"),
    (b"a: \x01", ""),
    (b"a" * (MAX_BYTES + 1), "larger"),
]


@pytest.mark.parametrize(("data", "why"), REFUSED)
def test_refused_with_a_reason(data: bytes, why: str) -> None:
    with pytest.raises(SourceInvalid) as caught:
        parse(data)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: yes", {"a": "yes"}),
        ("a: 2027-03-31", {"a": "2027-03-31"}),
        ("a: 0o17", {"a": 15}),
        ("a: 1.5", {"a": 1.5}),
        ("a: ~", {"a": None}),
        ("'<<': 1", {"<<": 1}),
        ("x: &x [1]\ny: *x", {"x": [1], "y": [1]}),
    ],
)
def test_read_as_json(text: str, value: Any) -> None:
    assert parse(text.encode()) == value


@given(
    st.one_of(
        st.binary(max_size=200), st.text(alphabet="ab:-[]{}&*!<>|'\"#%@`?, \n\t0123~\\", max_size=80).map(str.encode)
    )
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse(data)
    except SourceInvalid:
        return


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("section", ["people", "groups", "targets", "bots", "actions", "windows", "rules", "plans"])
@given(value=VALUES)
def test_any_value_of_a_section_is_checked_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, section: str, value: Any
) -> None:
    folder: Path = tmp_path_factory.mktemp("any")
    (folder / "a.yaml").write_text(json.dumps({section: value}))
    assert check(folder)


def test_findings_hold_no_control_characters(tmp_path: Path) -> None:
    (tmp_path / "a\x1b.yaml").write_text(json.dumps({"\x1bkey": [], "groups": [{"name": "\x1b[2J", "\x07": 1}]}))
    assert all((finding.where + finding.what).isprintable() for finding in check(tmp_path))


def test_a_folder_named_like_a_file_and_a_broken_link_are_findings(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    (tmp_path / "b.yaml").symlink_to(tmp_path / "nowhere")
    assert {f.where for f in check(tmp_path) if "cannot be read" in f.what} == {"a.yaml", "b.yaml"}
