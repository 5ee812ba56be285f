"""How far a capability's basin reaches, in every unit, as a sentence.

Idea
----
The *radius* is the largest σ up to which the mean score over random directions keeps a share ρ of what the unmoved
model has above chance:

    J̄_σ' ≥ c + ρ (J(θ0) − c)    for all σ' ≤ σ,        J̄_σ = E_{ε ~ N(0, σ²I)} J(θ0 + ε),

c the chance score (`corrie.stats.basin_radius` estimates it, with an interval that carries directions and examples).
The same radius is a distance, L2 = σ√d, and a share of a typical weight, σ/(‖θ0‖/√d). An *edge* is where the line of
one direction leaves; its spread is shown beside the radius and is not its interval.

It is a statement about α ≡ σ: raw Gaussian directions. Normalised directions have edges, in α, and no radius.

Both sides of a line: −δ is as Gaussian as δ, so a step of −α is a step of σ = |α| too, but the two are one draw, not
two. Where a grid reaches below zero, the outcomes at +|α| and −|α| along one direction are averaged (one draw, with a
smaller variance) and the direction counts once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from corrie.analysis.block import Block
from corrie.records.model import ModelIdentity
from corrie.stats import clopper_pearson
from corrie.stats.arguments import Array
from corrie.stats.model_free_radius import INDICATIVE_DIRECTIONS, INDICATIVE_EXAMPLES, basin_radius
from corrie.stats.rounding import rounded_up

BasinStatus = Literal["found", "beyond_range", "before_first_step", "absent", "unmeasured", "no_sigma"]


@dataclass(frozen=True, slots=True)
class Basin:
    """The basin of one capability.

    status       found; beyond_range (retained at the largest σ tried); before_first_step (lost at the smallest);
                 absent (the unmoved model's score cannot be told from chance: no such capability); unmeasured (no
                 example scored both before and after a move yet); no_sigma (directions are normalised: edges only)
    score        the unmoved model's score; None if it was not computed yet
    sigma        the radius in σ; None unless found
    sigma_low, sigma_high   its interval: 0.0 and infinity where no σ could be excluded; None where there is no radius
    tried        smallest and largest step tried, in σ (in α for no_sigma); None if unmeasured
    edges        for each direction the step at which its own line leaves, None if it never does
    rms          the size of a typical weight, ‖θ0‖/√d
    dimension    d
    indicative   fewer than 8 directions or 100 examples

    >>> from corrie.analysis.landscape import Landscape
    >>> from corrie.testing.cliff_run import cliff_run
    >>> basin = Landscape.from_store(cliff_run(directions=4)).basin("knowledge")
    >>> print(basin)  # doctest: +ELLIPSIS
    Basin(knowledge): σ ≤ 0.01... [0.0..., 0.0...], L2 ≤ 1..., ... % of a typical weight; ... (indicative: ...); ...
    >>> basin.status, basin.directions, basin.examples
    ('found', 4, 100)
    """

    task: str
    capability: str
    status: BasinStatus
    score: float | None
    chance: float
    sigma: float | None
    sigma_low: float | None
    sigma_high: float | None
    tried: tuple[float, float] | None
    edges: tuple[tuple[str, float | None], ...]
    directions: int
    examples: int
    retention: float
    confidence: float
    indicative: bool
    rms: float
    dimension: int

    @classmethod
    def of(
        cls,
        block: Block,
        model: ModelIdentity,
        raw: bool,
        retention: float = 0.95,
        confidence: float = 0.95,
    ) -> Basin:
        """From a task's block of outcomes.

        Args:
            block: outcomes over (direction, alpha, example).
            model: what was moved.
            raw: whether α is σ.
            retention: ρ.
            confidence: of the interval.

        Raises:
            InputError: a retention or confidence that cannot be meant.
        """
        task, (directions, alphas) = block.task, (axis.values for axis in block.axes)
        baseline = block.unmoved.score
        steps, moved = fold(alphas, block.moved.score)
        known: NDArray[np.bool_] = np.isfinite(baseline)
        common: dict[str, Any] = {
            "task": task.name,
            "capability": task.capability,
            "chance": task.chance,
            "retention": retention,
            "confidence": confidence,
            "rms": model.rms,
            "dimension": model.dimension,
        }
        if not (np.isfinite(moved) & known).any():
            return cls(
                status="unmeasured",
                score=float(baseline[known].mean()) if known.any() else None,
                sigma=None,
                sigma_low=None,
                sigma_high=None,
                tried=None,
                edges=(),
                directions=0,
                examples=int(known.sum()),
                indicative=True,
                **common,
            )
        radius = basin_radius(steps, baseline, moved, chance=task.chance, retention=retention, confidence=confidence)
        scored = np.asarray((np.isfinite(moved) & known).any((1, 2)))
        has_radius = raw and radius.status != "absent"
        return cls(
            status="no_sigma" if not raw and radius.status != "absent" else radius.status,
            score=radius.baseline,
            sigma=radius.sigma if has_radius else None,
            sigma_low=radius.low if has_radius else None,
            sigma_high=radius.high if has_radius else None,
            tried=(radius.sigmas[0], radius.sigmas[-1]),
            edges=tuple(
                (str(direction), edge)
                for direction, edge, there in zip(directions, radius.edges, scored, strict=True)
                if there and radius.status != "absent"
            ),
            directions=radius.directions,
            examples=radius.examples,
            indicative=radius.indicative,
            **common,
        )

    @property
    def limit(self) -> float:
        """The step that the finding is about: the radius, the largest tried (beyond_range), the smallest (before_…).

        NaN where there is none.
        """
        if self.status == "found" and self.sigma is not None:
            return self.sigma
        if self.tried is None:
            return math.nan
        return {"beyond_range": self.tried[1], "before_first_step": self.tried[0]}.get(self.status, math.nan)

    @property
    def l2(self) -> float | None:
        """The radius as a distance, σ√d."""
        return self._as_distance(self.sigma)

    @property
    def l2_low(self) -> float | None:
        """The lower end of the interval as a distance."""
        return self._as_distance(self.sigma_low)

    @property
    def l2_high(self) -> float | None:
        """The upper end of the interval as a distance."""
        return self._as_distance(self.sigma_high)

    @property
    def unseen(self) -> float | None:
        """A kind of direction that makes up less than this share of all may be missing from those drawn.

        n independent draws miss a kind of share q with probability (1−q)ⁿ, which is 1 − confidence at
        q = 1 − (1−confidence)^(1/n); rounded up. If such a kind leaves earlier, the interval does not know of it
        (:mod:`corrie.stats.model_free_radius`). None where there is no radius.
        """
        if not self.directions or self.status in ("unmeasured", "absent", "no_sigma"):
            return None
        return rounded_up(clopper_pearson.upper_limit(0, self.directions, self.confidence), 2)

    @property
    def relative(self) -> float | None:
        """The radius as a share of a typical weight, σ/(‖θ0‖/√d)."""
        return None if self.sigma is None else self.sigma / self.rms

    def _as_distance(self, sigma: float | None) -> float | None:
        return None if sigma is None else sigma * math.sqrt(self.dimension)

    def to_json(self) -> dict[str, Any]:
        """Plain data without infinities: None where there is no number, and ``status`` says why."""
        return {
            "status": self.status,
            "sigma": self.sigma,
            "sigma_low": self.sigma_low,
            "sigma_high": _finite(self.sigma_high),
            "l2": self.l2,
            "l2_low": self.l2_low,
            "l2_high": _finite(self.l2_high),
            "relative": self.relative,
            "smallest_tried": self.tried[0] if self.tried else None,
            "largest_tried": self.tried[1] if self.tried else None,
            "edges": dict(self.edges),
            "retention": self.retention,
            "confidence": self.confidence,
            "indicative": self.indicative,
            "unseen": self.unseen,
        }

    @property
    def finding(self) -> str:
        """What was found, without the conditions: ``σ ≤ 0.0079 [0.0071, 0.0086], L2 ≤ 92, 3.7 % of a …``."""
        if self.status == "unmeasured":
            return "not measured yet: no example has been scored both before and after a move"
        if self.status == "absent":
            return (
                f"no such capability: a score of {self.score:.2f} cannot be told from chance, {self.chance:.2f}, "
                f"with {self.examples} examples"
            )
        if self.status == "no_sigma":
            return f"{self._edges_in_words()}; no radius, because α is not σ along normalised directions"
        sign, remark = {
            "beyond_range": (">", " (the largest tried)"),
            "before_first_step": ("<", " (the smallest tried)"),
        }.get(self.status, ("≤", ""))
        limit, low, high = self.limit, self.sigma_low or 0.0, self.sigma_high or 0.0
        interval = f"[{low:.3g}, ∞)" if math.isinf(high) else f"[{low:.3g}, {high:.3g}]"
        return (
            f"σ {sign} {limit:.3g}{remark} {interval}, L2 {sign} {limit * math.sqrt(self.dimension):.3g}, "
            f"{percent(limit / self.rms)} of a typical weight"
        )

    def _edges_in_words(self) -> str:
        left = sorted(edge for _, edge in self.edges if edge is not None)
        beyond = len(self.edges) - len(left)
        if not left:
            largest = f" beyond α = {self.tried[1]:.3g}" if self.tried else ""
            return f"all {beyond} directions hold{largest}"
        middle = float(np.median([math.inf if edge is None else edge for _, edge in self.edges]))
        text = f"edges of single directions from α = {left[0]:.3g}"
        text += f" to {left[-1]:.3g}" if not beyond else f", {beyond} of {len(self.edges)} beyond the range"
        return text + (f" (median {middle:.3g})" if math.isfinite(middle) else "")

    def __str__(self) -> str:
        if self.status in ("unmeasured", "absent"):
            return f"Basin({self.task}): {self.finding}"
        terms = (
            f"{percent(self.retention)} of the score above chance kept, {percent(self.confidence)} confidence, "
            f"{self.directions} direction{'s' * (self.directions != 1)} × {self.examples} examples"
        )
        if self.indicative:
            terms += f" (indicative: fewer than {INDICATIVE_DIRECTIONS} × {INDICATIVE_EXAMPLES})"
        if self.unseen is not None:
            terms += f"; a kind of direction rarer than {percent(self.unseen)} may be unseen and leave earlier"
        return f"Basin({self.task}): {self.finding}; {terms}"


def fold(alphas: Array, scores: Array) -> tuple[Array, Array]:
    """Steps and scores with both sides of each line as one: +|α| and −|α| averaged.

    Args:
        alphas: increasing, shape (k,).
        scores: shape (directions, k, examples), NaN where there is none.

    Returns:
        The distinct |α| in order, 0 left out, and the scores there: the mean of the sides that were scored.

    >>> steps, scores = fold(np.array([-1.0, 1.0, 2.0]), np.array([[[0.0], [1.0], [1.0]]]))
    >>> steps, scores[0, :, 0]
    (array([1., 2.]), array([0.5, 1. ]))
    """
    sizes = np.unique(np.abs(alphas[alphas != 0]))
    folded = np.full((scores.shape[0], sizes.size, scores.shape[2]), np.nan)
    for i, size in enumerate(sizes):
        sides = scores[:, np.abs(alphas) == size, :]
        there = np.isfinite(sides)
        count = there.sum(1)
        np.divide(np.where(there, sides, 0.0).sum(1), count, out=folded[:, i], where=count > 0)
    return sizes, folded


def percent(share: float) -> str:
    """A share as a percentage with two digits that count, three near the whole.

    >>> percent(0.0366), percent(0.4), percent(0.999), percent(1.23)
    ('3.7 %', '40 %', '99.9 %', '123 %')
    """
    return f"{float(f'{100 * share:.{3 if share > 0.9 else 2}g}'):g} %"


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else value
