"""The ways of training that are compared, as data: a name, what it is, and its settings.

All share AdamW (β = 0.9, 0.95; gradients clipped at 1; 5 % warm-up, then half a cosine to a tenth of the peak) and the
learning rate of their size. Compute is counted in passes (one forward and backward over a batch): a method with two
passes a step takes half the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way of training.

    kind       ``adamw``; ``go`` (corrie's); ``sam`` (``pytorch_optimizer``, Apache-2.0); ``ivon`` (``ivon-opt``, GPL)
    sigma      of GO's noise, in units of the weights (``relative``: of each tensor's root mean square)
    ramp       share of the steps over which σ rises to its full size
    tensors    shell patterns of what moves
    antithetic two micro-batches of half the size a step, ε and −ε
    rho        SAM's radius; ``adaptive`` for ASAM
    lr_factor  on the size's learning rate
    init       standard deviation of the initial weights (transformers' 0.02 unless said)
    """

    name: str
    kind: Literal["adamw", "go", "sam", "ivon"] = "adamw"
    sigma: float = 0.0
    relative: bool = False
    ramp: float = 0.5
    tensors: tuple[str, ...] = ("*",)
    antithetic: bool = False
    rho: float = 0.0
    adaptive: bool = False
    dropout: float = 0.0
    weight_decay: float = 0.1
    lr_factor: float = 1.0
    init: float = 0.02
    longer: float = 1.0

    @property
    def passes(self) -> int:
        """Forward and backward passes over a batch in one step."""
        return 2 if self.kind == "sam" else 1


MATRICES = ("*proj.weight",)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("adamw"),
        *(Recipe(f"go-{sigma:g}", "go", sigma=sigma) for sigma in (0.02, 0.04, 0.06, 0.08, 0.12, 0.16)),
        Recipe("sam", "sam", rho=0.05),
        Recipe("sam-0.2", "sam", rho=0.2),
        Recipe("asam", "sam", rho=0.5, adaptive=True),
        Recipe("dropout", dropout=0.1),
        Recipe("decay", weight_decay=0.5),
        # What else was tried
        Recipe("adamw-init", init=0.1),
        Recipe("go-0.08-init", "go", sigma=0.08, init=0.1),
        Recipe("go-0.08-matrices", "go", sigma=0.08, tensors=MATRICES),
        Recipe("go-0.08-antithetic", "go", sigma=0.08, antithetic=True),
        Recipe("go-0.08-flat", "go", sigma=0.08, ramp=0.0),
        Recipe("go-0.08-undecayed", "go", sigma=0.08, weight_decay=0.0),
        Recipe("go-r0.3", "go", sigma=0.3, relative=True),
        Recipe("ivon", "ivon"),
    )
}
