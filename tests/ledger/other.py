"""Another implementation: a Go program with the checksum database's own `sumdb/tlog` and `sumdb/note`."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.devstack.errors import StackError
from app.devstack.programs import made_once, run
from app.devstack.temporal_cli import cache_directory

MODULE = Path(__file__).parent / "go"


async def built() -> Path:
    """The program, built once for these sources. Raises StackError where Go is not installed, as it must be."""
    sources = b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum", "main.go"))
    name = f"tests-tlog-{hashlib.sha256(sources).hexdigest()[:16]}"
    return await made_once(cache_directory() / name, (_build,))


async def _build(target: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise StackError("Go is not installed, and the agreement of proofs with sumdb/tlog is tested with it")
    flags = ("-mod=readonly", "-trimpath", "-buildvcs=false")
    status, output = await run(go, "build", "-C", str(MODULE), *flags, "-o", str(target), ".")
    if status != 0:
        raise StackError(f"go build in {MODULE} failed: {output.strip()[-1000:]}")


@dataclass(frozen=True, slots=True)
class Said:
    """What it says of one thing that it was asked. ``path``, ``root``: its own."""

    fine: bool
    path: list[bytes]
    root: bytes
    text: str
    error: str


def told(program: Path, bodies: Sequence[bytes], asks: Sequence[dict[str, Any]]) -> list[Said]:
    """Its answers about the tree over these bodies, in the order of ``asks``."""
    lines = [{"op": "grow", "leaves": [_text(body) for body in bodies]}, *asks]
    given = "".join(f"{json.dumps(line)}\n" for line in lines)
    ended = subprocess.run([program], input=given, capture_output=True, text=True, timeout=120, check=True)
    grown, *answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert grown == {"fine": True}
    assert len(answers) == len(asks)
    return [_said(answer) for answer in answers]


def asked(op: str, *, path: Sequence[bytes] = (), **more: Any) -> dict[str, Any]:
    """One thing to ask it."""
    return {"op": op, "path": [_text(hash_) for hash_ in path], **more}


def _said(answer: dict[str, Any]) -> Said:
    path = [base64.b64decode(hash_) for hash_ in answer.get("path", [])]
    root = base64.b64decode(answer.get("root", ""))
    return Said(answer["fine"], path, root, answer.get("text", ""), answer.get("error", ""))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
