"""How many single answers change at a step, whatever the score does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flips:
    """Shares at σ, each as lower limit, middle and upper limit.

    lost     of the answers that were right, wrong there
    gained   of the answers that were wrong, right there
    net      the change of the score: gained of all answers less lost of all answers

    >>> print(Flips(0.01, (0.05, 0.08, 0.12), (0.1, 0.15, 0.21), (-0.04, -0.01, 0.02)))
    at σ = 0.01, 8 % [5, 12] of the right answers are wrong, 15 % [10, 21] of the wrong ones right
    """

    sigma: float
    lost: tuple[float, float, float]
    gained: tuple[float, float, float]
    net: tuple[float, float, float]

    def __str__(self) -> str:
        lost, gained = (f"{100 * m:.2g} % [{100 * a:.2g}, {100 * b:.2g}]" for a, m, b in (self.lost, self.gained))
        return f"at σ = {self.sigma:.3g}, {lost} of the right answers are wrong, {gained} of the wrong ones right"
