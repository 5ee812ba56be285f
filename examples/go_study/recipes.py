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

    kind       ``adamw``; ``go`` (corrie's); ``local`` (:mod:`local_noise`); ``sam`` (``pytorch_optimizer``,
               Apache-2.0); ``ivon`` (``ivon``, GPL: an extra of its own)
    sigma      of GO's noise, in units of the weights (``relative``: of each tensor's root mean square)
    ramp       share of the steps over which σ rises to its full size
    fade       share of the steps, the last, over which σ falls to nothing
    tensors    shell patterns of what moves
    draws      micro-batches a step, each with an ε of its own
    antithetic draws in pairs, ε and −ε
    clean      share of each batch, below 1, whose gradient is taken at θ itself: the clean loss, at no extra pass
    rho        SAM's radius; ``adaptive`` for ASAM
    samples    IVON's effective sample size: its noise has the variance 1 / (samples × (its Hessian + its decay))
    hessian    what IVON's Hessian begins at, everywhere
    lr_factor  on the size's learning rate
    begin      share of the steps before the noise begins
    longer     factor on the size's tokens, below 1 for shorter training
    scale      k: matrices begin k times as large and learn k times as fast, norms' gains 1/k of both. As every norm
               undoes the scale of what it reads, this is the same function and (but for weight decay and attention)
               the same training; but noise of the same σ is k times smaller beside the matrices
    """

    name: str
    kind: Literal["adamw", "go", "local", "sam", "ivon"] = "adamw"
    sigma: float = 0.0
    relative: bool = False
    ramp: float = 0.5
    fade: float = 0.0
    tensors: tuple[str, ...] = ("*",)
    draws: int = 1
    antithetic: bool = False
    clean: float = 0.0
    rho: float = 0.0
    adaptive: bool = False
    samples: float = 0.0
    hessian: float = 0.0
    dropout: float = 0.0
    weight_decay: float = 0.1
    lr_factor: float = 1.0
    scale: float = 1.0
    begin: float = 0.0
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
        Recipe("sam", "sam", rho=0.05),
        Recipe("asam", "sam", rho=0.5, adaptive=True),
        Recipe("dropout", dropout=0.1),
        Recipe("decay", weight_decay=0.5),
        Recipe("go-0.02", "go", sigma=0.02),
        Recipe("go-0.04", "go", sigma=0.04),
        Recipe("go-0.08", "go", sigma=0.08),
        # The same function at other scales of the matrices: how much of a radius in σ is scale alone?
        Recipe("adamw-x3", scale=3.0),
        Recipe("adamw-x3-t2", scale=3.0, longer=2.0),
        Recipe("adamw-x8", scale=8.0),
        Recipe("go-0.08-x3", "go", sigma=0.08, scale=3.0),
        Recipe("go-0.12-x8", "go", sigma=0.12, scale=8.0),
        # What else was tried at the same σ
        Recipe("go-0.08-x3-pairs", "go", sigma=0.08, scale=3.0, draws=4, antithetic=True),
        Recipe("local-0.04", "local", sigma=0.04),
        Recipe("adamw-fast", lr_factor=2.0),
        Recipe("go-0.04-fast", "go", sigma=0.04, lr_factor=2.0),
        Recipe("go-0.04-late", "go", sigma=0.04, begin=0.5, ramp=0.25),
        *(Recipe(f"go-{sigma}-fade", "go", sigma=sigma, ramp=0.2, fade=0.4) for sigma in (0.04, 0.08, 0.16)),
        Recipe("go-0.04-pairs", "go", sigma=0.04, draws=4, antithetic=True),
        Recipe("go-0.04-mixed", "go", sigma=0.04, clean=0.5),
        Recipe("go-0.08-mixed", "go", sigma=0.08, clean=0.5),
        Recipe("go-0.16-mixed", "go", sigma=0.16, clean=0.5),
        Recipe("go-0.04-matrices", "go", sigma=0.04, tensors=MATRICES),
        Recipe("go-relative", "go", sigma=0.2, relative=True),
        # The default's size of noise, in the other unit or with the other course
        Recipe("go-0.02-flat", "go", sigma=0.02, ramp=0.0),
        Recipe("go-0.1-relative", "go", sigma=0.1, relative=True),
        Recipe("go-default", "go", sigma=0.1, relative=True, ramp=0.0),
        # Of thirteen settings tried at 0.17 M the one with the lowest loss
        Recipe("ivon", "ivon", samples=3e6, hessian=3e-3, lr_factor=1000.0, weight_decay=1e-4),
        # Other lengths of training (t: times the size's tokens). AdamW's give the line of loss and radius that every
        # other recipe is held against at its own loss
        *(Recipe(f"adamw-t{times:g}", longer=times) for times in (0.25, 0.5, 2.0, 4.0, 10.0)),
        Recipe("sam-t10", "sam", rho=0.05, longer=10.0),
        Recipe("go-0.04-t4", "go", sigma=0.04, longer=4.0),
        Recipe("go-0.08-t4", "go", sigma=0.08, longer=4.0),
        Recipe("go-default-t10", "go", sigma=0.1, relative=True, ramp=0.0, longer=10.0),
        Recipe("go-0.08-t10", "go", sigma=0.08, longer=10.0),
        Recipe("go-0.16-t10", "go", sigma=0.16, longer=10.0),
        Recipe("go-0.32-t10", "go", sigma=0.32, longer=10.0),
        Recipe("go-0.12-x3-t4", "go", sigma=0.12, scale=3.0, longer=4.0),
        Recipe("go-0.24-x3-t10", "go", sigma=0.24, scale=3.0, longer=10.0),
        Recipe("go-0.17-x3-t10", "go", sigma=0.17, scale=3.0, longer=10.0),
        Recipe("go-0.24-x3-t10-fade", "go", sigma=0.24, ramp=0.2, fade=0.4, scale=3.0, longer=10.0),
        Recipe("go-0.24-x3-t10-late", "go", sigma=0.24, begin=0.5, ramp=0.25, scale=3.0, longer=10.0),
        Recipe("go-0.24-x3-t10-pairs", "go", sigma=0.24, draws=4, antithetic=True, scale=3.0, longer=10.0),
        Recipe("go-0.2-x3-t10-pairs", "go", sigma=0.2, draws=4, antithetic=True, scale=3.0, longer=10.0),
        Recipe("go-0.24-x3-t10-mixed", "go", sigma=0.24, scale=3.0, longer=10.0, clean=0.5),
    )
}
"""Every recipe by its name."""
