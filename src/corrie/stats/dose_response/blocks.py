"""What a fit reads: outcomes of single examples, each at one σ along one direction.

Outcomes are 0 or 1; in between for *graded* ones, such as the share of a text's tokens. A graded pair (b, a), before
and after, counts as parts of four answers: right → right min(a, b), right → wrong max(b − a, 0), wrong → right
max(a − b, 0), wrong → wrong the rest. These have the means b and a, so J0 A + (1 − J0) B is the mean moved outcome and
the retained share R, a function of means, is what it is for answers; and an outcome that does not change counts as no
flip. The flips of single tokens inside one outcome cancel, so flips are not said of graded outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrie.errors import InputError
from corrie.stats.arguments import Array

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScoredBlocks:
    """One task's scored pairs of a move and an example, as plain arrays of the same length n.

    log_sigma   natural logarithm of the step
    direction   number of the direction (any whole numbers; equal ones are one draw)
    example     number of the example
    before      its outcome at the unmoved model, in [0, 1]: wrong or right, or in between where it is graded
    after       its outcome there

    A *block* is what is scored together: some examples at one σ along one direction. The record does not need to know
    where one block ends. A direction or an example may come back at other σ.

    >>> blocks = ScoredBlocks.of([(0.01, 0, [0, 1], [1, 0], [1, 1]), (0.02, 1, [2], [1], [0])])
    >>> len(blocks), blocks.directions, blocks.examples
    (3, 2, 3)
    """

    log_sigma: Array
    direction: Numbers
    example: Numbers
    before: Array
    after: Array
    places: Array = field(init=False)
    place: Numbers = field(init=False)

    def __post_init__(self) -> None:
        columns = (self.log_sigma, self.direction, self.example, self.before, self.after)
        if len({np.shape(column) for column in columns}) != 1 or np.ndim(self.log_sigma) != 1:
            raise InputError("scored blocks", found="columns of different lengths", advice="one entry for each outcome")
        if self.log_sigma.size == 0 or not np.isfinite(self.log_sigma).all():
            raise InputError("scored blocks", found="no outcome, or a step that is not above 0 and finite")
        places, place = np.unique(self.log_sigma, return_inverse=True)
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "place", place)

    @classmethod
    def of(cls, blocks: list[tuple[float, int, ArrayLike, ArrayLike, ArrayLike]]) -> ScoredBlocks:
        """From blocks (σ, direction, example numbers, unmoved outcomes, moved outcomes).

        Raises:
            InputError: nothing in them, lengths that differ, a σ that is not positive, outcomes outside [0, 1].
        """
        if not blocks:
            raise InputError("scored blocks", found="none", advice="score a block first")
        steps, numbers, examples, befores, afters = [], [], [], [], []
        for sigma, direction, example, before, after in blocks:
            if not sigma > 0:
                raise InputError(
                    f"a block at σ = {sigma}", found="not above 0", advice="the unmoved outcomes go beside"
                )
            size = np.size(example)
            steps.append(np.full(size, np.log(sigma)))
            numbers.append(np.full(size, direction))
            examples.append(np.asarray(example, np.int64))
            befores.append(_outcomes(before))
            afters.append(_outcomes(after))
        return cls(*(np.concatenate(column) for column in (steps, numbers, examples, befores, afters)))

    @classmethod
    def crossed(cls, sigmas: ArrayLike, baseline: ArrayLike, moved: ArrayLike) -> ScoredBlocks:
        """From a grid, as :func:`corrie.stats.basin_radius` takes it: every direction meets every example.

        Args:
            sigmas: shape (k,).
            baseline: unmoved outcomes, shape (m,), NaN where unscored.
            moved: outcomes, shape (directions, k, m), NaN where unscored.

        Raises:
            InputError: nothing scored both before and after a move, outcomes outside [0, 1].

        >>> len(ScoredBlocks.crossed([0.1, 0.2], [1, 0, np.nan], np.ones((4, 2, 3))))
        16
        """
        before, after = np.asarray(baseline, float), np.asarray(moved, float)
        direction, place, example = np.nonzero(np.isfinite(after) & np.isfinite(before))
        if not direction.size:
            raise InputError("scored blocks", found="no example scored before and after a move", advice="score some")
        return cls(
            np.log(np.asarray(sigmas, float))[place],
            direction,
            example,
            _outcomes(before[example]),
            _outcomes(after[direction, place, example]),
        )

    def __len__(self) -> int:
        return self.log_sigma.size

    @property
    def directions(self) -> int:
        """How many were drawn."""
        return np.unique(self.direction).size

    @property
    def examples(self) -> int:
        """How many different ones were scored."""
        return np.unique(self.example).size

    @property
    def counts(self) -> Array:
        """How many at each place by unmoved and moved outcome, shape (places, 2, 2)."""
        found = np.zeros((self.places.size, 2, 2))
        np.add.at(found, self.place, self.parts)
        return found

    @property
    def parts(self) -> Array:
        """Of each outcome, what it counts as by unmoved and moved answer, shape (n, 2, 2): a single 1 unless graded."""
        b, a = self.before, self.after
        wrong = np.stack((1 - np.maximum(a, b), np.maximum(a - b, 0)), -1)
        right = np.stack((np.maximum(b - a, 0), np.minimum(a, b)), -1)
        return np.stack((wrong, right), -2)

    @property
    def graded(self) -> bool:
        """Whether some outcome lies between 0 and 1."""
        return not (np.isin(self.before, (0.0, 1.0)).all() and np.isin(self.after, (0.0, 1.0)).all())

    def by_stratum(self, table: Array) -> Array:
        """For each outcome a value that is given by place and stratum, shape (places, 2): b of the right answers' one,
        1 − b of the wrong ones'."""
        return (1 - self.before) * table[self.place, 0] + self.before * table[self.place, 1]


def _outcomes(values: ArrayLike) -> Array:
    found = np.asarray(values, float)
    if not ((found >= 0) & (found <= 1)).all():
        raise InputError("scored blocks", found="outcomes outside [0, 1]", advice="1 right, 0 wrong, or in between")
    return found
