"""``interlock ledger export``: sealed entries as lines of JSON, to a pipe or to a file that grows."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from app.cli.failing import RefusedByRule
from app.cli.growing import GrowingFile, opened_file
from app.cli.options import Data
from app.cli.place import opened
from app.domain.errors import NotFound
from app.steps.context import Context
from app.use_cases.export import lines

EVERY = 1.0
"""Seconds between two looks with ``--follow``: as long as sealing takes."""


def export(
    first: Annotated[
        int | None, typer.Option("--from", min=0, metavar="LEAF", help="The first leaf; by default 0.")
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--to", min=0, metavar="LEAF", help="The last leaf; by default the last that is sealed."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Append to this file, after the last whole line that it has."),
    ] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is sealed later.")] = False,
    data: Data = None,
) -> None:
    """The sealed ledger as lines of JSON, one an entry, in order of their leaves and without a gap (docs/export.md).

    A line never changes. What has no checkpoint over it yet is left for the next time.
    """
    asyncio.run(_export(data, first, last, out, follow=follow))


async def _export(data: Path | None, first: int | None, last: int | None, out: Path | None, *, follow: bool) -> None:
    with ExitStack() as files:
        file = None if out is None else files.enter_context(opened_file(out))
        async with opened(data) as place:
            begin = await _begin(place.ctx, first, file)
            end = None if last is None else last + 1
            async for page in _pages(place.ctx, begin, end, follow=follow):
                _write(sys.stdout.buffer if file is None else file, page)


async def _begin(ctx: Context, first: int | None, file: GrowingFile | None) -> int:
    """The leaf to go on with. Raises RefusedByRule for a file that is not of this ledger."""
    if file is None or file.last is None:
        if file is not None:
            file.cut()
        return first or 0
    leaf = file.last_leaf()
    found = (await lines(ctx, leaf, most=1)).lines
    if not found or found[0] != file.last:
        raise RefusedByRule(
            f"the last line of {file.path} is not leaf {leaf} of this ledger: it was changed, or is another ledger's."
            " Nothing was written. Run interlock ledger verify, and keep the file."
        )
    if first is not None and first != leaf + 1:
        raise RefusedByRule(f"{file.path} goes on with leaf {leaf + 1}: leave --from out, or name another file.")
    file.cut()
    return leaf + 1


async def _pages(ctx: Context, first: int, end: int | None, *, follow: bool) -> AsyncIterator[Sequence[bytes]]:
    """Pages until the end. Raises NotFound for leaves that are not sealed, unless it is to follow."""
    while end is None or first < end:
        page = await lines(ctx, first, end=end)
        if not follow and max(first, end or 0) > page.sealed:
            raise NotFound(f"{page.sealed} leaves are sealed, from 0 on: leaf {max(first, (end or 0) - 1)} is not.")
        if page.lines:
            yield page.lines
        elif follow:
            await asyncio.sleep(EVERY)
        else:
            return
        first = page.next


def _write(to: BinaryIO | GrowingFile, page: Sequence[bytes]) -> None:
    to.write(b"".join(line + b"\n" for line in page))
    to.flush()
