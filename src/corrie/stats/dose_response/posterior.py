"""What curves the blocks support: a sample of the posterior over all families and kinds of early step together.

Idea
----
Working likelihood: outcomes are independent given the curve, P(right) = A(x) or B(x) by stratum
(:mod:`corrie.stats.dose_response.curves`), raised to the power 1/(1.25 φ), φ ≥ 1 the dispersion over directions and
examples (:mod:`corrie.stats.dose_response.dispersion`). The curve is the mean over directions and examples, which is
what the radius is defined on; that outcomes of a direction, or of an example, go together is in φ and in the correction
of :mod:`corrie.stats.dose_response.influence`, not in the curve.

Sampler: particles from the prior, the likelihood's power raised from 0 step by step so that the effective number of
particles halves at most, resampling, and random-walk moves after each step (annealed sequential Monte Carlo). All
families and kinds share one parameter vector in which equal values mean nearly equal curves, and a parameter that a
kind does not use keeps its prior; so a change of family or kind is an ordinary move, and the share of particles in each
*is* its posterior probability: the average over models needs no marginal likelihoods.

The sampler is a deterministic function of the blocks (a fixed seed).

Source: Del Moral, Doucet & Jasra 2006; Bissiri, Holmes & Walker 2016 (posteriors with a power).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from scipy.special import betainc, betaincinv

from corrie.stats.arguments import Array
from corrie.stats.dose_response import prior
from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.curves import STEPS, Curves
from corrie.stats.dose_response.dispersion import dispersion
from corrie.stats.dose_response.families import FAMILIES

PARTICLES = 1000
MOVES = 3
CAUTION = 1.25
"""An extra factor on φ: a plan that ends when its interval is narrow ends too soon when it is narrow by luck, and no
true curve is quite one of these. Its size is from the simulated scans of design/dose-response.md."""
SLIP = 0.002
"""Share of outcomes that no curve explains: one of them must not move a fit."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Equally probable curves.

    curves      the particles
    score       J0, one for each
    power       1/(1.25 φ)
    dispersion  φ
    """

    curves: Curves
    score: Array
    power: float
    dispersion: float

    def strata(self, places: Array) -> Array:
        """P(right) at the places, (n, k, 2), slips included."""
        return (1 - SLIP) * self.curves.strata(places) + SLIP / 2

    def retained(self, places: Array) -> Array:
        """R at the places, (n, k)."""
        return self.curves.retained(places, self.score)

    @property
    def support(self) -> dict[str, float]:
        """The posterior probability of each family and each kind of early step."""
        found = {name: float((self.curves.family == i).mean()) for i, name in enumerate(FAMILIES)}
        return found | {name: float((self.curves.step == i).mean()) for i, name in enumerate(STEPS)}


def sample(
    blocks: ScoredBlocks, right: float, known: float, chance: float, particles: int = PARTICLES, seed: int = 0
) -> Posterior:
    """The posterior, from scored blocks and the unmoved score (``right`` of ``known`` examples)."""
    rng = np.random.default_rng(seed)
    low, high = float(blocks.places[0]), float(blocks.places[-1])
    walk = _Walk(blocks, chance, low, high, particles, rng)
    walk.anneal(0.5)
    phi = CAUTION * dispersion(blocks, walk.mean_strata())
    walk.anneal(1 / phi)
    for _ in range(MOVES):
        walk.move()
    return Posterior(walk.curves, _scores(right, known, chance, particles, rng), 1 / phi, phi / CAUTION)


class _Walk:
    """Particles under a power of the likelihood."""

    def __init__(
        self, blocks: ScoredBlocks, chance: float, low: float, high: float, count: int, rng: np.random.Generator
    ) -> None:
        self.places, self.single = blocks.places, cast("Array", blocks.places.astype(np.float32))
        self.outcomes = np.moveaxis(blocks.counts, 0, -1).astype(np.float32)
        self.range, self.rng, self.power = (low, high), rng, 0.0
        self.curves = prior.draw(count, low, high, chance, rng)
        self.fit = self._log_likelihood(self.curves)
        self.belief = self._log_prior(self.curves)

    def anneal(self, target: float) -> None:
        """Raise (or lower) the power to the target."""
        for _ in range(60):
            if self.power == target:
                return
            step = target - self.power
            while _effective(step * self.fit) < 0.5 * self.fit.size and abs(step) > 1e-4:
                step *= 0.6
            self.power = target if step == target - self.power else self.power + step
            self._resample(step * self.fit)
            for _ in range(MOVES):
                self.move()

    def mean_strata(self) -> Array:
        """Posterior mean of P(right), (places, 2)."""
        return (1 - SLIP) * self.curves.strata(self.places).mean(0) + SLIP / 2

    def move(self) -> None:
        """A random-walk step for every particle, with a proposal from the particles' own spread."""
        rng, curves, n = self.rng, self.curves, self.fit.size
        values = curves.values + self._jumps() * rng.choice([0.15, 0.5, 1.0], n)[:, None]
        relabel = rng.random(n) < 0.3
        family = np.where(relabel, rng.integers(0, len(FAMILIES), n), curves.family)
        step = np.where(rng.random(n) < 0.3, rng.integers(0, len(STEPS), n), curves.step)
        fresh = prior.MEANS + prior.SPREADS * rng.normal(size=values.shape)
        values = np.where(prior.USED[curves.step] | prior.USED[step], values, np.where(np.isnan(fresh), values, fresh))
        proposed = replace(curves, family=family, step=step, values=values)
        belief, fit = self._log_prior(proposed), self._log_likelihood(proposed)
        unused = ~(prior.USED[curves.step] | prior.USED[step])
        gain = self.power * (fit - self.fit) + belief - self.belief
        gain -= self._refreshed(values, unused) - self._refreshed(curves.values, unused)
        accept = np.log(rng.random(n)) < gain
        self._take(np.where(accept, 0, 1), proposed, belief, fit)

    def _jumps(self) -> Array:
        """From the covariance of all particles, whatever their kind: symmetric also where the kind changes."""
        centred = self.curves.values - self.curves.values.mean(0)
        spread = centred.T @ centred / (len(centred) - 1) + 1e-8 * np.eye(6)
        return self.rng.normal(size=centred.shape) @ np.linalg.cholesky(spread).T * (2.38 / np.sqrt(6))

    @staticmethod
    def _refreshed(values: Array, unused: np.ndarray) -> Array:
        z = (values[:, 1:] - prior.MEANS[1:]) / prior.SPREADS[1:]
        return -0.5 * np.where(unused[:, 1:], z**2, 0.0).sum(1)

    def _take(self, old: np.ndarray, proposed: Curves, belief: Array, fit: Array) -> None:
        keep = old.astype(bool)
        curves = self.curves
        self.curves = replace(
            curves,
            family=np.where(keep, curves.family, proposed.family),
            step=np.where(keep, curves.step, proposed.step),
            values=np.where(keep[:, None], curves.values, proposed.values),
        )
        self.belief, self.fit = np.where(keep, self.belief, belief), np.where(keep, self.fit, fit)

    def _resample(self, log_weights: Array) -> None:
        weights = np.exp(log_weights - log_weights.max())
        edges = np.cumsum(weights) / weights.sum()
        n = weights.size
        chosen = np.minimum(np.searchsorted(edges, (np.arange(n) + self.rng.random()) / n), n - 1)
        curves = self.curves
        self.curves = replace(
            curves, family=curves.family[chosen], step=curves.step[chosen], values=curves.values[chosen]
        )
        self.fit, self.belief = self.fit[chosen], self.belief[chosen]

    def _log_likelihood(self, curves: Curves) -> Array:
        """In single precision: a few ten-thousandths of a nat, which no move's fate hangs on."""
        fit = np.zeros(curves.step.size)
        for p, (lost, won) in zip(curves.both(self.single), self.outcomes, strict=True):
            p *= 1 - SLIP
            p += SLIP / 2
            fit += np.log(p) @ won
            np.subtract(1, p, out=p)
            fit += np.log(p, out=p) @ lost
        return fit

    def _log_prior(self, curves: Curves) -> Array:
        return prior.log_density(curves.step, curves.values, *self.range)


def _effective(log_weights: Array) -> float:
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def _scores(right: float, known: float, chance: float, count: int, rng: np.random.Generator) -> Array:
    """J0 from its posterior with Jeffreys' prior, above chance."""
    a, b = right + 0.5, known - right + 0.5
    below = betainc(a, b, chance)
    at = below + (1 - below) * (rng.permutation(count) + 0.5) / count
    return np.maximum(betaincinv(a, b, np.minimum(at, 1 - 1e-12)), chance + 1e-3)
