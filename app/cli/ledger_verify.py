"""``interlock ledger verify`` and ``bundle``: whether what was recorded still is what was recorded, and proof to go."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.failing import FINDINGS
from app.cli.options import Data
from app.cli.place import Place, opened
from app.db import auditing
from app.domain.ledger import LedgerFinding
from app.domain.note import NoteInvalid, VerifierKey, parse_verifier_key
from app.ledger.anchors.anchor import AnchorFailed
from app.ledger.anchors.building import build_anchors
from app.ledger.bundle import Bundle, check
from app.ledger.check import Check, Checked
from app.ledger.notes import verifiers

Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="VKEY",
        help="The log's verifier key, or a file that holds it. Of a bundle it is needed; of the database it is that of"
        " this installation's key ring, unless given.",
    ),
]


def verify(
    bundle: Annotated[
        Path | None, typer.Argument(metavar="BUNDLE", help="A bundle; without one, the database.")
    ] = None,
    key: Key = None,
    data: Data = None,
) -> None:
    """Check a bundle, offline, or the whole database: bodies, chains, leaves, roots, checkpoints, anchors, tables.

    One line on stdout for each finding, `where: what`; exit code 1 if there is any.
    """
    if bundle is not None:
        _verify_bundle(bundle, key)
    else:
        _verify_database(data, key)


def _verify_bundle(path: Path, key: str | None) -> None:
    if key is None:
        raise typer.BadParameter("a bundle is checked with --key VKEY, which you have from elsewhere than the bundle")
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {path}")
    found, findings = check(path.read_bytes(), [_verifier(key)])
    _tell(findings)
    assert found is not None  # noqa: S101  for the type checker: what cannot be read was a finding
    typer.echo(f"verified: {_said(found)}")


def _said(bundle: Bundle) -> str:
    ends = [f"{id_} {status}" for id_, status in sorted(bundle["outcome"].items()) if id_ == bundle["id"]]
    what = f"{bundle['kind']} {bundle['id']}" if not ends else f"{bundle['kind']} {ends[0]}"
    size = bundle["checkpoint"].split("\n")[1]
    return f"{what}; {len(bundle['entries'])} entries under the checkpoint of {size}"


def _verifier(key: str) -> VerifierKey:
    """Raises typer.BadParameter."""
    path = Path(key)
    try:
        return parse_verifier_key(path.read_text() if path.is_file() else key)
    except (NoteInvalid, OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"--key: {error}") from None


def _tell(findings: list[LedgerFinding]) -> None:
    for finding in findings:
        typer.echo(f"{finding.where}: {finding.what}")
    if findings:
        raise typer.Exit(FINDINGS)


def _verify_database(data: Path | None, key: str | None) -> None:
    given = None if key is None else [_verifier(key)]
    findings, done = asyncio.run(_checked(data, given))
    _tell(findings)
    typer.echo(
        f"verified: {done.entries} entries, {done.leaves} of them sealed, {done.checkpoints} checkpoints,"
        f" {done.requests} requests"
    )
    open_ = f"open: {done.open}, for which no anchor vouches yet"
    typer.echo(f"anchored: {done.anchored} entries ({done.notes} checkpoints); {open_}")


async def _checked(data: Path | None, keys: list[VerifierKey] | None) -> tuple[list[LedgerFinding], Checked]:
    async with opened(data) as place:
        known = keys or list(verifiers(place.settings.ledger_origin, place.rings.ledger))
        looking = Check(known, await _anchors(place))
        async with auditing.moment(place.settings.database.url.get_secret_value()) as connection:
            return [finding async for finding in looking.run(connection)], looking.done


async def _anchors(place: Place) -> dict[str, list[str] | str]:
    """What each anchor holds, or why that cannot be told."""
    found = dict[str, list[str] | str]()
    for anchor in build_anchors(place.settings.ledger.anchors):
        try:
            found[anchor.name] = [note async for note in anchor.notes()]
        except (AnchorFailed, OSError) as error:
            found[anchor.name] = str(error)
    return found
