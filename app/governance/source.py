"""One YAML 1.2 file to plain JSON values, trusting nothing in it.

The node graph is read by hand instead of by a constructor: only the JSON types come out, duplicate and merge keys are
refused with their line, and aliases cannot blow up, because every use of one is counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 1 << 20
MAX_VALUES = 100_000
MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1

_TAG = "tag:yaml.org,2002:"
_OLD_YAML = re.compile(r"^%YAML[ \t]+(?!1\.2\s)", re.MULTILINE)


class SourceInvalid(Exception):
    """The file is not YAML that Interlock takes; the text says why and where."""


def read(path: Path) -> Any:
    """The JSON value of a file; None for an empty one. Raises `SourceInvalid`, and nothing else."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceInvalid(f"cannot be read: {error.strerror or type(error).__name__}") from error
    return parse(data)


def parse(data: bytes) -> Any:
    """The JSON value of YAML bytes in UTF-8. Raises `SourceInvalid`, and nothing else."""
    if len(data) > MAX_BYTES:
        raise SourceInvalid(f"is larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceInvalid(f"is not UTF-8 at byte {error.start}") from error
    if _OLD_YAML.search(text):
        raise SourceInvalid("only YAML 1.2 is read")
    return _value(_compose(text))


def _compose(text: str) -> Node | None:
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise SourceInvalid(f"{line}{error.problem or error.context or 'not YAML'}") from error
    except RecursionError as error:
        raise SourceInvalid(f"is nested deeper than {MAX_DEPTH}") from error
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError) as error:
        raise SourceInvalid(
            f"is not YAML: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error
    return node


def _value(node: Node | None) -> Any:
    return None if node is None else _Reader().read(node, 0)


class _Reader:
    """Counts what it reads: a value behind an alias counts each time that it is used."""

    def __init__(self) -> None:
        self.left = MAX_VALUES
        self.scalars = YAML(typ="safe", pure=True).constructor

    def read(self, node: Node, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise SourceInvalid(f"holds more than {MAX_VALUES} values, aliases expanded")
        if depth > MAX_DEPTH:
            raise SourceInvalid(f"{_line(node)}: is nested deeper than {MAX_DEPTH}")
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return dict(self._pairs(node, depth))
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.read(item, depth + 1) for item in node.value]
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        raise SourceInvalid(f"{_line(node)}: the tag {node.tag} is not taken")

    def _pairs(self, node: MappingNode, depth: int) -> Iterator[tuple[str, Any]]:
        seen = set()
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                raise SourceInvalid(f"{_line(key_node)}: merge keys (<<) are not taken; write the keys out")
            key = self.read(key_node, depth + 1)
            if not isinstance(key, str):
                raise SourceInvalid(f"{_line(key_node)}: a key must be a string")
            if key in seen:
                raise SourceInvalid(f"{_line(key_node)}: the key {key!r} is there twice")
            seen.add(key)
            yield key, self.read(value_node, depth + 1)

    def _scalar(self, node: ScalarNode) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        # A timestamp stays as it is written: JSON has none, and 2027-03-31 is what its reader expects to see again.
        if kind in ("str", "timestamp"):
            return _string(node)
        try:
            return self._plain(kind, node)
        except (ValueError, LookupError, ArithmeticError, YAMLError) as error:
            raise SourceInvalid(f"{_line(node)}: {str(node.value)[:80]!r} is not a {kind}") from error

    def _plain(self, kind: str, node: ScalarNode) -> Any:
        if kind == "null":
            return None
        if kind == "bool":
            return bool(self.scalars.construct_yaml_bool(node))
        if kind == "int":
            return _integer(node, int(self.scalars.construct_yaml_int(node)))
        if kind == "float":
            return _finite(float(self.scalars.construct_yaml_float(node)))
        raise SourceInvalid(f"{_line(node)}: the tag {node.tag} is not taken")


def _integer(node: ScalarNode, value: int) -> int:
    if abs(value) > MAX_INTEGER:
        raise SourceInvalid(f"{_line(node)}: an integer beyond 2^53-1 does not survive JSON")
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


def _string(node: ScalarNode) -> str:
    text = str(node.value)
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise SourceInvalid(f"{_line(node)}: a string holds NUL or half a surrogate pair")
    return text


def _line(node: Node) -> str:
    mark = node.start_mark
    return "somewhere" if mark is None else f"line {mark.line + 1}"
