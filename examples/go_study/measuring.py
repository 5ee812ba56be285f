"""What is measured of a trained model, all of it by corrie: loss, basin radius, rounding, forgetting."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from corpus import Corpora
from ladder import Size
from scipy import stats
from torch import nn
from training import fine_tune

import corrie
from corrie.analysis.landscape import Landscape
from corrie.models.load import from_module
from corrie.models.model import Model
from corrie.records.scan_spec import AlphaEdges

DIRECTIONS, EXAMPLES, STEPS = 8, 100, 5
RISE = 0.1
"""Nats per token: the loss radius is the σ at which the loss has risen by so much."""

FARTHEST = 1.0
"""No σ beyond this is looked at for it."""

FINE_TUNE_STEPS, FINE_TUNE_LR = 50, 1e-3
LOOKS = (0, 10, 20, 50)
"""After how many steps of fine-tuning both domains are looked at."""


def measure(model: nn.Module, here: Corpora, size: Size, seed: int, scale: float = 1.0) -> dict[str, Any]:
    """Everything, as plain data."""
    return {
        **validation(model, here, "prose"),
        **radius(model, here),
        "rounded": {grid: rounded(model, here, grid) for grid in ("int8", "int4")},
        "fine_tune": forgetting(model, here, size, seed, scale),
    }


def validation(model: nn.Module, here: Corpora, domain: str, limit: int | None = None) -> dict[str, float]:
    """Loss (nats per token) and score (share of greedy tokens) on a domain's validation task."""
    task = here.tasks[domain]
    reader = from_module(model, here.tokenizer, name="study").reader()
    outcomes = task.score(reader, 0, limit or task.identity.size)
    return {
        "loss": float(np.mean([np.nan if o.loss is None else o.loss for o in outcomes])),
        "score": float(np.mean([0.0 if o.success is None else o.success for o in outcomes])),
    }


def radius(model: nn.Module, here: Corpora) -> dict[str, Any]:
    """Basin radius by score (corrie's) and by loss, and the curves that they are read from."""
    loaded = from_module(model, here.tokenizer, name="study")
    landscape = _along(loaded, here, AlphaEdges(points=STEPS))
    basin = landscape.basin("prose")
    curve = landscape.curve("prose")
    wider, reach = landscape, float(curve.alphas[-1])
    while loss_radius(wider)["sigma"] is None and reach < FARTHEST:
        reach *= 2
        wider = _along(loaded, here, f"0:{reach:g}:{2 * STEPS + 1}")
    return {
        "parameters": basin.dimension,
        "rms": basin.rms,
        "basin": basin.to_json(),
        "loss_radius": loss_radius(wider),
        "curve": {
            "sigma": curve.alphas.tolist(),
            "score": curve.score.mean.tolist(),
            "loss": curve.loss.mean.tolist(),
        },
    }


def _along(loaded: Model, here: Corpora, alpha: AlphaEdges | str) -> Landscape:
    """The landscape of the prose task along the eight random directions."""
    return corrie.scan(
        loaded,
        [(here.tasks["prose"], EXAMPLES)],
        directions=corrie.gaussian(DIRECTIONS),
        alpha=alpha,
        block=EXAMPLES,
    )


def loss_radius(landscape: Landscape, rise: float = RISE) -> dict[str, float | None]:
    """The σ at which the loss along a direction has risen by ``rise``: the mean over directions, and Student's 95 %
    interval of that mean. Between grid points the rise is taken as linear in σ²."""
    curve = landscape.curve("prose")
    crossings = [_crossing(curve.alphas**2, line - curve.loss.each[0, 0], rise) for line in curve.loss.each]
    if any(c is None for c in crossings):
        return {"sigma": None, "low": None, "high": None}
    each = np.sqrt(np.array(crossings, dtype=float))
    half = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each))
    return {"sigma": float(each.mean()), "low": float(each.mean() - half), "high": float(each.mean() + half)}


def _crossing(x: np.ndarray, y: np.ndarray, level: float) -> float | None:
    above = np.flatnonzero(y >= level)
    if not above.size:
        return None
    i = int(above[0])
    return float(x[i - 1] + (x[i] - x[i - 1]) * (level - y[i - 1]) / (y[i] - y[i - 1]))


def rounded(model: nn.Module, here: Corpora, grid: str) -> dict[str, float]:
    """Loss and score after rounding the matrices."""
    loaded = from_module(model, here.tokenizer, name="study")
    landscape = corrie.scan(
        loaded, [(here.tasks["prose"], EXAMPLES)], directions=[corrie.quantised(grid)], alpha="1", block=EXAMPLES
    )
    curve = landscape.curve("prose")
    return {"loss_rise": float(curve.loss.mean[1] - curve.loss.mean[0]), "score": float(curve.score.mean[1])}


def forgetting(model: nn.Module, here: Corpora, size: Size, seed: int, scale: float = 1.0) -> list[dict[str, float]]:
    """Losses on both domains while a copy is fine-tuned on code; also how far it has gone, in σ."""
    tuned = copy.deepcopy(model)
    before = [p.detach().clone() for p in model.parameters()]
    seen: list[dict[str, float]] = []

    def look(steps: int) -> None:
        if steps in LOOKS:
            moved = sum(float((p - q).detach().square().sum()) for p, q in zip(tuned.parameters(), before, strict=True))
            seen.append(
                {
                    "steps": steps,
                    "prose": validation(tuned, here, "prose", size.looked_at)["loss"],
                    "code": validation(tuned, here, "code", size.looked_at)["loss"],
                    "sigma": (moved / sum(p.numel() for p in before)) ** 0.5,
                }
            )

    fine_tune(tuned, here.batches("code", FINE_TUNE_STEPS, size.batch, seed), FINE_TUNE_LR, look, scale)
    return seen
