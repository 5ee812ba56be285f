"""The basins as a table for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from corrie.analysis.basin import Basin, percent
from corrie.analysis.landscape import Landscape
from corrie.reporting.words import gaps


def basins_table(landscape: Landscape, basins: Sequence[Basin] | None = None) -> Table:
    """One row for each task: score, chance, and the basin radius in σ, L2 and relative to a typical weight.

    Args:
        landscape: what was found.
        basins: of its tasks (default: at the retention the scan asked for, 95 % confidence).

    >>> from rich.console import Console
    >>> from corrie.testing.cliff_run import KINDS, cliff_run
    >>> landscape = Landscape.from_store(cliff_run(directions=2, examples=10, kinds=KINDS[:1]))
    >>> Console(width=110, color_system=None).print(basins_table(landscape))  # doctest: +ELLIPSIS
    toy, bfloat16: how far it can be moved ...
    """
    basins = landscape.basins() if basins is None else basins
    terms = f"{percent(basins[0].retention)} kept, {percent(basins[0].confidence)} confidence" if basins else ""
    table = Table(
        title=escape(f"{landscape.model.name}, {landscape.model.dtype}: how far it can be moved"),
        caption=_caption(landscape, basins, terms),
        title_justify="left",
        caption_justify="left",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    table.add_column("Capability")
    table.add_column("Score", justify="right")
    table.add_column("Chance", justify="right")
    table.add_column("Basin radius σ", no_wrap=True)
    table.add_column("Interval", no_wrap=True)
    table.add_column("L2", justify="right")
    table.add_column("of a weight", justify="right")
    table.add_column("Directions × examples", justify="right")
    for basin in basins:
        table.add_row(*(escape(cell) for cell in _cells(basin)))
    return table


def _cells(basin: Basin) -> tuple[str, ...]:
    name = basin.task if basin.task == basin.capability else f"{basin.task} ({basin.capability})"
    score = "–" if basin.score is None else f"{basin.score:.3f}"
    size = f"{basin.directions} × {basin.examples}" + ("*" if basin.indicative else "")
    if math.isnan(basin.limit):
        why = {"absent": "no such capability", "unmeasured": "not measured yet"}.get(basin.status, "edges only, in α")
        return (name, score, f"{basin.chance:.3g}", why, "", "–", "–", size)
    sign = {"beyond_range": ">", "before_first_step": "<"}.get(basin.status, "≤")
    low, high = basin.sigma_low or 0.0, basin.sigma_high or 0.0
    return (
        name,
        score,
        f"{basin.chance:.3g}",
        f"{sign} {basin.limit:.3g}",
        f"[{low:.3g}, ∞)" if math.isinf(high) else f"[{low:.3g}, {high:.3g}]",
        f"{sign} {basin.limit * math.sqrt(basin.dimension):.3g}",
        percent(basin.limit / basin.rms),
        size,
    )


def _caption(landscape: Landscape, basins: Sequence[Basin], terms: str) -> str:
    said = [terms] if terms else []
    if any(basin.indicative for basin in basins):
        said.append("* indicative: fewer than 8 directions × 100 examples")
    if unseen := [basin.unseen for basin in basins if basin.unseen is not None]:
        said.append(f"a kind of direction rarer than {percent(max(unseen))} may be unseen, and leave earlier")
    if any(basin.status == "beyond_range" for basin in basins):
        said.append("> beyond the largest σ tried")
    if any(basin.status == "before_first_step" for basin in basins):
        said.append("< before the smallest σ tried")
    if missing := gaps(landscape):
        said.append(missing)
    said += landscape.model.notes
    return escape("; ".join(said))
