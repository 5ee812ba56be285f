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
    """Every outcome as a table: one row for each direction, α, task and example; of a plane, for each α, β, ….

    Of a run with lines and planes, that is written which was asked last.
    """
    from corrie.analysis.export import export as write
    from corrie.analysis.landscape import Landscape
    from corrie.analysis.plane import Plane

    last = Plane.last_of(run)
    made = write(last or Landscape.open(run), out, format)
    say(f"Wrote {made}")
