"""How far a fine-tune moved the weights, and where in the model the move lies.

The move Δ = θ_tuned − θ0 is a sum of orthogonal parts, one for each tensor, so squared distances add up:
‖Δ‖² = Σ ‖Δ_W‖², and a layer's or a kind's *share* is its part of ‖Δ‖². The *σ-equivalent* ‖Δ‖/√d is the σ of the
random noise that moves as far: the two stand on one axis with the basin radius.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from corrie.analysis.basin import percent
from corrie.records.canonical import Record
from corrie.records.model import ModelIdentity

OUTSIDE = "outside of the layers"


class Part(Record):
    """A layer's or a kind's part of a move: its L2 distance, and its share of ‖Δ‖²."""

    name: str
    distance: float
    share: float


class Move(Record):
    """The size of a move.

    distance   ‖Δ‖₂ in the tensors that move
    sigma      ‖Δ‖/√d
    relative   sigma as a share of a typical weight, ‖θ0‖/√d
    realised   L2 norm of the step the weights took at α = 1, at their precision; None if it was not taken yet
    layers     by layer, in order; what belongs to none comes last
    kinds      by kind of tensor (``q_proj``, …), the largest first
    tensors    how many tensors moved, of how many

    >>> from corrie.records.model import SelectionSpec
    >>> model = ModelIdentity(name="toy", architecture="Toy", fingerprint="f", dtype="float32", parameters=4,
    ...                       selection=SelectionSpec(), dimension=4, norm=20.0)
    >>> move = Move.of({"layers.0.q_proj.weight": 3.0, "layers.1.q_proj.weight": 0.0, "embed.weight": 4.0}, model)
    >>> print(move)
    L2 5 (σ-equivalent 2.5, 25 % of a typical weight), in 2 of 3 tensors
    >>> [(part.name, part.share) for part in move.layers]
    [('layer 0', 0.36), ('layer 1', 0.0), ('outside of the layers', 0.64)]
    >>> [part.name for part in move.kinds]
    ['embed', 'q_proj']
    """

    distance: float
    sigma: float
    relative: float
    realised: float | None
    layers: tuple[Part, ...]
    kinds: tuple[Part, ...]
    tensors: tuple[int, int]

    @classmethod
    def of(cls, norms: Mapping[str, float], model: ModelIdentity, realised: float | None = None) -> Move:
        """Add up.

        Args:
            norms: tensor name → ‖Δ_W‖₂ (:func:`corrie.weights.sizes.sizes`).
            model: what was moved.
            realised: what the weights took of the step.
        """
        whole = math.fsum(n * n for n in norms.values())
        layers = _parts(norms, layer_of, whole)
        kinds = _parts(norms, _kind_of, whole)
        sigma = math.sqrt(whole / model.dimension)
        return cls(
            distance=math.sqrt(whole),
            sigma=sigma,
            relative=sigma / model.rms,
            realised=realised,
            layers=tuple(sorted(layers, key=_place)),
            kinds=tuple(sorted(kinds, key=lambda p: (-p.share, p.name))),
            tensors=(sum(n > 0 for n in norms.values()), len(norms)),
        )

    def __str__(self) -> str:
        moved, all = self.tensors
        return (
            f"L2 {self.distance:.4g} (σ-equivalent {self.sigma:.3g}, {percent(self.relative)} of a typical weight), "
            f"in {moved} of {all} tensors"
        )

    @property
    def where(self) -> str:
        """The largest shares in words: which kinds of tensor, which layers."""
        kinds = ", ".join(f"{p.name} {percent(p.share)}" for p in self.kinds[:3] if p.share)
        largest = sorted((p for p in self.layers if p.share), key=lambda p: -p.share)[:3]
        return f"most of it in {kinds}; by layer: {', '.join(f'{p.name} {percent(p.share)}' for p in largest)}"


def layer_of(tensor: str) -> str:
    """The layer a tensor belongs to, by the first number in its name.

    >>> layer_of("model.layers.3.self_attn.q_proj.weight"), layer_of("model.norm.weight")
    ('layer 3', 'outside of the layers')
    """
    number = next((part for part in tensor.split(".") if part.isdigit()), None)
    return OUTSIDE if number is None else f"layer {number}"


def _kind_of(tensor: str) -> str:
    """What kind of tensor it is: the last name before ``weight``; biases are kinds of their own.

    >>> _kind_of("model.layers.3.self_attn.q_proj.weight"), _kind_of("h.0.attn.c_attn.bias")
    ('q_proj', 'c_attn bias')
    """
    names = [part for part in tensor.split(".") if not part.isdigit()]
    last = names[-1]
    if last == "weight":
        return names[-2] if len(names) > 1 else last
    return f"{names[-2]} bias" if last == "bias" and len(names) > 1 else last


def _place(layer: Part) -> float:
    """Layers by number, the rest behind them."""
    return math.inf if layer.name == OUTSIDE else float(layer.name.removeprefix("layer "))


def _parts(norms: Mapping[str, float], group: Callable[[str], str], whole: float) -> list[Part]:
    squares: dict[str, list[float]] = {}
    for name, norm in norms.items():
        squares.setdefault(group(name), []).append(norm * norm)
    sums = {name: math.fsum(values) for name, values in squares.items()}
    return [Part(name=n, distance=math.sqrt(s), share=s / whole if whole else 0.0) for n, s in sums.items()]
