"""How far a capability's basin reaches, in every unit, as a sentence.

Idea
----
The *radius* at retention ρ is the largest σ up to which the mean score over random directions keeps a share ρ of what
the unmoved model has above chance:

    J̄_σ' ≥ c + ρ (J(θ0) − c)    for all σ' ≤ σ,        J̄_σ = E_{ε ~ N(0, σ²I)} J(θ0 + ε),

c the chance score. It is read off a curve fitted to every outcome (:mod:`corrie.stats.dose_response`), for ρ = 0.95,
0.8, 0.5 and the one asked for, each with an interval that carries directions and examples. Where the curves do not fit,
an interval that assumes only that the score falls stands in its place (method ``model_free``). Beside it stays the
interval that assumes no shape, on a grid that every direction and every example share (``crossed``,
:func:`corrie.stats.basin_radius`); ρ = 1 has no other one.

The same radius is a distance, L2 = σ√d, and a share of a typical weight, σ/(‖θ0‖/√d). An *edge* is where the line of
one direction leaves; its spread is shown beside the radius and is not its interval. *Flips* are single answers that
change, in both directions, at the step that the finding is about.

It is a statement about α ≡ σ: raw Gaussian directions. Normalised directions have edges, in α, and no radius.

Both sides of a line: −δ is as Gaussian as δ, so a step of −α is a step of σ = |α| too, but the two are one draw, not
two. The fit takes both outcomes, as of one direction; for ``crossed`` and the edges the outcomes at +|α| and −|α| along
one direction are averaged, and the direction counts once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from corrie.analysis.basin_words import BasinWords
from corrie.analysis.block import Block
from corrie.analysis.percent import percent
from corrie.analysis.scored_blocks import scored_blocks
from corrie.records.model import ModelIdentity
from corrie.records.scoring import BEHAVIOUR
from corrie.stats import clopper_pearson
from corrie.stats.arguments import Array
from corrie.stats.model_free_radius import (
    INDICATIVE_DIRECTIONS,
    INDICATIVE_EXAMPLES,
    RadiusEstimate,
    basin_radius,
)
from corrie.stats.rounding import rounded_up

if TYPE_CHECKING:
    from corrie.stats.dose_response import DoseResponse, Flips, MeasuredRadius, Radius
    from corrie.stats.dose_response.radii import Method

BasinStatus = Literal["found", "beyond_range", "before_first_step", "absent", "unmeasured", "no_sigma"]


@dataclass(frozen=True, slots=True)
class Crossed:
    """The radius at the asked retention whose interval assumes no shape (:func:`corrie.stats.basin_radius`).

    status      found, beyond_range, before_first_step or absent
    sigma       where the mean curve first falls below ρ, linear between grid points; None unless found
    low, high   the interval: grid σ, or 0.0 and infinity
    """

    status: BasinStatus
    sigma: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Basin:
    """The basin of one capability.

    status       found; beyond_range (retained at the largest σ tried); before_first_step (lost at the smallest);
                 absent (the unmoved model's score cannot be told from chance: no such capability); unmeasured (no
                 example scored both before and after a move yet); no_sigma (directions are normalised: edges only)
    score        the unmoved model's score; None if it was not computed yet
    sigma        the radius in σ at the asked retention; None unless found
    sigma_low, sigma_high   its interval: 0.0 and infinity where no σ could be excluded; None where there is no radius
    tried        smallest and largest step tried, in σ (in α for no_sigma); None if unmeasured
    edges        for each direction the step at which its own line leaves, None if it never does
    rms          the size of a typical weight, ‖θ0‖/√d
    dimension    d
    indicative   fewer than 8 directions or 100 examples
    radii        at retention 0.95, 0.8, 0.5 and the asked one, from the largest retention on; empty where there is none
    method       of the radius: ``dose_response``, or ``model_free`` where the fitted curves do not apply
    crossed      the same radius with the interval that assumes no shape; None where there is no radius
    flips        single answers that change at :attr:`limit`; None where no curve fits, and for scores between 0 and 1
    evaluations  outcomes that were scored away from the unmoved model, of examples that were scored there too
    response     the fitted curves, for pictures; None where there are none

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
    radii: tuple[Radius, ...] = ()
    method: Method | None = None
    crossed: Crossed | None = None
    flips: Flips | None = None
    evaluations: int = 0
    response: DoseResponse | None = field(default=None, compare=False, repr=False)

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
            InputError: a retention or confidence that is not valid.
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
        estimate = basin_radius(steps, baseline, moved, chance=task.chance, retention=retention, confidence=confidence)
        there: NDArray[np.bool_] = np.asarray((np.isfinite(moved) & known).any(2))
        followed = [_is_line(steps_scored) for steps_scored in there]
        common |= {
            "score": estimate.baseline,
            "tried": (estimate.sigmas[0], estimate.sigmas[-1]),
            "edges": tuple(
                (str(direction), edge)
                for direction, edge, there in zip(directions, estimate.edges, followed, strict=True)
                if there and estimate.status != "absent"
            ),
            "directions": estimate.directions,
            "examples": estimate.examples,
            "indicative": estimate.indicative,
            "evaluations": int((np.isfinite(block.moved.score[:, alphas != 0]) & known).sum()),
        }
        if not raw or estimate.status == "absent":
            status: BasinStatus = "absent" if estimate.status == "absent" else "no_sigma"
            return cls(status=status, sigma=None, sigma_low=None, sigma_high=None, **common)
        from corrie.stats.dose_response.radii import RETENTIONS

        asked = tuple(sorted({*RETENTIONS, retention}, reverse=True))
        curve = _fitted(block, tuple(r for r in asked if r < 1), confidence)
        radii = tuple(
            curve.radius(share) if share < 1 else _without_shape(steps, baseline, moved, task.chance, share, confidence)
            for share in asked
        )
        own = radii[asked.index(retention)]
        found = cls(
            status=_status(own, estimate, curve if own.retention < 1 else None),
            sigma=own.sigma,
            sigma_low=own.low,
            sigma_high=own.high,
            radii=radii,
            method=own.method,
            crossed=Crossed(estimate.status, estimate.sigma, estimate.low, estimate.high),
            response=curve,
            **common,
        )
        if curve.method == "model_free" or scored_blocks(block).graded:
            return found
        return replace(found, flips=curve.flips(found.limit, confidence))

    @property
    def words(self) -> BasinWords:
        """How to say it."""
        return BasinWords(self)

    @property
    def finding(self) -> str:
        """What was found, without the conditions: ``σ ≤ 0.0079 [0.0071, 0.0086], L2 ≤ 92, 3.7 % of a …``."""
        return self.words.finding

    @property
    def to_see(self) -> int | None:
        """How many examples would show the capability if its score is the true one; None where it is not above chance.

        For capabilities that cannot be told from chance (``absent``).
        """
        from corrie.stats.chance import examples_to_see

        return None if self.score is None else examples_to_see(self.score, self.chance)

    @property
    def measured(self) -> MeasuredRadius | None:
        """The radius as it is compared with others; None where there is none."""
        if self.tried is None or self.sigma_low is None or self.sigma_high is None or self.method is None:
            return None
        from corrie.stats.dose_response import MeasuredRadius, Radius

        radius = Radius(self.retention, self.sigma, self.sigma_low, self.sigma_high, self.method)
        return MeasuredRadius(radius, self.tried, self.directions, self.confidence)

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
            "method": self.method,
            "indicative": self.indicative,
            "unseen": self.unseen,
            "crossed": self._crossed_to_json(),
        }

    def radii_to_json(self) -> list[dict[str, Any]]:
        """Every radius as plain data; None where an end, or the middle, lies outside of what was tried."""
        return [
            {
                "retention": radius.retention,
                "sigma": radius.sigma,
                "sigma_low": radius.low,
                "sigma_high": _finite(radius.high),
                "l2": self._as_distance(radius.sigma),
                "l2_low": self._as_distance(radius.low),
                "l2_high": self._as_distance(_finite(radius.high)),
                "method": radius.method,
            }
            for radius in self.radii
        ]

    def flips_to_json(self) -> dict[str, Any] | None:
        """Single answers that change at :attr:`limit`, as shares, and the change of the score that they leave."""
        if self.flips is None:
            return None

        def share(values: tuple[float, float, float]) -> dict[str, float]:
            return dict(zip(("low", "share", "high"), values, strict=True))

        return {
            "sigma": self.flips.sigma,
            "right_to_wrong": share(self.flips.lost),
            "wrong_to_right": share(self.flips.gained),
            "net": share(self.flips.net),
        }

    def _crossed_to_json(self) -> dict[str, Any] | None:
        if self.crossed is None:
            return None
        found = self.crossed
        return {"status": found.status, "sigma": found.sigma, "sigma_low": found.low, "sigma_high": _finite(found.high)}

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
        if self.method == "model_free":
            terms += "; the interval assumes only that the score falls with σ (model_free)"
        if self.words.crossed:
            terms += f"; assuming no shape (crossed): σ {self.words.crossed}"
        return f"Basin({self.task}): {self.finding}; {terms}"


def _fitted(block: Block, retentions: tuple[float, ...], confidence: float) -> DoseResponse:
    """The curves of a present capability."""
    from corrie.stats.dose_response import dose_response, unmoved_counts

    right, known = unmoved_counts(block.unmoved.score[np.isfinite(block.unmoved.score)])
    return dose_response(
        scored_blocks(block),
        right=right,
        known=known,
        chance=block.task.chance,
        retentions=retentions,
        confidence=confidence,
    )


def _without_shape(
    steps: Array, baseline: Array, moved: Array, chance: float, retention: float, confidence: float
) -> Radius:
    """Where no curve applies: the crossed grid's."""
    from corrie.stats.dose_response import Radius

    found = basin_radius(steps, baseline, moved, chance=chance, retention=retention, confidence=confidence)
    return Radius(retention, found.sigma, found.low, found.high, "model_free")


def _status(radius: Radius, estimate: RadiusEstimate, curve: DoseResponse | None) -> BasinStatus:
    """found, or on which side of the σ that were tried the radius lies."""
    if curve is None:
        return estimate.status
    smallest, largest = curve.tried
    if radius.method == "model_free":  # its middle is where a falling curve crosses, the smallest σ if that is before
        if radius.sigma is None:
            return "beyond_range"
        return "found" if radius.sigma > smallest else "before_first_step"
    if radius.sigma is not None:
        return "found"
    return "beyond_range" if curve.retained([largest])[1, 0] >= radius.retention else "before_first_step"


def _is_line(scored: NDArray[np.bool_]) -> bool:
    """Whether a direction was followed: scored at two steps or more, or at the only one there is.

    >>> _is_line(np.array([True, False])), _is_line(np.array([True, True])), _is_line(np.array([True]))
    (False, True, True)
    """
    return bool(scored.sum() >= min(2, scored.size))


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


def of_capabilities(basins: Iterable[Basin]) -> tuple[Basin, ...]:
    """The basins of capabilities; where only behaviour was looked at, its own.

    Agreement falls before any benchmark does: it goes in no order with them, and is no capability that a guard keeps.

    >>> from corrie.analysis.landscape import Landscape
    >>> from corrie.testing.cliff_run import cliff_run
    >>> len(of_capabilities(Landscape.from_store(cliff_run(directions=2, examples=10)).basins()))
    5
    """
    basins = tuple(basins)
    return tuple(basin for basin in basins if basin.capability != BEHAVIOUR) or basins


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else value
