"""GO's noise seen from the activations: the same noise on the weights, drawn afresh for every token.

Idea
----
Noise ε ~ N(0, σ²I) on a linear layer's weights moves its output for one input x by N(0, σ²‖x‖²I). GO draws one ε a
pass, so all tokens of a batch see the same one, and the error it leaves in the gradient does not average out over them.
Here every token gets a draw of its own, put where it acts (the local reparametrisation of Kingma et al. 2015,
1506.02557); with ξ ~ N(0, I) for each token:

    linear  y + σ‖x‖ ξ        embedding  e + σ ξ        RMS norm  y + σ x̂ ξ

For one token alone the law is that of weight noise, layer by layer. Between tokens it is not: in the true smoothed loss
the tokens of a context share ε. It is another estimator, of a loss near the smoothed one, with far less variance.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class LocalNoise:
    """Puts noise on a model's activations while it trains; ``sigma`` may be changed at any time."""

    def __init__(self, model: nn.Module) -> None:
        self.sigma = 0.0
        self._handles = []
        for module in model.modules():
            if isinstance(module, nn.Linear):
                self._handles.append(module.register_forward_hook(self._linear))
            elif isinstance(module, nn.Embedding):
                self._handles.append(module.register_forward_hook(self._embedding))
            elif type(module).__name__.endswith("RMSNorm"):
                self._handles.append(module.register_forward_hook(self._norm))

    def remove(self) -> None:
        """The model as it was."""
        for handle in self._handles:
            handle.remove()

    def _linear(self, module: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
        if self._off(module):
            return None
        return out + self.sigma * inputs[0].norm(dim=-1, keepdim=True) * torch.randn_like(out)

    def _embedding(self, module: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
        return None if self._off(module) else out + self.sigma * torch.randn_like(out)

    def _norm(self, module: Any, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
        if self._off(module):
            return None
        x = inputs[0]
        unit = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + module.variance_epsilon)
        return out + self.sigma * unit * torch.randn_like(out)

    def _off(self, module: nn.Module) -> bool:
        return self.sigma == 0 or not module.training
