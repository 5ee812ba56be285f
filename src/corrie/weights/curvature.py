"""The direction in which the loss curves up most: the top eigenvector of its Hessian.

Idea
----
H v is taken from gradients alone, (∇L(θ0 + h v) − ∇L(θ0 − h v))/2h, in float32, and v ← H v/‖H v‖ is repeated (power
iteration) until ‖H v − λ v‖ is small, λ = vᵀH v. That finds the eigenvalue of largest size. Where it is negative (θ0 is
no minimum), the iteration is repeated with H − λI, whose largest eigenvalue is the top one of H.

h must be so small that the third derivative does not show and so large that rounding does not: the weights of size
‖θ0‖ are rounded by about 2⁻²⁵‖θ0‖, so the default h = 3·10⁻⁵‖θ0‖ makes v wrong by a thousandth.

Memory: the model, a pristine copy, gradients, and one direction: the two gradients are subtracted where they are
accumulated. (Lanczos iteration needs fewer products but a direction in memory for each.)

Source: Pearlmutter 1994 for Hessian-vector products; Golub and Van Loan, Matrix Computations, section 7.3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.weights.ascent import scale_to
from corrie.weights.gradients import Gradients, LossAndGrad, gradients
from corrie.weights.noise import gaussian_noise
from corrie.weights.perturbed import Moving, moving
from corrie.weights.selection import Selection, squared_norm


@dataclass(frozen=True, eq=False)
class Curvature:
    """The top of the Hessian.

    tensors      name → the eigenvector's part, float32, of norm √d (its sign means nothing)
    eigenvalue   λ, in units of loss per squared distance
    residual     ‖H v − λ v‖ for the eigenvector v of norm 1
    products     Hessian-vector products that were taken, two gradients each
    converged    whether the residual came below the tolerance
    """

    tensors: Mapping[str, Tensor]
    eigenvalue: float
    residual: float
    products: int
    converged: bool

    def __str__(self) -> str:
        end = "" if self.converged else ", not converged"
        return (
            f"Top curvature λ = {self.eigenvalue:.4g} (residual {self.residual:.2g}, "
            f"{self.products} Hessian products{end})"
        )


def top_curvature(
    selection: Selection,
    loss_and_grad: LossAndGrad,
    *,
    reach: float | None = None,
    products: int = 50,
    tolerance: float = 0.01,
    seed: int = 0,
) -> Curvature:
    """The eigenvector of the largest eigenvalue of the loss's Hessian at the model.

    Args:
        selection: the tensors that move, in float32.
        loss_and_grad: the loss at the present weights, adding its gradient (:mod:`corrie.weights.gradients`).
        reach: h (default: 3·10⁻⁵‖θ0‖).
        products: at most so many Hessian-vector products (for each of the two iterations).
        tolerance: ends when the residual is below this share of the eigenvalue.
        seed: of the random start.

    Raises:
        InputError: weights that are not float32, a number that is not valid, a loss that is not a number, or a
            loss that does not curve at all.
        RestoreError: the weights could not be put back bit for bit.

    >>> from torch import nn
    >>> from corrie.weights.selection import select
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> def loss_and_grad() -> float:
    ...     value = (layer.weight.square() * torch.tensor([0.5, 2.0])).sum()
    ...     value.backward()
    ...     return value.item()
    >>> found = top_curvature(select(layer), loss_and_grad, reach=0.1)
    >>> round(found.eigenvalue, 3), found.converged
    (4.0, True)
    """
    coarse = {str(t.dtype) for t in selection.tensors.values() if t.dtype not in (torch.float32, torch.float64)}
    if coarse:
        raise InputError(
            f"curvature of {', '.join(sorted(coarse))} weights",
            found="their rounding is larger than the differences it is made of",
            advice="float32",
        )
    step = 3e-5 * selection.norm() if reach is None else reach
    if not (math.isfinite(step) and step > 0) or products < 1 or tolerance <= 0:
        raise InputError(
            f"reach {step:g}, {products} products, tolerance {tolerance:g}",
            found="a number that is not valid",
            advice="reach=0.01, products=50, tolerance=0.01",
        )
    with moving(selection) as weights, gradients(selection, loss_and_grad) as slope:
        vector = {n: torch.empty_like(t, dtype=torch.float32) for n, t in weights.pristine.items()}
        search = _Iteration(weights, slope, vector, step, tolerance)
        search.run(seed, products, shift=0.0)
        if search.eigenvalue < 0:
            search.run(seed + 1, products, shift=search.eigenvalue)
    scale_to(list(vector.values()), math.sqrt(sum(t.numel() for t in vector.values())))
    return Curvature(
        tensors=vector,
        eigenvalue=search.eigenvalue,
        residual=search.residual,
        products=search.products,
        converged=search.converged,
    )


class _Iteration:
    """Power iteration on H − shift·I, in one vector and the gradients' own memory."""

    def __init__(
        self, weights: Moving, slope: Gradients, vector: dict[str, Tensor], reach: float, tolerance: float
    ) -> None:
        self._weights, self._slope, self._vector = weights, slope, vector
        self._reach, self._tolerance = reach, tolerance
        self.eigenvalue = self.residual = math.nan
        self.products, self.converged = 0, False

    def run(self, seed: int, products: int, shift: float) -> None:
        """Until the residual is small, or so many products were taken; the vector of the last one is kept."""
        for name, part in self._vector.items():
            part.copy_(torch.from_numpy(gaussian_noise(seed, name, part.numel())).reshape(part.shape))
        scale_to(list(self._vector.values()), 1.0)
        self.converged = False
        for left in reversed(range(products)):
            self._product()
            length = self._slope.norm() / (2 * self._reach)
            self.eigenvalue = self._slope.dot(self._vector) / (2 * self._reach)
            self.residual = math.sqrt(max(length**2 - self.eigenvalue**2, 0.0))
            self.converged = self.residual <= self._tolerance * max(abs(self.eigenvalue), abs(shift))
            if length == 0.0:
                raise InputError(
                    "the curvature of a loss", found="its gradient is the same everywhere it was looked at"
                )
            if self.converged or not left:
                return
            for part in self._vector.values():
                part.mul_(-shift)
            for name, gradient in self._slope:
                self._vector[name].add_(gradient, alpha=1 / (2 * self._reach))
            if not any(squared_norm(part) for part in self._vector.values()):
                return
            scale_to(list(self._vector.values()), 1.0)

    def _product(self) -> None:
        """∇L(θ0 + h v) − ∇L(θ0 − h v), left in the gradients."""
        self.products += 1
        self._slope.clear()
        self._weights.by(self._vector, -self._reach)
        self._slope.add()
        self._slope.negate()
        self._weights.by(self._vector, self._reach)
        self._slope.add()
