"""``corrie show``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corrie.cli.console import console, emit, printed

if TYPE_CHECKING:
    from rich.console import RenderableType

    from corrie.analysis.landscape import Landscape
    from corrie.analysis.plane import Plane
    from corrie.analysis.statement import Statement
    from corrie.records.run_folder import RunFolder

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
    """Print a finished or unfinished run: its landscape, its planes, and all that is claimed in it."""
    from corrie.cli.kept_reading import KeptReading

    reading = KeptReading(run, {"as_json": as_json, "retention": retention, "confidence": confidence})
    text = reading.read()
    if text is None:
        with warnings.catch_warnings(record=True) as said:
            text = _read(run, as_json, retention, confidence)
        for one in said:
            warnings.showwarning(one.message, one.category, one.filename, one.lineno)
        if not said:
            reading.keep(text)
    emit(text)


def _read(run: Path, as_json: bool, retention: float | None, confidence: float) -> str:
    """What is printed of a run, read from its folder."""
    from corrie.records.run_folder import RunFolder

    folder = RunFolder.open(run)
    planes, landscape = _scanned(folder)
    from corrie.analysis.statement import statements_in

    stated = tuple(statements_in(folder))
    if as_json:
        return printed(_plain(landscape, planes, stated, retention, confidence))
    parts = []
    if landscape is not None:
        drawing = console()
        with drawing.capture() as table:
            drawing.print(_table(landscape, retention, confidence))
        parts.append(table.get().removesuffix("\n"))
    if planes or stated:
        parts.append(printed("\n\n".join(map(str, (*planes, *stated)))))
    return "\n".join(parts) or "Nothing was asked of this run yet."


def _scanned(folder: RunFolder) -> tuple[tuple[Plane, ...], Landscape | None]:
    """A run's planes, and its lines if it has any."""
    if not folder.has_store:
        return (), None
    with folder.store() as store:
        kinds = {spec.is_plane for spec, _ in store.specs()}
        planes: tuple[Plane, ...] = ()
        if True in kinds:
            from corrie.analysis.plane import Plane

            planes = Plane.all_of(store)
        if False not in kinds:
            return planes, None
        from corrie.analysis.landscape import Landscape

        return planes, Landscape.from_store(store)


def _plain(
    landscape: Landscape | None,
    planes: tuple[Plane, ...],
    stated: tuple[Statement, ...],
    retention: float | None,
    confidence: float,
) -> dict[str, Any]:
    """The same as data."""
    from corrie.analysis.summary import summary

    found = summary(landscape, retention=retention, confidence=confidence) if landscape else {"capabilities": []}
    if planes:
        found["planes"] = [plane.to_json() for plane in planes]
    of_kind: dict[str, list[Any]] = {"claims": [], "certificates": []}
    for one in stated:
        of_kind.setdefault(one.many, []).append(one.to_json())
    return {**found, **of_kind}


def _table(landscape: Landscape, retention: float | None, confidence: float) -> RenderableType:
    """Basins of a landscape along random directions, scores along a path."""
    from corrie.reporting.path_table import paths_table
    from corrie.reporting.table import basins_table

    if landscape.is_path:
        return paths_table(landscape)
    return basins_table(landscape, landscape.basins(retention, confidence))
