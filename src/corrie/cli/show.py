"""``corrie show``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.console import console, emit, give, printed

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
    from corrie.reporting.kept_reading import reading_of

    shown = reading_of(run, retention, confidence)
    if as_json:
        return give(shown.data)
    said = []
    if shown.parts:
        from corrie.reporting.sheet import drawn

        drawing = console()
        with drawing.capture() as table:
            drawing.print(drawn(shown.parts))
        said.append(table.get().removesuffix("\n"))
    if shown.says:
        said.append(printed(shown.says))
    emit("\n".join(said) or "Nothing was asked of this run yet.")
