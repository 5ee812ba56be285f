"""``corrie show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corrie.cli.console import give, wide_enough

if TYPE_CHECKING:
    from rich.table import Table

    from corrie.analysis.landscape import Landscape

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
    """Print a finished or unfinished run: its landscape, its planes, the claims it was asked, and its certificates."""
    from corrie.analysis.fraction_claim import FractionClaim
    from corrie.analysis.landscape import Landscape
    from corrie.analysis.plane import Plane
    from corrie.analysis.summary import summary
    from corrie.analysis.verification import verify
    from corrie.records.sqlite_store import SqliteStore

    with SqliteStore.open(run) as store:
        claims = FractionClaim.all_of(store)
        certificates = [verify(file).certificate for file in sorted(run.glob("certificate-*.json"))]
        planes = Plane.all_of(store)
        lines = any(not spec.is_plane for spec, _ in store.specs())
        landscape = Landscape.from_store(store) if lines or not (claims or certificates or planes) else None
    if as_json:
        found = summary(landscape, retention=retention, confidence=confidence) if landscape else {"capabilities": []}
        more = {"planes": [plane.to_json() for plane in planes]} if planes else {}
        stated = {"claims": [c.to_json() for c in claims], "certificates": [c.to_json() for c in certificates]}
        give({**found, **more, **stated})
        return
    if landscape is not None:
        wide_enough().print(_table(landscape, retention, confidence))
    for statement in (*planes, *claims, *certificates):
        give(str(statement))


def _table(landscape: Landscape, retention: float | None, confidence: float) -> Table:
    """Basins of a landscape along random directions, scores along a path."""
    from corrie.reporting.path_table import paths_table
    from corrie.reporting.table import basins_table

    if landscape.is_path:
        return paths_table(landscape)
    return basins_table(landscape, landscape.basins(retention, confidence))
