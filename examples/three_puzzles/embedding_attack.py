"""The least change of a request's embedding vectors that we find to undo a refusal (embedding-space attack).

Idea
----
One Δ for each movable id of the request (:mod:`attacked_prompt`). Normalised steepest descent on the loss of a
compliant opening,

    Δ ← Δ − η ∇L / ‖∇L‖,        η = rate · ‖E_rows‖_F,

until the greedy answer is no refusal and no collapse by the task's own judge. Then the smallest scale on the line from
0 to that Δ that still does it, on a grid that is refined once (labels along the line need not be monotone: it is the
first scale of the coarse grid that complies, refined below). It is an upper limit of the least norm, not the least.

Source: Schwinn et al. 2024 (embedding-space attacks); the row form is :mod:`corrie.inputs.embedding_rows`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from answering import Answer, Answering
from attacked_prompt import AttackedPrompt
from torch import Tensor

GRID = 8
"""Scales tried together; refined once, so the scale is known to 1/GRID²."""


@dataclass(frozen=True, eq=False, slots=True)
class EmbeddingAttack:
    """What the search found.

    change     one Δ for each movable id, shape (ids, n)
    answer     to the moved vectors
    steps      taken before the first compliant answer (or all of them)
    full_norm  ‖Δ‖_F where the search stopped
    scale      of that, what was kept
    before, after   loss of the opening in nats per token, at 0 and at ``change``
    """

    change: Tensor
    answer: Answer
    steps: int
    full_norm: float
    scale: float
    before: float
    after: float

    @property
    def complied(self) -> bool:
        return self.answer.label == "complied"


def attack_embeddings(
    answering: Answering, prompt: AttackedPrompt, *, steps: int = 60, rate: float = 0.01, look: int = 10
) -> EmbeddingAttack:
    """Search, then shrink.

    Args:
        steps: most gradient steps.
        rate: length of a step as a share of the norm of the movable rows.
        look: the answer is looked at when greedy decoding writes the opening, and every so many steps.
    """
    vectors = answering.vectors(prompt.ids)
    length = rate * float(answering.vectors(prompt.movable).norm())
    change = torch.zeros_like(answering.vectors(prompt.movable))
    before = float("nan")
    answer, taken = Answer("refused", ()), 0
    for step in range(steps + 1):
        change.requires_grad_()
        opening = answering.opening(prompt.moved(vectors, change), prompt.opening)
        (slope,) = torch.autograd.grad(opening.loss, change)
        change = change.detach()
        before = float(opening.loss.detach()) if step == 0 else before
        taken = step
        if step and (opening.greedy or step % look == 0 or step == steps):
            (answer,) = answering.from_vectors(prompt.moved(vectors, change)[None])
            if answer.label == "complied" or step == steps:
                break
        change = change - length * slope / slope.norm().clamp_min(1e-30)
    full, scale = float(change.norm()), 1.0
    if answer.label == "complied":
        scale = least_scale(answering, prompt, change)
        change = scale * change
        (answer,) = answering.from_vectors(prompt.moved(vectors, change)[None])
    with torch.no_grad():
        after = float(answering.opening(prompt.moved(vectors, change), prompt.opening).loss)
    return EmbeddingAttack(change, answer, taken, full, scale, before, after)


def least_scale(answering: Answering, prompt: AttackedPrompt, change: Tensor) -> float:
    """The first scale in (0, 1] on the grid at which the answer complies, given that it does at 1.

    The grid is written as a batch; a scale counts once its answer, written alone, complies too.
    """
    vectors = answering.vectors(prompt.ids)

    def first(low: float, high: float) -> float:
        """The least complying one of GRID scales in (low, high]; ``high`` is known to comply."""
        scales = [low + (high - low) * (i + 1) / GRID for i in range(GRID - 1)]
        moved = prompt.moved(vectors, torch.stack([s * change for s in scales]))
        found = answering.from_vectors(moved)
        for scale, seen, one in zip(scales, found, moved, strict=True):
            if seen.label == "complied" and answering.from_vectors(one[None])[0].label == "complied":
                return scale
        return high

    coarse = first(0.0, 1.0)
    return first(coarse - 1 / GRID, coarse)


def random_changes(like: Tensor, draws: int, seed: int) -> Tensor:
    """Gaussian changes of the same rows with the same Frobenius norm, shape (draws, ids, n).

    >>> changes = random_changes(torch.ones(2, 3), draws=4, seed=0)
    >>> torch.allclose(changes.flatten(1).norm(dim=1), torch.full((4,), 6**0.5))
    True
    """
    noise = torch.randn((draws, *like.shape), generator=torch.Generator().manual_seed(seed)).to(like)
    return noise * (like.norm() / noise.flatten(1).norm(dim=1))[:, None, None]
