"""``corrie compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.console import give, say
from corrie.cli.options import Json


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders along random directions.", metavar="RUN RUN...")],
    unit: Annotated[str, typer.Option(help="In which distances are compared: sigma, l2 or relative.")] = "sigma",
    retention: Annotated[
        float | None,
        typer.Option(help="Share of the score above chance that counts as kept. Default: the first run's."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the intervals, and of all differences together.")] = 0.95,
    figure: Annotated[Path | None, typer.Option(help="Draw it, too: .pdf, .png or .svg.")] = None,
    as_json: Json = False,
) -> None:
    """Put the basins of several models or checkpoints side by side, and say which can be told apart."""
    from corrie.analysis.comparison import Comparison, open_runs

    found = Comparison.of(open_runs(runs), unit=unit, retention=retention, confidence=confidence)
    give(found.to_json() if as_json else str(found))
    if figure is not None:
        from corrie.reporting.comparison_figure import save_comparison

        say(f"Wrote {save_comparison(found, figure)}")
