"""Frozen matrices of a protected subspace: what the capabilities to be kept barely feel, and the fine-tune does.

Idea
----
A layer y = W z. The kept capabilities feel a change ΔW = b aᵀ by aᵀC a, C = E[z zᵀ] over their own prompts; the
fine-tune feels it by ‖G a‖, G = ∂L/∂W of its loss. So

    maximise ‖G a‖²  subject to  aᵀ(C + λI) a = 1,

whose solutions are a_i = (C + λI)^(−1/2) v_i with v_i the right singular vectors of G (C + λI)^(−1/2), the largest
singular values first; b is then best along the left one, u_i. λ is a share of C's mean diagonal: it keeps a finite
sample of prompts from calling a direction silent that it only did not happen to hear. Where the fine-tune is unknown, G
is left out and the a_i are the directions of least energy, C's last eigenvectors.

C must look like what is to be protected: its prompts, never those that certify. Whether it protects is not promised
here but measured by the certificate.

Source: ``docs/theory.md`` (protected subspaces).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from corrie.errors import InputError
from corrie.subspaces.row_space import FixedMatrices, Free

RIDGE = 0.03
"""λ as a share of the mean diagonal of C."""


@contextmanager
def listening(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Within the block every pass adds its tokens to Σ z zᵀ of each layer, shape (in, in), float32 on the CPU.

    >>> layer = nn.Linear(2, 3)
    >>> with listening({"one": layer}) as received:
    ...     _ = layer(torch.tensor([[1.0, 2.0]]))
    >>> received["one"].tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    received: dict[str, Tensor] = {}

    def hook(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def listen(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            tokens = inputs[0].detach().reshape(-1, inputs[0].shape[-1]).float()
            energy = (tokens.T @ tokens).cpu()
            received[name] = received[name] + energy if name in received else energy

        return listen

    handles = [layer.register_forward_pre_hook(hook(name)) for name, layer in layers.items()]
    try:
        yield received
    finally:
        for handle in handles:
            handle.remove()


def protected_matrices(
    energies: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor] | None,
    rank: int,
    *,
    free: Free = "up",
    ridge: float = RIDGE,
) -> dict[str, FixedMatrices]:
    """The frozen matrices of each layer.

    Args:
        energies: C of each layer up to a factor, (in, in).
        gradients: G of each layer, (out, in); None where the fine-tune is unknown (then only A can be chosen).
        rank: r.
        free: ``up``: A with orthonormal rows. ``core``: unit rows a_i, and U of the u_i.
        ridge: λ over the mean diagonal of C.

    Raises:
        InputError: a core without gradients, a rank beyond a layer's width, energies of nothing.

    >>> silent = torch.diag(torch.tensor([1.0, 1.0, 0.0]))
    >>> fixed = protected_matrices({"one": silent}, {"one": torch.ones(2, 3)}, rank=1)
    >>> [round(abs(x), 2) for x in fixed["one"].down[0].tolist()]
    [0.02, 0.02, 1.0]
    """
    if free == "core" and gradients is None:
        raise InputError("a core subspace", found="no fine-tune to take its U from", advice="--examples FILE.jsonl")
    made: dict[str, FixedMatrices] = {}
    for layer, energy in energies.items():
        size = float(energy.diagonal().double().mean())
        if size == 0:
            raise InputError(f"protecting {layer}", found="no prompt reached it", advice="prompts of the task")
        into = energy.shape[0]
        if not 1 <= rank <= into:
            raise InputError(f"rank {rank}", found=f"{layer} takes 1 to {into}", advice="a smaller rank")
        felt = energy.double() / size + ridge * torch.eye(into, dtype=torch.float64)
        if gradients is None:
            made[layer] = FixedMatrices(torch.linalg.eigh(felt)[1][:, :rank].T.float().contiguous())
            continue
        left, down = _most_felt(gradients[layer].double().cpu(), felt, rank)
        if free == "up":
            orthonormal, _ = torch.linalg.qr(down)
            made[layer] = FixedMatrices(orthonormal.T.float().contiguous())
        else:
            unit = down / down.norm(dim=0)
            made[layer] = FixedMatrices(unit.T.float().contiguous(), left.float().contiguous())
    return made


def _most_felt(gradient: Tensor, felt: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """u_i, shape (out, r), and a_i, shape (in, r), for the largest ‖G a‖² at aᵀ F a = 1, F = felt.

    With F = Λ Λᵀ the a = Λ^−T v are those of the singular vectors v of G Λ^−T, which differ from those of G F^−1/2 by a
    rotation that drops out. The singular vectors come from the smaller of its two Gram matrices.
    """
    root = torch.linalg.cholesky(felt)
    whitened = torch.linalg.solve_triangular(root, gradient.T, upper=False)  # (G Λ^−T)ᵀ, (in, out)
    wide = whitened.shape[0] >= whitened.shape[1]
    found = torch.linalg.eigh(whitened.T @ whitened if wide else whitened @ whitened.T)[1][:, -rank:].flip(1)
    left, right = (found, whitened @ found) if wide else (whitened.T @ found, found)
    left, right = (side / side.norm(dim=0).clamp(min=1e-300) for side in (left, right))
    return left, torch.linalg.solve_triangular(root.T, right, upper=True)
