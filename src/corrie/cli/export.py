"""``corrie export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.console import say


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    format: Annotated[str | None, typer.Option(help="csv, netcdf or parquet. Default: by the file's ending.")] = None,
) -> None:
    """Every outcome as a table: one row for each direction, α, task and example."""
    from corrie.analysis.export import export as write
    from corrie.analysis.landscape import Landscape

    say(f"Wrote {write(Landscape.open(run), out, format)}")
