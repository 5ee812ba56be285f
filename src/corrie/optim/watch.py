"""Where a fine-tune stands in the basins of its base model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from corrie.errors import ClaimError, InputError
from corrie.optim.adapter import adapter_parameters, find_adapters
from corrie.optim.distance import distance


@dataclass(frozen=True)
class Whereabouts:
    """How far the weights are from the base model, in every unit that matters.

    distance           L2 in the model's weights, adapters merged: ‖Δ‖
    moved              L2 in the trained tensors themselves; differs from ``distance`` for adapters only
    dimension          d, the number of weights that the basin radii were measured in
    sigma_equivalent   ‖Δ‖/√d: the σ of Gaussian noise that is as long
    used               for each capability, sigma_equivalent over its basin radius: 1 is the edge of the basin, *for a
                       random direction*; a fine-tuning direction can leave it earlier
    certified_left     for each capability, certified radius minus distance (of ``moved`` or ``distance``, as asked);
                       below 0 the certificate says nothing any more

    >>> print(Whereabouts(3.0, 3.0, 90_000, 0.01, {"math": 2.0, "code": 0.5}, {"code": 1.0}))
    distance 3 from the base (σ 0.01): math 200 % of its basin radius, code 50 %; certified radius left: code 1
    """

    distance: float
    moved: float
    dimension: int
    sigma_equivalent: float
    used: Mapping[str, float]
    certified_left: Mapping[str, float]

    @property
    def most_used(self) -> tuple[str, float] | None:
        """The capability nearest to its edge, and the fraction used; None where no radius is known."""
        return max(self.used.items(), key=lambda item: item[1], default=None)

    def past(self, limit: float) -> tuple[str, ...]:
        """The capabilities of whose basin radius more than the fraction ``limit`` is used up, the worst first."""
        return tuple(name for name, share in sorted(self.used.items(), key=lambda i: -i[1]) if share > limit)

    def require(self, limit: float = 1.0) -> Whereabouts:
        """This, if no capability is past ``limit``.

        Raises:
            ClaimError: one is.

        >>> Whereabouts(3.0, 3.0, 90_000, 0.01, {"math": 2.0}, {}).require(0.8)
        Traceback (most recent call last):
            ...
        corrie.errors.ClaimError: at most 80 % of each basin radius: math is at 200 %. Try: stop, or hold it in a Ball
        """
        past = self.past(limit)
        if past:
            raise ClaimError(
                f"at most {100 * limit:.3g} % of each basin radius",
                found=", ".join(f"{name} is at {100 * self.used[name]:.3g} %" for name in past),
                advice="stop, or hold it in a Ball",
            )
        return self

    def as_log(self) -> dict[str, float]:
        """Plain numbers under ``basin/…``, for TensorBoard, Weights & Biases or a Trainer's log."""
        return {
            "basin/distance": self.distance,
            "basin/sigma_equivalent": self.sigma_equivalent,
            **{f"basin/used/{name}": share for name, share in self.used.items()},
            **{f"basin/certified_left/{name}": left for name, left in self.certified_left.items()},
        }

    def __str__(self) -> str:
        text = f"distance {self.distance:.4g} from the base (σ {self.sigma_equivalent:.3g})"
        shares = sorted(self.used.items(), key=lambda item: -item[1])
        if shares:
            first, *rest = [f"{name} {100 * share:.3g} %" for name, share in shares]
            text += ": " + ", ".join([f"{first} of its basin radius", *rest])
        if self.certified_left:
            text += "; certified radius left: " + ", ".join(
                f"{name} {left:.3g}" if left >= 0 else f"{name} none" for name, left in self.certified_left.items()
            )
        return text


class BasinWatch:
    """Measures how far a model is from where it was when this was made.

    Args:
        model: the base model, before training. Make the watch before a checkpoint is loaded to resume from.
        radii: basin radius σ of each capability (a landscape's), measured in ``dimension`` weights.
        certified: certified radius of each capability, L2.
        certified_in: which distance the certified radii speak about: ``trained`` the trained tensors themselves (an
            adapter subspace: B with A frozen), ``weights`` the model's weights. Equal where there are no adapters.
        tensors: what is watched; None for every parameter that requires a gradient now.
        dimension: d of the σ-equivalent; None for all weights of the model, tied ones once, adapters not counted.

    LoRA pairs are measured as they act, ‖scale·(B A − B0 A0)‖_F, from small matrices. Memory: one copy of the watched
    tensors.

    Raises:
        InputError: a radius that is not positive, nothing to watch, adapters of another kind, or certified radii of
            an adapter subspace whose A is trained.

    >>> import torch
    >>> model = nn.Linear(4, 4, bias=False)
    >>> watch = BasinWatch(model, {"math": 0.1})
    >>> _ = model.weight.data.add_(0.05)
    >>> print(watch.measure())
    distance 0.2 from the base (σ 0.05): math 50 % of its basin radius
    """

    def __init__(
        self,
        model: nn.Module,
        radii: Mapping[str, float] | None = None,
        *,
        certified: Mapping[str, float] | None = None,
        certified_in: Literal["trained", "weights"] = "trained",
        tensors: Iterable[Tensor] | None = None,
        dimension: int | None = None,
    ) -> None:
        self.radii = _checked("basin radius", radii)
        self.certified = _checked("certified radius", certified)
        self.certified_in = certified_in
        self._watched = tuple(p for p in model.parameters() if p.requires_grad) if tensors is None else tuple(tensors)
        self._start = tuple(t.detach().clone() for t in self._watched)
        if not self._watched:
            raise InputError("BasinWatch(model)", found="no parameter requires a gradient", advice="tensors=[…]")
        watched = frozenset(self._watched)
        self._adapters = tuple(a for a in find_adapters(model) if a.a in watched or a.b in watched)
        if self.certified and certified_in == "trained" and any(a.a in watched for a in self._adapters):
            raise InputError(
                "the certified radius left of an adapter",
                found="its A is trained, and a certificate of B's subspace holds for a frozen A",
                advice='freeze every "*lora_A*", or certified_in="weights" for certificates of all weights',
            )
        everything = set(model.parameters()) - adapter_parameters(find_adapters(model))
        self.dimension = sum(p.numel() for p in everything) if dimension is None else dimension

    def measure(self) -> Whereabouts:
        """Where the model is now: one pass over the watched tensors. With DTensors, every process must call it."""
        low_rank = adapter_parameters(self._adapters)
        plain = [n for n, tensor in enumerate(self._watched) if tensor not in low_rank]
        direct = distance((self._watched[n] for n in plain), (self._start[n] for n in plain))
        weights = math.sqrt(direct**2 + sum(adapter.squared_distance() for adapter in self._adapters))
        moved = distance(self._watched, self._start) if low_rank else direct
        sigma = weights / math.sqrt(self.dimension)
        spent = moved if self.certified_in == "trained" else weights
        return Whereabouts(
            distance=weights,
            moved=moved,
            dimension=self.dimension,
            sigma_equivalent=sigma,
            used={name: sigma / radius for name, radius in self.radii.items()},
            certified_left={name: radius - spent for name, radius in self.certified.items()},
        )


def _checked(what: str, radii: Mapping[str, float] | None) -> dict[str, float]:
    for name, radius in (radii or {}).items():
        if not (math.isfinite(radius) and radius > 0):
            raise InputError(f"{what} {radius} of {name}", found="it is no positive number", advice="leave it out")
    return dict(radii or {})
