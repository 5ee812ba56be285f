"""A task's curve over α: what all directions together say, and each by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corrie.analysis.block import LABELS, Block
from corrie.errors import InputError
from corrie.records.cell import Label
from corrie.stats.arguments import Array


@dataclass(frozen=True, slots=True)
class Lines:
    """One quantity over α along several directions.

    each    mean over examples, shape (directions, α), NaN where nothing was scored
    mean    mean of ``each`` over directions, shape (α,)
    low, high   the band that holds the middle share of the directions, shape (α,)
    """

    each: Array
    mean: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, moved: Array, unmoved: Array, zero: int, band: float) -> Lines:
        """From outcomes (direction, α, example) and those of the unmoved model (example), put in at column ``zero``."""
        each = np.insert(_mean(moved, 2), zero, _mean(unmoved, 0), axis=1)
        if not each.size:
            empty = np.full(each.shape[1], np.nan)
            return cls(each, empty, empty, empty)
        low, high = (_quantile(each, share) for share in ((1 - band) / 2, (1 + band) / 2))
        return cls(each, _mean(each, 0), low, high)


@dataclass(frozen=True, slots=True)
class Curve:
    """α ↦ J(θ0 + α δ), over several directions δ.

    alphas        steps in order, α = 0 (the unmoved model) among them, shape (k,)
    directions    ids, one for each line
    score, loss   the score in [0, 1]; the loss in nats per token (all NaN where a task has none)
    composition   for each label the share of outcomes that bear it, over directions and examples, shape (k,)
    unmoved       the score at α = 0 (NaN if it was not computed yet)
    chance        the score of a model that knows nothing
    band          the share of directions between ``low`` and ``high`` of score and loss

    At every α the mean over examples is taken first, so each direction counts once; examples that could not be scored
    are left out of it.

    >>> from corrie.analysis.landscape import Landscape
    >>> from corrie.testing.cliff_run import cliff_run
    >>> print(Landscape.from_store(cliff_run(directions=3, examples=20)).curve("math"))
    Curve(math): 0.70 unmoved, 0.70 at α = 0.002, 0.00 at α = 0.024 (mean of 3 directions)
    """

    task: str
    alphas: Array
    directions: tuple[str, ...]
    score: Lines
    loss: Lines
    composition: dict[Label, Array]
    unmoved: float
    chance: float
    band: float

    @classmethod
    def of(cls, block: Block, band: float) -> Curve:
        """From a task's block of outcomes."""
        if not 0 < band <= 1:
            raise InputError(f"a band of {band:g}", found="not a share", advice="a number in (0, 1], such as 0.8")
        directions, steps = (axis.values for axis in block.axes)
        zero = int(np.searchsorted(steps, 0.0))
        moved, unmoved = block.moved, block.unmoved
        return cls(
            task=block.task.name,
            alphas=np.insert(steps, zero, 0.0),
            directions=tuple(directions.tolist()),
            score=Lines.of(moved.score, unmoved.score, zero, band),
            loss=Lines.of(moved.loss, unmoved.loss, zero, band),
            composition=_composition(moved.label, unmoved.label, zero),
            unmoved=float(_mean(unmoved.score, 0)),
            chance=block.task.chance,
            band=band,
        )

    @property
    def retained(self) -> Array:
        """(J̄ − c)/(J(θ0) − c) at each α: 1 on the plateau, 0 at chance."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.score.mean - self.chance) / (self.unmoved - self.chance)

    def __str__(self) -> str:
        known = [i for i in np.flatnonzero(np.isfinite(self.score.mean)) if self.alphas[i] != 0]
        parts = [f"{self.unmoved:.2f} unmoved"] if np.isfinite(self.unmoved) else ["unmoved model not scored yet"]
        parts += [
            f"{self.score.mean[i]:.2f} at α = {self.alphas[i]:g}" for i in dict.fromkeys((*known[:1], *known[-1:]))
        ]
        return f"Curve({self.task}): {', '.join(parts)} (mean of {len(self.directions)} directions)"


def _composition(moved: NDArray[np.int8], unmoved: NDArray[np.int8], zero: int) -> dict[Label, Array]:
    known = np.insert((moved >= 0).sum((0, 2)), zero, (unmoved >= 0).sum())
    shares: dict[Label, Array] = {}
    for number, label in enumerate(LABELS):
        count = np.insert((moved == number).sum((0, 2)), zero, (unmoved == number).sum())
        if count.any():
            shares[label] = np.divide(count, known, out=np.full(count.shape, np.nan), where=known > 0)
    return shares


def _mean(values: Array, axis: int) -> Array:
    """The mean of what is there, NaN where nothing is."""
    there = np.isfinite(values)
    count = there.sum(axis)
    total = np.where(there, values, 0.0).sum(axis)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def _quantile(each: Array, share: float) -> Array:
    """The quantile over directions at each α, NaN where no direction has a value."""
    result = np.full(each.shape[1], np.nan)
    for column in range(each.shape[1]):
        there = each[np.isfinite(each[:, column]), column]
        if there.size:
            result[column] = np.quantile(there, share)
    return result
