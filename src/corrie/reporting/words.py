"""What was found, said in words: the answer before the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from corrie.analysis.basin import Basin
from corrie.analysis.landscape import Landscape
from corrie.analysis.order import Order
from corrie.analysis.path_scores import path_scores
from corrie.analysis.percent import percent


def terms(retention: float, confidence: float) -> str:
    """What *holds* and the brackets of :attr:`corrie.analysis.basin_words.BasinWords.sentence` mean."""
    return (
        f"To hold is to keep {percent(retention)} of the unmoved model's score above chance, in the mean over random "
        f"directions; in brackets the interval at {percent(confidence)} confidence, over directions and examples."
    )


def headline(basins: Sequence[Basin]) -> str:
    """The one sentence a reader should keep: which capability goes first, which holds longest, if the intervals tell.

    >>> from corrie.testing.cliff_run import KINDS, cliff_run
    >>> run = cliff_run(directions=12, examples=60, kinds=(KINDS[0], *KINDS[2:4]))
    >>> headline(Landscape.from_store(run).basins())  # doctest: +ELLIPSIS
    'Under random noise on every weight, math is the first to go, at σ = ...; language holds longest, to σ = ...'
    """
    order = Order.of(basins)
    if not order.basins:
        if any(basin.status == "no_sigma" for basin in basins):
            return "Normalised directions: this scan shows where single directions leave, in α, and no radius in σ."
        if basins and all(basin.status == "absent" for basin in basins):
            return (
                "Nothing that was measured can be told from chance at the unmoved model: there is no basin to measure."
            )
        return "No basin could be measured yet."
    first, last = order.basins[0], order.basins[-1]
    if all(basin.status == "beyond_range" for basin in order.basins):
        everything = "Every capability" if len(order.basins) > 1 else first.words.task.capitalize()
        return f"{everything} holds at every σ tried, up to {first.limit:.3g}: the edge lies further out."
    text = f"Under random noise on every weight, {_goes_first(order)}"
    if last.status == "beyond_range":
        text += f"; {last.words.task} holds beyond the largest step tried, {last.limit:.3g}"
    elif len(order.basins) > 1 and order.last == (last,):
        text += f"; {last.words.task} holds longest, to σ = {last.limit:.3g}"
    return text + "."


def _goes_first(order: Order) -> str:
    """What goes first, or among which that lies."""
    first, several = order.basins[0], order.first
    if len(several) > 1:
        near, far = (f"{basin.words.task}, σ {basin.words.limit()}" for basin in (first, several[-1]))
        ends = (
            f"{near}; {far}" if len(several) == 2 else f"of {len(several)}, the nearest is {near}, the furthest {far}"
        )
        which = "which capability goes first" if len(several) == len(order.basins) else "which of these goes first"
        return f"the intervals do not tell {which}: {ends}"
    what = {"found": "is the first to go, at", "before_first_step": "goes first, before the smallest step tried,"}
    if len(order.basins) == 1:
        what = {"found": "goes at", "before_first_step": "goes before the smallest step tried,"}
    return f"{first.words.task} {what[first.status]} σ = {first.limit:.3g} ({first.words.share} of a typical weight)"


def weak(basins: Sequence[Basin]) -> tuple[str, ...]:
    """A line for each capability whose score cannot be told from chance: the score, and what would show it."""
    return tuple(
        f"{basin.words.name}: {basin.score:.2f} with {basin.examples} examples, {basin.chance:.3g} by chance. "
        f"{basin.words.to_see}"
        for basin in basins
        if basin.status == "absent"
    )


def along_paths(landscape: Landscape) -> str:
    """The headline of a landscape along paths: what is left of each capability where each of them leads."""
    names = {d.id: d.label for d in landscape.directions}
    ends: dict[str, list[str]] = {}
    for line in path_scores(landscape):
        before, after = line.at(0.0), line.at(1.0)
        if before is not None and after is not None:
            ends.setdefault(line.direction, []).append(f"{line.task} {before:.2f} → {after:.2f}")
    if not ends:
        return "Paths to other weights: their ends, α = 1, have not been scored."
    said = [f"{names[direction]}: {', '.join(scores)}" for direction, scores in ends.items()]
    return f"From the model (α = 0) to where each path leads (α = 1). {'; '.join(said)}."


def caution(landscape: Landscape, basins: Sequence[Basin]) -> tuple[str, ...]:
    """What a reader must know before believing the numbers."""
    said: list[str] = []
    few = [basin for basin in basins if basin.indicative and basin.status not in ("unmeasured", "absent")]
    if few and not landscape.is_path:
        sizes = f"{min(b.directions for b in few)} directions × {min(b.examples for b in few)} examples"
        said.append(f"Indicative only: {sizes}; below 8 × 100 the intervals are wide and the picture may change.")
    missing = gaps(landscape)
    if missing:
        said.append(f"Not every direction was scored at every step on every example: {missing}.")
    said += [note[:1].upper() + note[1:].rstrip(".") + "." for note in landscape.model.notes]
    return tuple(said)


def gaps(landscape: Landscape) -> str:
    """Which outcomes are missing, and why; empty where none is."""
    grids = [task.name for task in landscape.tasks if not landscape.block(task).scattered]
    missing = {name: landscape.missing(name) for name in grids}
    shares = ", ".join(f"{name} ({percent(share)})" for name, share in missing.items() if share)
    return shares and f"outcomes are missing for {shares}: the scan has not ended, or was asked for in parts"


def realised(landscape: Landscape) -> str:
    """Whether the weights' precision let them move as asked, at the smallest step."""
    steps = landscape.steps
    sizes = np.abs(steps.alpha.values)
    told = np.flatnonzero((sizes > 0) & np.isfinite(steps.cosine.values).any(0))
    if not told.size:
        return "No step was taken yet."
    at = told[sizes[told].argmin()]
    cosine = float(np.nanmin(steps.cosine.values[:, at]))
    ratio = float(np.nanmean(steps.distance.values[:, at] / steps.asked.values[:, at]))
    text = f"At the smallest step, α = {sizes[at]:.3g}, {landscape.model.dtype} weights moved {ratio:.3f} times as far"
    if cosine >= 0.99:
        return f"{text} as asked, in the direction asked for (cosine {cosine:.4f} or more)."
    return f"{text} as asked, and only partly in the direction asked for (cosine {cosine:.3f}): rounding took the rest."
