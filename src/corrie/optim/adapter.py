"""How far low-rank adapters move the weights they are added to, without ever forming the product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from corrie.errors import InputError
from corrie.weights.selection import tensor_name

_ADDED = ("lora_", "modules_to_save", "trainable_tokens_")
"""How the parts of a name begin that PEFT puts into a model."""


@dataclass(frozen=True, eq=False)
class LivePair:
    """One LoRA pair as it was found: ΔW = scale · B A, with A of shape (r, in) and B of shape (out, r).

    a, b            the live matrices
    start_a, start_b  copies of them
    scale           the adapter's scale (alpha over rank)
    """

    a: nn.Parameter
    b: nn.Parameter
    start_a: Tensor
    start_b: Tensor
    scale: float

    @torch.no_grad()
    def squared_distance(self) -> float:
        """‖scale·(B A − B0 A0)‖_F², the move of the adapted weight.

        With P = [B, −B0] and Q = [A; A0] the difference is P Q, and ‖P Q‖_F² = ⟨PᵀP, QQᵀ⟩: matrices of 2r × 2r.

        >>> a, b = nn.Parameter(torch.randn(2, 30)), nn.Parameter(torch.zeros(20, 2))
        >>> adapter = LivePair(a, b, a.detach().clone(), b.detach().clone(), scale=2.0)
        >>> b.data.normal_()[0, 0] = 1.0
        >>> slow = (2.0 * b @ a).square().sum().item()
        >>> abs(adapter.squared_distance() / slow - 1) < 1e-4
        True
        """
        wide = torch.float64
        left = torch.cat([self.b.to(wide), -self.start_b.to(self.b.device, wide)], dim=1)
        right = torch.cat([self.a.to(wide), self.start_a.to(self.a.device, wide)], dim=0)
        return max(0.0, self.scale**2 * float(((left.T @ left) * (right @ right.T)).sum()))


def find_adapters(model: nn.Module) -> tuple[LivePair, ...]:
    """The LoRA pairs on linear layers of a PEFT model (any module with ``lora_A``, ``lora_B`` and ``scaling``).

    Raises:
        InputError: an adapter of a kind whose move is not scale · B A (DoRA, embeddings, convolutions), or several
            adapters that are added to one weight.
    """
    found: list[LivePair] = []
    for name, module in model.named_modules():
        downs, ups = getattr(module, "lora_A", None), getattr(module, "lora_B", None)
        if not isinstance(downs, nn.ModuleDict) or not isinstance(ups, nn.ModuleDict):
            continue
        odd = [kind for kind in ("lora_embedding_A", "lora_magnitude_vector") if len(getattr(module, kind, ()))]
        weights = [(_weight(down), _weight(ups[key])) for key, down in downs.items()]
        if odd or any(a.dim() != 2 or b.dim() != 2 for a, b in weights) or len(weights) > 1:
            raise InputError(
                f"the distance of the adapter at {name}",
                found=odd[0] if odd else ("several adapters on one weight" if len(weights) > 1 else "no linear layer"),
                advice="one plain LoRA on linear layers",
            )
        for (a, b), key in zip(weights, downs, strict=True):
            scale = float(module.scaling[key])  # type: ignore[index]
            found.append(LivePair(a, b, a.detach().clone(), b.detach().clone(), scale))
    return tuple(found)


def _weight(layer: nn.Module) -> nn.Parameter:
    return cast(nn.Parameter, layer.weight)


def adapter_parameters(adapters: Sequence[LivePair]) -> frozenset[nn.Parameter]:
    """The matrices of the adapters."""
    return frozenset(p for adapter in adapters for p in (adapter.a, adapter.b))


def own_weights(model: nn.Module) -> frozenset[nn.Parameter]:
    """The parameters of the model itself, tied ones once: none that an adapter has added, and where PEFT trains a copy
    of a module (``modules_to_save``) the original.
    """
    return frozenset(
        parameter
        for name, parameter in model.named_parameters()
        if not any(part.startswith(_ADDED) for part in name.split("."))
    )


def checkpoint_name(name: str) -> str:
    """A parameter's name in the base model; of an adapter's matrix, that of the weight it is added to.

    >>> checkpoint_name("base_model.model.model.layers.0.self_attn.q_proj.lora_B.default.weight")
    'model.layers.0.self_attn.q_proj.weight'
    """
    name = tensor_name(name).removeprefix("base_model.model.").replace(".base_layer.", ".")
    name = name.replace(".modules_to_save.default.", ".")
    before, adapter, _ = name.partition(".lora_")
    return f"{before}.weight" if adapter else name
