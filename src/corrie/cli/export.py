"""``corrie export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corrie.cli.console import say

if TYPE_CHECKING:
    from corrie.analysis.export import Run
    from corrie.records.run_folder import RunFolder


INSPECT = "inspect"


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    out: Annotated[Path, typer.Option(help="The file to write; for inspect, the folder to make.")],
    format: Annotated[
        str | None,
        typer.Option(help="csv, netcdf or parquet (default: by the file's ending); inspect: logs for its viewer."),
    ] = None,
) -> None:
    """Every outcome as a table: one row for each direction, α, task and example; of a plane, for each α, β, ….

    Of a run with lines and planes, that is written which was asked last; of one with neither, every draw. For Inspect:
    a log for each place and task that was scored, with the answers.
    """
    from corrie.records.run_folder import RunFolder

    folder = RunFolder.open(run)
    if format == INSPECT:
        from corrie.analysis.inspect_logs import export_logs

        with folder.store() as store:
            made = export_logs(store, out)
    else:
        from corrie.analysis.export import export as write

        made = write(_asked(folder), out, format)
    say(f"Wrote {made}")


def _asked(folder: RunFolder) -> Run:
    """What a run is, by what was asked of it last."""
    from corrie.analysis.every_cell import EveryCell
    from corrie.analysis.landscape import Landscape
    from corrie.analysis.plane import Plane

    if not folder.has_store:
        return EveryCell.open(folder)
    with folder.store() as store:
        asked = store.specs()
        if not asked:
            return EveryCell.open(folder)
        return Plane.of(store, asked[-1][0]) if asked[-1][0].is_plane else Landscape.from_store(store)
