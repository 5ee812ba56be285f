"""The basins as a table for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from corrie.analysis.basin import Basin
from corrie.analysis.basin_words import bracket
from corrie.analysis.landscape import Landscape
from corrie.analysis.percent import percent
from corrie.reporting.sheet import Column, Sheet
from corrie.reporting.words import gaps, weak


def basins_table(landscape: Landscape, basins: Sequence[Basin] | None = None) -> tuple[Sheet | str, ...]:
    """Radii of every capability in σ, L2 and relative to a typical weight; flips at the radius; weak ones apart.

    For each task one line for each retention, the one asked for first, then *crossed*: that radius with the interval
    that assumes no shape. It fits in 80 columns where names are short.

    Args:
        landscape: what was found.
        basins: of its tasks (default: at the retention the scan asked for, 95 % confidence).

    Returns:
        Sheets and lines, one below the other.

    >>> from corrie.testing.cliff_run import KINDS, cliff_run
    >>> landscape = Landscape.from_store(cliff_run(directions=2, examples=10, kinds=KINDS[:1]))
    >>> radii, *rest = basins_table(landscape)
    >>> radii.title, radii.rows[0][:3]
    ('toy, bfloat16: how far it can be moved', ('language', '0.600', '95 %'))
    """
    basins = landscape.basins() if basins is None else basins
    present = [basin for basin in basins if basin.status != "absent"]
    parts: list[Sheet | str] = []
    if present or not basins:
        parts.append(_radii(landscape, present))
    flipped = [basin for basin in present if basin.flips is not None]
    if flipped:
        parts += ["", _flips(flipped)]
    if said := weak(basins):
        parts += ["", "Not told from chance, so no such capability can be seen:", *said]
    return (*parts, "", _caption(landscape, basins))


def _radii(landscape: Landscape, basins: Sequence[Basin]) -> Sheet:
    columns = (
        Column("Capability", wraps="anywhere"),
        Column("Score", right=True),
        Column("Kept", right=True),
        Column("Radius σ"),
        Column("Interval"),
        Column("L2"),
        Column("Share", right=True),
        Column("Seen", right=True),
    )
    title = f"{landscape.model.name}, {landscape.model.dtype}: how far it can be moved"
    return Sheet(title, columns, tuple(row for basin in basins for row in _rows(basin)), narrow=True)


def _rows(basin: Basin) -> list[tuple[str, ...]]:
    words, score = basin.words, "–" if basin.score is None else f"{basin.score:.3f}"
    if words.none:
        return [(words.name, score, "", words.none, "", "–", "–", words.size)]
    distance = words.limit(math.sqrt(basin.dimension))
    mark = "†" if basin.method == "model_free" else ""
    rows = [
        (
            words.name, score, percent(basin.retention), words.limit(), words.interval() + mark, distance, words.share,
            words.size,
        )
    ]  # fmt: skip
    for radius in basin.radii:
        if radius.retention != basin.retention:
            sigma = f"≤ {radius.sigma:.3g}" if radius.sigma is not None else "not reached" if radius.low else "–"
            l2 = f"≤ {radius.sigma * math.sqrt(basin.dimension):.3g}" if radius.sigma is not None else "–"
            share = percent(radius.sigma / basin.rms) if radius.sigma is not None else "–"
            interval = bracket(radius.low, radius.high) + ("†" if radius.method == "model_free" else "")
            rows.append(("", "", percent(radius.retention), sigma, interval, l2, share, ""))
    limit, _, interval = words.crossed.partition(" [")
    rows.append(("", "", "crossed", limit, f"[{interval}", "", "", ""))
    return rows


def _flips(basins: Sequence[Basin]) -> Sheet:
    """Single answers that change at the limit of each basin."""
    rows = []
    for basin in basins:
        if basin.flips is None:
            continue
        low, net, high = basin.flips.net
        rows.append(
            (
                basin.words.name, f"{basin.flips.sigma:.3g}", *map(_share, (basin.flips.lost, basin.flips.gained)),
                f"{net:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−"),
            )
        )  # fmt: skip
    heads = ("at σ", "right → wrong", "wrong → right", "score changes by")
    return Sheet(
        "Single answers that change there (flips), share of each and interval",
        (Column("Capability", wraps="anywhere"), *map(Column, heads)),
        tuple(rows),
    )


def _share(values: tuple[float, float, float]) -> str:
    low, middle, high = (100 * value for value in values)
    return f"{middle:.0f} % [{low:.0f}, {high:.0f}]"


def _caption(landscape: Landscape, basins: Sequence[Basin]) -> str:
    """What the columns and marks mean, and what is not complete."""
    said = [f"{percent(basins[0].retention)} kept, {percent(basins[0].confidence)} confidence"] if basins else []
    if any(basin.crossed is not None for basin in basins):
        said.append(
            "kept: share of the score above chance; crossed: the first radius with an interval that assumes no shape"
        )
    if any(radius.method == "model_free" for basin in basins for radius in basin.radii):
        said.append("† assumes only that the score falls (no curve fits)")
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
    return "; ".join(said)
