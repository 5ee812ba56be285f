"""Everything that decides what a run of widening ends in, fixed before its first step."""

from __future__ import annotations

from corrie.records.canonical import Record

_WARM_UP = 0.05
"""Share of the steps in which the learning rate rises."""

_RAMP = 1 / 3
"""Share of the steps in which σ rises."""


class Course(Record):
    """One run: two that are equal, from the same weights on the same text, end in the same weights.

    steps     of the optimizer
    sigma     standard deviation of the noise, per coordinate, where it has risen
    rate      the largest learning rate (AdamW, no weight decay)
    pairs     antithetic pairs ±ε a step, all on the step's own text
    anchor    weight of the loss without noise, beside a weight of 1 of the loss with it
    mix       weight of the labelled examples' loss, beside a weight of 1 of the divergence; 0: there are none
    windows   texts a step
    seed      of the noise, and of the order of the texts
    betas     of AdamW

    σ rises over the first third in a straight line; the rate over the first twentieth, and then falls to 0 in one.

    >>> course = Course(steps=30, sigma=0.01, rate=0.001)
    >>> [round(course.sigma_share(step), 3) for step in (0, 9, 29)]
    [0.1, 1.0, 1.0]
    >>> [round(course.rate_share(step), 3) for step in (0, 1, 2, 29)]
    [0.5, 1.0, 1.0, 0.036]
    """

    steps: int
    sigma: float
    rate: float
    pairs: int = 1
    anchor: float = 0.0
    mix: float = 0.0
    windows: int = 4
    seed: int = 0
    betas: tuple[float, float] = (0.9, 0.95)

    @property
    def passes(self) -> int:
        """Over a step's text, forward and backward."""
        return 2 * self.pairs + (self.anchor > 0)

    def sigma_share(self, step: int) -> float:
        """Which share of σ a step takes, the first one some of it already."""
        return min(1.0, (step + 1) / max(1.0, _RAMP * self.steps))

    def rate_share(self, step: int) -> float:
        """Which share of the learning rate a step takes: above 0 for all of them."""
        rise = max(1, round(_WARM_UP * self.steps))
        return (step + 1) / rise if step < rise else (self.steps - step) / max(1, self.steps - rise)
