"""``corrie report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.console import give, say
from corrie.errors import InputError


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.", metavar="RUN...")],
    out: Annotated[
        Path | None, typer.Option(help="The HTML file: one file, opens from disk without a network.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="A figure for a paper instead: .pdf, .png or .svg.")] = None,
    retention: Annotated[
        float | None, typer.Option(help="Share of the score above chance that counts as kept.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    show_sensitive: Annotated[
        bool, typer.Option("--show-sensitive", help="Include the texts of harmful requests and their answers.")
    ] = False,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="One figure: most-case, worst-case and fine-tuning curves of all runs over the distance moved.",
        ),
    ] = False,
) -> None:
    """Draw one or several runs: every capability's curve, the basins nested, the table with intervals."""
    from corrie.verbs import report as draw

    if together and figure is None:
        raise InputError("curves on one axis", found="no figure to draw them in", advice="--figure curves.png")

    for made in draw(
        runs,
        out=Path("report.html") if out is None and figure is None else out,
        figure=figure,
        retention=retention,
        confidence=confidence,
        show_sensitive=show_sensitive,
        together=together,
    ):
        say(f"Wrote {made}")
    if together:
        from corrie.analysis.together import Together

        give(str(Together.open(runs, retention)))
