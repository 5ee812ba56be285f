"""A capability's basin from scattered blocks: radii, flips, and whether the curves fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrie.errors import InputError
from corrie.stats.arguments import Array, error_of
from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.fit_check import fit_p_value
from corrie.stats.dose_response.flips import Flips
from corrie.stats.dose_response.influence import stretch
from corrie.stats.dose_response.model_free import model_free_interval, model_free_middle
from corrie.stats.dose_response.posterior import Posterior, sample
from corrie.stats.dose_response.prior import MARGIN
from corrie.stats.dose_response.radii import RETENTIONS, Method, Radius, first_falls

SUPPORT = 0.1
"""A reading of the blocks with less support does not widen an interval by itself."""
WIDE, UNDECIDED = math.log(2), 1.25
"""An interval that is wider than this, in log σ, while both an early step and the cliff may be what takes R below the
retention, is stretched at least so much: there it is the shapes and their prior that tell the two apart. An interval
that is narrow is not touched, so a plan that looks for narrow ones ends no later."""
MISFIT = 0.01
"""Curves are refused when a misfit as large as theirs has a smaller probability."""


@dataclass(frozen=True, eq=False)
class DoseResponse:
    """What the blocks of one task say.

    radii       one for each retention asked, in that order
    method      dose_response, or model_free where the curves do not fit
    misfit      p-value of the check of fit
    score       J0, the unmoved score
    posterior   the curves, for pictures and plans
    """

    radii: tuple[Radius, ...]
    method: Method
    misfit: float
    score: float
    chance: float
    confidence: float
    evaluations: int
    directions: int
    examples: int
    tried: tuple[float, float]
    posterior: Posterior

    def radius(self, retention: float) -> Radius:
        """The one at a retention.

        Raises:
            InputError: it was not asked for.
        """
        for found in self.radii:
            if found.retention == retention:
                return found
        raise InputError(f"the radius at retention {retention:g}", found="not among those that were fitted")

    def retained(self, sigmas: ArrayLike, confidence: float = 0.95) -> Array:
        """Lower limit, middle and upper limit of R at the steps, shape (3, k): the band of a picture."""
        curves = self.posterior.retained(np.log(np.asarray(sigmas, float)))
        a = error_of(confidence) / 2
        return np.quantile(curves, [a, 0.5, 1 - a], axis=0)

    def flips(self, sigma: float, confidence: float = 0.95) -> Flips:
        """Shares of right answers that are wrong at σ, of wrong ones that are right, and what they leave of the score,
        from the fitted curves."""
        a = error_of(confidence) / 2
        gained, kept = self.posterior.strata(np.log([float(sigma)]))[:, 0].T
        score = self.posterior.score
        net = (1 - score) * gained - score * (1 - kept)
        shares = (np.quantile(v, [a, 0.5, 1 - a]).tolist() for v in (1 - kept, gained, net))
        return Flips(float(sigma), *map(tuple, shares))

    @cached_property
    def support(self) -> dict[str, float]:
        """Posterior probability of each family and kind of early step."""
        return self.posterior.support

    def __str__(self) -> str:
        size = f"{self.evaluations} outcomes, {self.directions} directions, {self.examples} examples"
        return f"{'; '.join(map(str, self.radii))} ({size}, confidence {self.confidence:g})"


def dose_response(
    blocks: ScoredBlocks,
    *,
    right: float,
    known: float,
    chance: float,
    retentions: tuple[float, ...] = RETENTIONS,
    confidence: float = 0.95,
) -> DoseResponse:
    """Fit the curves and read the radii off.

    Args:
        blocks: scored outcomes away from the unmoved model.
        right, known: unmoved outcomes: right ones among all examples known. For graded outcomes the known ones count as
            so many answers that would know the mean as well (:func:`unmoved_counts`).
        chance: c.
        retentions: shares ρ whose radius is wanted.
        confidence: of each interval by itself.

    Raises:
        InputError: a score that is not above chance, a chance, retention or confidence that is not valid.

    >>> from corrie.testing.worlds import World
    >>> run, rng = World().run(np.random.default_rng(0)), np.random.default_rng(1)
    >>> drawn = [(s, i, j := rng.choice(400, 10, False), run.before[j], run.score(i, s, j))
    ...          for i, s in enumerate(np.tile([0.002, 0.004, 0.006, 0.008, 0.011, 0.016], 4))]
    >>> found = dose_response(ScoredBlocks.of(drawn), right=run.before.sum(), known=400, chance=0.25)
    >>> found.method, found.radius(0.8).low < World().radius(0.8) < found.radius(0.8).high
    ('dose_response', True)
    """
    _check(right, known, chance, retentions)
    error = error_of(confidence) / 2
    posterior = sample(blocks, float(right), float(known), chance)
    low, high = float(blocks.places[0]), float(blocks.places[-1])
    strata = posterior.strata(blocks.places)
    misfit = fit_p_value(blocks, strata.mean(0))
    method: Method = "model_free" if misfit < MISFIT else "dose_response"
    found = []
    places = first_falls(posterior.retained, low - MARGIN, high + MARGIN, retentions)
    for retention, at in zip(retentions, places, strict=True):
        readings = _readings(posterior, retention)
        below, middle, above = _ends(at, readings, error)
        if method == "model_free":
            below, above = model_free_interval(blocks, chance, retention, confidence)
            middle = model_free_middle(blocks, right / known - chance, retention)
            middle = None if middle is None else min(max(middle, below), above)
        else:
            factor = stretch(blocks, posterior.power, strata, at, error)
            if above - below > WIDE and SUPPORT <= readings[-1].mean() <= 1 - SUPPORT:
                factor = max(factor, UNDECIDED)
            below, above = middle - factor * (middle - below), middle + factor * (above - middle)
        found.append(
            Radius(
                retention,
                math.exp(middle) if middle is not None and low <= middle <= high else None,
                math.exp(below) if below >= low else 0.0,
                math.exp(above) if above <= high else math.inf,
                method,
            )
        )
    return DoseResponse(
        radii=tuple(found),
        method=method,
        misfit=misfit,
        score=right / known,
        chance=chance,
        confidence=confidence,
        evaluations=len(blocks),
        directions=blocks.directions,
        examples=blocks.examples,
        tried=(math.exp(low), math.exp(high)),
        posterior=posterior,
    )


def unmoved_counts(scores: ArrayLike) -> tuple[float, float]:
    """(right, known) of unmoved outcomes in [0, 1], none missing: mean m and n·m(1 − m)/variance answers, n at least.

    >>> unmoved_counts([1, 0, 1, 1])
    (3.0, 4.0)
    >>> unmoved_counts([0.5, 0.6, 0.4, 0.5])
    (75.0, 150.0)
    """
    b = np.asarray(scores, float)
    mean = float(b.mean())
    if np.isin(b, (0.0, 1.0)).all():
        return float(b.sum()), float(b.size)
    known = round(b.size * min(max(mean * (1 - mean) / max(float(b.var(ddof=1)), 1e-12), 1.0), 1e4), 6)
    return round(mean * known, 6), known


def _readings(posterior: Posterior, retention: float) -> list[NDArray[np.bool_]]:
    """Ways to read the same blocks, as sets of curves: each kind of early step; and the early step alone takes R below
    the retention (the radius lies at it), or does not (at the cliff)."""
    kind = posterior.curves.step
    early = posterior.curves.net(posterior.score) > 1 - retention
    return [*(kind == number for number in np.unique(kind)), early, ~early]


def _ends(log_radius: Array, readings: list[NDArray[np.bool_]], error: float) -> tuple[float, float, float]:
    """Lower end, median, upper end: quantiles over all curves, and no narrower than of any reading that has support.

    Which reading is right, few blocks cannot tell, and its probability depends on the prior. So an interval must also
    hold for each by itself, unless the data have all but excluded it.
    """
    groups = [log_radius, *(log_radius[rows] for rows in readings)]
    ends = [np.quantile(g, [error, 1 - error]) for g in groups if g.size >= SUPPORT * log_radius.size]
    return min(e[0] for e in ends), float(np.median(log_radius)), max(e[1] for e in ends)


def _check(right: float, known: float, chance: float, retentions: tuple[float, ...]) -> None:
    asked = "radii from scored blocks"
    if not 0 <= chance < 1:
        raise InputError(asked, found=f"a chance score of {chance}", advice="0, or 1/k for k-way choice")
    if not 0 <= right <= known or known < 1 or right / known <= chance:
        raise InputError(asked, found=f"{right:g} of {known:g} right, chance {chance:g}", advice="a score above chance")
    if not retentions or not all(0 < r < 1 for r in retentions):
        raise InputError(asked, found=f"retentions {retentions}", advice="shares in (0, 1), such as 0.8")
