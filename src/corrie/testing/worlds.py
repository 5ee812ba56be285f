"""Worlds of directions and examples whose basin is known: what an interval for a radius must survive.

Example j has an unmoved outcome, a success with probability J0. Along direction i it breaks once log σ passes

    log T_ij = log(centre) + t_j + u_i + e_ij + log(shares),

t ~ N(0, s²), u ~ N(0, τ²), e ~ N(0, ω²); *shares* are factors below 1 for an early kind of example (``early_examples``)
and for a rare kind of direction (``early_directions``). Broken, its outcome is a lucky hit with probability c, anew at
every step. Two more things may happen before it breaks:

* *churn*: a share of the examples, right or wrong, is undecided: beyond a small σ its outcome is a success with
  probability J0, anew at every step. J̄ does not feel it, the flips do;
* *rise*: a share of the wrong answers is right between a small σ and the break.

With S(x) = P(log T > x), H(x) the share of examples past their small σ and r the rise,

    J̄ = c + S (J0 − c) + S · r (1 − J0) H,        R = (J̄ − c)/(J0 − c),

up to the churn, which cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from corrie.errors import InputError
from corrie.stats.arguments import Array


@dataclass(frozen=True, slots=True)
class World:
    """Directions and examples with a known radius.

    score, chance      J0 and c
    centre             the σ at which most thresholds lie
    examples, directions, pairs   s, τ, ω: spreads of log thresholds
    early_examples     (share, factor): that share of examples breaks at ``factor`` times its σ
    early_directions   (share, factor): the same of directions
    churn, rise        shares, 0 for none
    small              where churn and rise begin, as a factor of the centre (spread 0.5 in log σ)
    available          how many examples the task has

    >>> world = World(score=0.8, chance=0.2, centre=0.01, examples=0.3)
    >>> round(world.radius(0.5), 4), round(float(world.retained(0.01)), 3)
    (0.01, 0.5)
    """

    score: float = 0.7
    chance: float = 0.25
    centre: float = 0.01
    examples: float = 0.3
    directions: float = 0.08
    pairs: float = 0.3
    early_examples: tuple[float, float] = (0.0, 1.0)
    early_directions: tuple[float, float] = (0.0, 1.0)
    churn: float = 0.0
    rise: float = 0.0
    small: float = 0.2
    available: int = 400

    def __post_init__(self) -> None:
        if not 0 <= self.chance < self.score <= 1 or not self.centre > 0 or self.available < 1:
            raise InputError(
                "a world", found=f"score {self.score}, chance {self.chance}, centre {self.centre}, "
                f"{self.available} examples", advice="0 ≤ chance < score ≤ 1, a centre above 0, at least one example"
            )  # fmt: skip
        if not math.hypot(self.examples, self.directions, self.pairs) > 0:
            raise InputError("a world", found="no spread of thresholds", advice="a positive one")

    def retained(self, sigma: ArrayLike) -> Array:
        """R(σ), the share of the score above chance that is kept on average over directions and examples."""
        x = np.log(np.asarray(sigma, float) / self.centre)
        spread = math.hypot(self.examples, self.directions, self.pairs)
        kept = np.zeros_like(x)
        for share_e, factor_e in self._kinds(self.early_examples):
            for share_d, factor_d in self._kinds(self.early_directions):
                kept += share_e * share_d * ndtr((math.log(factor_e) + math.log(factor_d) - x) / spread)
        gain = self.rise * (1 - self.score) * ndtr((x - math.log(self.small)) / 0.5) / (self.score - self.chance)
        return kept * (1 + gain)

    def radius(self, retention: float) -> float:
        """The σ up to which at least ``retention`` of the score above chance is kept."""
        sigmas = self.centre * np.exp(np.linspace(-8.0, 5.0, 130_001))
        below = self.retained(sigmas) < retention
        return float(sigmas[int(np.argmax(below))])

    def run(self, rng: np.random.Generator) -> WorldRun:
        """One benchmark of ``available`` examples, to be scored anywhere."""
        return WorldRun(self, rng)

    @staticmethod
    def _kinds(early: tuple[float, float]) -> tuple[tuple[float, float], tuple[float, float]]:
        share, factor = early
        return (share, factor), (1 - share, 1.0)


class WorldRun:
    """The examples of one run, and its directions as they are asked for.

    before   the unmoved outcomes, shape (available,)
    """

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        m = world.available
        self.world, self._rng = world, rng
        self.before = rng.random(m) < world.score
        self._place = math.log(world.centre) + rng.normal(0.0, world.examples, m)
        self._place += np.where(rng.random(m) < world.early_examples[0], math.log(world.early_examples[1]), 0.0)
        self._undecided = rng.random(m) < world.churn
        self._rises = rng.random(m) < world.rise
        self._small = math.log(world.small * world.centre) + 0.5 * rng.normal(size=m)
        self._shifts: dict[int, float] = {}
        self._pairs: dict[int, Array] = {}

    def score(self, direction: int, sigma: float, examples: ArrayLike) -> NDArray[np.bool_]:
        """Outcomes of these examples at step σ along a direction (any whole number names one)."""
        world, rng, j = self.world, self._rng, np.asarray(examples, int)
        if direction not in self._shifts:
            rare = rng.random() < world.early_directions[0]
            self._shifts[direction] = rng.normal(0.0, world.directions) + rare * math.log(world.early_directions[1])
            self._pairs[direction] = rng.normal(0.0, world.pairs, world.available)
        x = math.log(sigma)
        past = x > self._small[j]
        found = self.before[j] | (self._rises[j] & past)
        found = np.where(self._undecided[j] & past, rng.random(j.size) < world.score, found)
        broken = x > self._place[j] + self._shifts[direction] + self._pairs[direction][j]
        return np.where(broken, rng.random(j.size) < world.chance, found)


WORLDS: dict[str, World] = {
    "narrow": World(examples=0.15, pairs=0.15),
    "middle": World(),
    "wide": World(examples=0.7, pairs=0.5),
    "sharp cliff": World(examples=0.03, directions=0.05, pairs=0.03),
    "two cliffs": World(examples=0.1, pairs=0.1, early_examples=(0.3, 0.2)),
    "shoulder": World(examples=0.1, pairs=0.1, early_examples=(0.12, 0.25), churn=0.2),
    "directions differ by 5 %": World(directions=0.05),
    "directions differ by 20 %": World(directions=0.2),
    "directions differ by 50 %": World(directions=0.5),
    "6 % of directions leave at half": World(early_directions=(0.06, 0.5)),
    "10 % of directions leave at half": World(early_directions=(0.1, 0.5)),
    "20 % of directions leave at half": World(early_directions=(0.2, 0.5)),
    "0.07 above chance": World(score=0.32),
    "rises before it falls": World(score=0.6, rise=0.15),
    "40 examples": World(available=40),
    "churn": World(churn=0.3),
}
"""The worlds of the coverage table; each has 400 examples unless it says otherwise."""
