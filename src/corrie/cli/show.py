"""``corrie show``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.console import give, wide_enough

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]


def show(
    run: Run,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    retention: Annotated[
        float | None, typer.Option(help="Share of the score above chance that counts as kept. Default: the scan's.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
) -> None:
    """Each capability's score, and how far the weights can be moved before it is lost."""
    show_run(run, as_json=as_json, retention=retention, confidence=confidence)


def show_run(run: Path, *, as_json: bool, retention: float | None, confidence: float = 0.95) -> None:
    """Print a finished or unfinished run."""
    from corrie.analysis.landscape import Landscape
    from corrie.analysis.summary import summary

    landscape = Landscape.open(run)
    if as_json:
        give(summary(landscape, retention=retention, confidence=confidence))
        return
    from corrie.reporting.table import basins_table

    if landscape.is_path:
        from corrie.reporting.path_table import paths_table

        wide_enough().print(paths_table(landscape))
        return
    wide_enough().print(basins_table(landscape, landscape.basins(retention, confidence)))
