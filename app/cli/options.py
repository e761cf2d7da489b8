"""Options that commands share, accepted after the subcommand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="INTERLOCK_DATA",
        help="The data directory of a running dev stack; without it, the INTERLOCK_* settings of the environment.",
    ),
]
As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="PERSON",
        help="In development: who does it; by default the first of the people who may administer.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="Holds an access token of the person who does it."),
]
