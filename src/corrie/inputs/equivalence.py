"""A change of a linear layer's inputs is a change of its weights: when, which one, and how large.

Idea
----
z = W x for the T columns of X ∈ R^(n×T), one for each token. Moving the inputs by Δ ∈ R^(n×T) moves the outputs by WΔ.

*Inputs to weights.* Some ΔW has ΔW X = WΔ exactly if the rows of WΔ lie in the row space of X: always when the columns
of X are linearly independent. Then the one of least Frobenius norm is

    ΔW = W Δ X⁺,        for one token x:  ΔW = WΔ xᵀ/‖x‖²,  ‖ΔW‖_F = ‖WΔ‖/‖x‖.

Proof. X⁺X is the orthogonal projection onto the row space of X, so WΔX⁺X = WΔ says just that the rows of WΔ lie in it;
and if any ΔW has ΔW X = WΔ they do, for the rows of ΔW X do. Two solutions differ by N with N X = 0, whose rows are
orthogonal to the columns of X, while the rows of WΔX⁺ lie in their span: ‖WΔX⁺ + N‖² = ‖WΔX⁺‖² + ‖N‖². ∎

*A repeated token* is a repeated column, X rank-deficient: equal columns get equal outputs from any weights, so WΔ must
be equal on them. With T > n columns it is almost never exact.

*Weights to inputs.* ΔW is a change of the inputs exactly if every column of ΔW X lies in the range of W; then the one
of least norm is Δ = W⁺ΔW X (the same argument, transposed). It is for every ΔW and X if W has full row rank; full
column rank only makes Δ unique.

What it does not say: the equality is for these columns, so it covers a prompt and no token that is generated after it;
and in a transformer x also runs past its first linear layer (:mod:`corrie.inputs.embedding_rows`).

Source: Chen et al., arXiv 2505.17646 (one token); the conditions are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrie.errors import InputError

Matrix = NDArray[np.float64]

EXACT = 1e-6
"""Largest ‖ΔW X − WΔ‖_F / ‖WΔ‖_F that counts as rounding."""

RANK = 1e-7
"""Singular values below this share of the largest count as zero: inputs are float32 at best."""


@dataclass(frozen=True, eq=False, slots=True)
class Equivalent:
    """The change on the other side, with what it rests on.

    change    ΔW, shape (outputs, inputs), or Δ, shape (inputs, tokens)
    rank      of X (for a weight change) or of W (for an input change)
    full      the rank at which it is exact whatever the change: T, or the number of outputs
    residual  share of the wanted outputs that it misses, in Frobenius norm: rounding
    norm      ‖ΔW‖_F or ‖Δ‖_F, the least of all changes that do it
    """

    change: Matrix
    rank: int
    full: int
    residual: float
    norm: float

    def __str__(self) -> str:
        return f"Frobenius norm {self.norm:.4g} (rank {self.rank} of {self.full}, residual {self.residual:.1e})"


def weight_change(weight: ArrayLike, inputs: ArrayLike, change: ArrayLike, *, exact: float = EXACT) -> Equivalent:
    """The weight change ΔW = WΔX⁺ that does what the input change Δ does.

    Args:
        weight: W, shape (outputs, n).
        inputs: X, shape (n, T): one column for each token; one token may be given as shape (n,).
        change: Δ, of X's shape.
        exact: the residual that counts as rounding.

    Raises:
        InputError: shapes that do not fit, numbers that are none, or no weight change does it (the residual is named).

    >>> found = weight_change([[1.0, 2.0]], inputs=[3.0, 4.0], change=[1.0, 0.0])
    >>> found.change.round(6).tolist(), round(found.norm, 6)
    ([[0.12, 0.16]], 0.2)
    """
    w, x, delta = _matrices(weight, inputs, change)
    wanted = w @ delta
    inverse, rank = _inverse(x)
    moved = wanted @ inverse
    found = _equivalent(moved, moved @ x, wanted, rank, x.shape[1], np.linalg.norm(w) * np.linalg.norm(delta))
    if found.residual > exact:
        raise InputError(
            f"a weight change for changed inputs of {x.shape[1]} tokens",
            found=f"there is none: the best one misses {found.residual:.3g} of the change of the outputs (the inputs "
            f"have rank {rank}, so a repeated token was changed in two ways, or there are more tokens than inputs)",
            advice="the same change wherever a token is repeated, or fewer tokens",
        )
    return found


def input_change(weight: ArrayLike, inputs: ArrayLike, change: ArrayLike, *, exact: float = EXACT) -> Equivalent:
    """The input change Δ = W⁺ΔW X that does what the weight change ΔW does.

    Args:
        weight: W, shape (outputs, n).
        inputs: X, shape (n, T) or (n,).
        change: ΔW, of W's shape.
        exact: the residual that counts as rounding.

    Raises:
        InputError: shapes that do not fit, numbers that are none, or no input change does it.

    >>> found = input_change([[1.0, 2.0]], inputs=[3.0, 4.0], change=[[0.12, 0.16]])
    >>> found.change.round(6).tolist(), round(found.norm, 6)  # less than the ‖(1, 0)‖ that it came from
    ([[0.2], [0.4]], 0.447214)
    """
    w, x, delta = _matrices(weight, inputs, change, of_weight=True)
    wanted = delta @ x
    inverse, rank = _inverse(w)
    moved = inverse @ wanted
    found = _equivalent(moved, w @ moved, wanted, rank, w.shape[0], np.linalg.norm(delta) * np.linalg.norm(x))
    if found.residual > exact:
        raise InputError(
            "an input change for changed weights",
            found=f"there is none: {found.residual:.3g} of the change of the outputs lies outside of the range of W "
            f"(rank {rank} of {w.shape[0]} outputs)",
            advice="a weight change whose outputs W can give, such as W·A for a matrix A",
        )
    return found


def _equivalent(
    change: Matrix, reached: Matrix, wanted: Matrix, rank: int, full: int, scale: np.floating
) -> Equivalent:
    """With the residual; outputs that do not change but for rounding (against ``scale``) have none."""
    size = float(np.linalg.norm(wanted))
    missed = float(np.linalg.norm(reached - wanted))
    residual = missed / size if size > 1e-13 * scale else 0.0
    return Equivalent(change, rank, full, residual, float(np.linalg.norm(change)))


def _inverse(matrix: Matrix) -> tuple[Matrix, int]:
    """The pseudo-inverse and the rank."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    rank = int((s > RANK * s.max(initial=0.0)).sum())
    return (vt[:rank].T / s[:rank]) @ u[:, :rank].T, rank


def _matrices(
    weight: ArrayLike, inputs: ArrayLike, change: ArrayLike, of_weight: bool = False
) -> tuple[Matrix, Matrix, Matrix]:
    w, x, delta = (np.asarray(a, float) for a in (weight, inputs, change))
    x = x[:, None] if x.ndim == 1 else x
    delta = delta[:, None] if delta.ndim == 1 else delta
    fits = w.ndim == x.ndim == 2 and 0 not in (*w.shape, *x.shape) and w.shape[1] == x.shape[0]
    if not fits or delta.shape != (w if of_weight else x).shape:
        raise InputError(
            f"a layer of weights {w.shape} on inputs {x.shape}, changed by {delta.shape}",
            found="the shapes do not fit",
            advice="W (outputs, n), X (n, tokens), and a change of the shape of what it changes",
        )
    if not all(np.isfinite(a).all() for a in (w, x, delta)):
        raise InputError("a linear layer", found="numbers that are NaN or infinite", advice="finite ones")
    return w, x, delta
