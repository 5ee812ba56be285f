"""Where a fine-tune stands in the basins of its base model."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from corrie.errors import ClaimError, InputError
from corrie.optim.adapter import adapter_parameters, checkpoint_name, find_adapters, own_weights
from corrie.optim.distance import distance, distinct
from corrie.optim.module import Trainable, module_of
from corrie.optim.radii import BasinRadii, CertifiedRadii, Measure, Radii
from corrie.optim.scope import check_model, check_rows, check_scope
from corrie.records.subspace import RowSpace


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
    used_at_most       the same as ``used`` over the lower end of the radius's interval, where it has one: infinity
                       where that is 0
    certified_used     for each capability, the same distance over its certified radius

    >>> print(Whereabouts(3.0, 3.0, 90_000, 0.01, {"math": 2.0, "code": 0.5}, {"code": 1.0}))
    distance 3 from the base (σ 0.01): math 200 % of its basin radius, code 50 %; certified radius left: code 1
    """

    distance: float
    moved: float
    dimension: int
    sigma_equivalent: float
    used: Mapping[str, float]
    certified_left: Mapping[str, float]
    used_at_most: Mapping[str, float] = field(default_factory=dict)
    certified_used: Mapping[str, float] = field(default_factory=dict)

    @property
    def most_used(self) -> tuple[str, float] | None:
        """The capability nearest to its edge, and the fraction used; None where no radius is known."""
        return max(self.used.items(), key=lambda item: item[1], default=None)

    @property
    def shares(self) -> dict[str, float]:
        """How much of each radius is used up, the basin's under its name, the certificate's under ``… (certified)``."""
        return {**self.used, **{f"{name} (certified)": share for name, share in self.certified_used.items()}}

    def past(self, limit: float) -> tuple[str, ...]:
        """Whose radius is used up by more than the fraction ``limit``, or by no number at all; the worst first.

        >>> Whereabouts(math.nan, math.nan, 4, math.nan, {"math": math.nan}, {}).past(1.0)
        ('math',)
        """
        shares = self.shares
        return tuple(n for n in sorted(shares, key=lambda n: -shares[n]) if not shares[n] <= limit)

    def require(self, limit: float = 1.0) -> Whereabouts:
        """This, if no capability is past ``limit``.

        Raises:
            ClaimError: one is.
            InputError: the limit is no positive number, or no radius is known that could be held.

        >>> Whereabouts(3.0, 3.0, 90_000, 0.01, {"math": 2.0}, {}).require(0.8)
        Traceback (most recent call last):
            ...
        corrie.errors.ClaimError: at most 80 % of each radius: math is at 200 %. Try: stop, or hold it in a Ball
        """
        check_limit(limit)
        if not self.shares:
            raise InputError(
                f"at most {100 * limit:.3g} % of each radius",
                found="no radius is known",
                advice='BasinWatch(model, {"math": 0.008}), or the folder of a scan',
            )
        past = self.past(limit)
        if past:
            raise ClaimError(
                f"at most {100 * limit:.3g} % of each radius",
                found=", ".join(f"{name} is at {100 * self.shares[name]:.3g} %" for name in past),
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
            first, *rest = shares
            told = [f"{first[0]} {100 * first[1]:.3g} % of its basin radius{self._at_most(first[0])}"]
            text += ": " + ", ".join(
                told + [f"{name} {100 * share:.3g} %{self._at_most(name)}" for name, share in rest]
            )
        if self.certified_left:
            text += "; certified radius left: " + ", ".join(
                f"{name} {left:.3g}" if left >= 0 else f"{name} none" for name, left in self.certified_left.items()
            )
        return text

    def _at_most(self, name: str) -> str:
        most = self.used_at_most.get(name)
        if most is None or most == self.used[name]:
            return ""
        if math.isinf(most):
            return " (or any share: the radius's interval reaches 0)"
        return f" (at most {100 * most:.3g} %)"


class BasinWatch:
    """Measures how far a model is from where it was when this was made.

    Args:
        model: what is trained, still with the base model's weights: after ``get_peft_model`` and whatever freezes or
            unfreezes, before training, and before a checkpoint is loaded to resume from.
        radii: the basin radius of each capability of the base model: a landscape (``corrie.Landscape.open(folder)``),
            the folder of a scan, some of its basins, or σ by name. A basin that reaches beyond all that was tried
            counts with the largest σ tried, one that is lost at the smallest with that; a capability without a radius
            is left out, with a warning.
        certified: the certified radius of each capability: a certificate, its file, or L2 by name.
        certified_in: which distance the certified radii speak about: ``trained`` the trained tensors themselves (an
            adapter subspace: B with A frozen), ``weights`` the model's weights. Equal where there are no adapters.
            None: as the certificate says, else ``trained``. A certificate's model, tensors, layers and rank are
            compared with what is watched; that a frozen A holds the certificate's numbers is not looked at (``corrie
            diff --certificate`` does).
        tensors: what is watched; None for every parameter that requires a gradient now.
        dimension: d of the σ-equivalent, also where the model has more weights than its base (a new token). None: what
            the radii were measured in, else all weights of the model, tied ones once, adapters not counted.

    LoRA pairs are measured as they act, ‖scale·(B A − B0 A0)‖_F, from small matrices. Memory: one copy of the watched
    tensors.

    Raises:
        InputError: a radius that is not positive, or of another model; nothing to watch, adapters of another kind; a
            certificate of something else than what is trained, such as an adapter's whose A is.

    >>> from torch import nn
    >>> model = nn.Linear(4, 4, bias=False)
    >>> watch = BasinWatch(model, {"math": 0.1})
    >>> _ = model.weight.data.add_(0.05)
    >>> print(watch.measure())
    distance 0.2 from the base (σ 0.05): math 50 % of its basin radius
    """

    def __init__(
        self,
        model: Trainable,
        radii: BasinRadii | None = None,
        *,
        certified: CertifiedRadii | None = None,
        certified_in: Measure | None = None,
        tensors: Iterable[Tensor] | None = None,
        dimension: int | None = None,
    ) -> None:
        model = module_of(model, "BasinWatch(model)")
        basins, certificates = Radii.of_basins(radii), Radii.of_certificates(certified)
        self.radii, self._lows, self.certified = basins.values, basins.lows, certificates.values
        self.certified_in = _one_measure(certified_in, certificates.measure)
        trained = tuple(p for p in model.parameters() if p.requires_grad)
        if tensors is None and not trained:
            raise InputError("BasinWatch(model)", found="no parameter requires a gradient", advice="tensors=[…]")
        self._watched = distinct(trained if tensors is None else tensors, "BasinWatch(tensors=…)")
        self._start = tuple(t.detach().clone() for t in self._watched)
        self._whole = model if tensors is None else None
        watched = frozenset(self._watched)
        self._adapters = tuple(a for a in find_adapters(model) if a.a in watched or a.b in watched)
        weights = sum(p.numel() for p in own_weights(model))
        if dimension is None:
            check_model(basins, weights)
        check_model(certificates, weights)
        names = [checkpoint_name(name) for name, p in model.named_parameters() if p in watched]
        check_scope(basins, names)
        check_scope(certificates, names)
        self._check_certified(certificates)
        self.dimension = dimension if dimension is not None else basins.dimension or weights
        if self.dimension < 1:
            raise InputError(f"dimension {dimension}", found="it is no number of weights", advice="leave it out")
        for name, why in {**basins.left_out, **certificates.left_out}.items():
            warnings.warn(f"basin watch: {name} is left out ({why})", stacklevel=2)

    def _check_certified(self, certificates: Radii) -> None:
        if not self.certified or self.certified_in == "weights":
            return
        if any(a.a.requires_grad for a in self._adapters):
            raise InputError(
                "the certified radius left of an adapter",
                found="its A is trained, and a certificate of B's subspace holds for a frozen A",
                advice='freeze every "*lora_A*", or certified_in="weights" for certificates of all weights',
            )
        if isinstance(certificates.space, RowSpace):
            check_rows(certificates.space, self._adapters, self._watched)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What is watched."""
        return self._watched

    def measure(self) -> Whereabouts:
        """Where the model is now: one pass over the watched tensors. With DTensors, every process must call it.

        Raises:
            InputError: parameters are trained that are not watched (adapters put on since): their moves would be
                missed.
        """
        self._check_that_nothing_is_missed()
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
            used_at_most={name: _over(sigma, low) for name, low in self._lows.items()},
            certified_used={name: spent / radius for name, radius in self.certified.items()},
        )

    def _check_that_nothing_is_missed(self) -> None:
        if self._whole is None:
            return
        watched = frozenset(self._watched)
        missed = [n for n, p in self._whole.named_parameters() if p.requires_grad and p not in watched]
        if missed:
            raise InputError(
                "BasinWatch.measure()",
                found=f"{len(missed)} parameters require a gradient that did not when it was made ({missed[0]}, …)",
                advice="make the watch after get_peft_model and after freezing, before training",
            )


def _over(sigma: float, low: float) -> float:
    return sigma / low if low else (math.inf if sigma else 0.0)


def check_limit(limit: float) -> None:
    """Raise InputError unless the limit is a positive number."""
    if not isinstance(limit, int | float) or not limit > 0:
        raise InputError(f"limit {limit!r}", found="it is no positive share of a radius", advice="limit=0.8")


def _one_measure(asked: Measure | None, of_certificate: Measure | None) -> Measure:
    if asked not in (None, "trained", "weights"):
        raise InputError(f"certified_in={asked!r}", found="there is no such distance", advice='"trained" or "weights"')
    if asked and of_certificate and asked != of_certificate:
        raise InputError(
            f"certified_in={asked!r}", found=f"the certificate is {of_certificate!r}", advice="leave it out"
        )
    return asked or of_certificate or "trained"
