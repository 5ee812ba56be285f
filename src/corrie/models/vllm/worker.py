"""What corrie has done inside of vLLM: mixed into its worker, where the weights are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

_ROWS = 512
"""Inputs that a packed layer is asked with at once."""

ARRANGED = ", arranged"
"""Behind the name of what a kernel computes with, where the layer keeps the matrix as it was loaded, too."""


class PointWorker:
    """An extension of vLLM's worker (``worker_extension_cls``): its methods are called by ``collective_rpc``.

    vLLM joins tensors (queries, keys and values are one) and rearranges them for its kernels. Both are left to its own
    loaders, which take tensors under the names of a checkpoint and write the result where the layers' numbers are, so
    that captured CUDA graphs go on with them.
    """

    model_runner: Any
    reload_weights: Any

    def lay_down(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Set the weights; tensors that follow one another should be those of one layer.

        Args:
            tensors: (name in a checkpoint, tensor), all of them. A layer is put together when its last one has come,
                so none of them may be written again before.
        """
        self.reload_weights(weights_iterator=tensors)
        for layer in self._layers_that_share():
            layer.quant_method.process_weights_after_loading(layer)

    def digests(self) -> dict[str, str]:
        """Name of a weight in vLLM → hash of the numbers that it computes with."""
        found: dict[str, str] = {}
        for name, parts in self._held():
            hasher = hashlib.sha256()
            for part in parts:
                hasher.update(part.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
            found[name] = hasher.hexdigest()
        return found

    def unlike(self, value: float) -> list[str]:
        """Names of weights that do not hold this number throughout; rows beyond the vocabulary, which are padding, are
        not looked at."""
        return [name for name, parts in self._held() if not all(bool((part == value).all()) for part in parts)]

    def weight(self, name: str) -> Tensor:
        """One weight by its name in vLLM, as it computes with it."""
        return torch.cat([part.clone() for found, parts in self._held() if found == name for part in parts], dim=-1)

    def _held(self) -> Iterator[tuple[str, Iterator[Tensor]]]:
        """Every weight as it is computed with, in columns of its own shape, each tied one once. A matrix of which a
        layer keeps both what was loaded and what its kernel needs comes twice (:data:`ARRANGED`); layers that share one
        have each an arrangement of their own."""
        seen: set[int] = set()
        for path, layer in self._layers():
            for name, parameter in layer.named_parameters(recurse=False):
                rows: int | None = getattr(layer, "org_vocab_size", None)
                whole, kept = f"{path}.{name}", bool(parameter.numel())
                if kept and parameter.data_ptr() not in seen:
                    yield whole, iter([parameter.data if rows is None else parameter.data[:rows]])
                seen.add(parameter.data_ptr())
                if name == "weight" and _arranges(layer):
                    yield whole + ARRANGED * kept, _arranged(layer, rows)

    def _layers_that_share(self) -> list[Any]:
        """Layers whose matrix is another layer's (a head that is the embedding). What they had arranged of it for their
        kernel is not made again when it is loaded."""
        seen: set[int] = set()
        found: list[Any] = []
        for _, layer in self._layers():
            weight = layer._parameters.get("weight")
            if weight is not None and weight.numel():
                if weight.data_ptr() in seen and _arranges(layer):
                    found.append(layer)
                seen.add(weight.data_ptr())
        return found

    def _layers(self) -> Iterator[tuple[str, Any]]:
        model: nn.Module = self.model_runner.get_model()
        yield from model.named_modules()


def _arranges(layer: Any) -> bool:
    """Whether a layer multiplies by an arrangement of its matrix, made for a CPU's kernel."""
    return hasattr(layer, "cpu_linear") and layer.weight.dim() <= 2


@torch.no_grad()
def _arranged(layer: Any, rows: int | None) -> Iterator[Tensor]:
    """The columns of a matrix that a layer has arranged for its kernel, and of which nothing else may be left.

    It is asked for its product with unit vectors: one product and sums of zeros, which are exact.
    """
    weight: Tensor = layer.weight
    width = weight.shape[1] if weight.dim() == 2 else layer.input_size_per_partition
    for start in range(0, width, _ROWS):
        units = torch.zeros((min(_ROWS, width - start), width), dtype=weight.dtype)
        units[torch.arange(len(units)), start + torch.arange(len(units))] = 1.0
        columns: Tensor = layer.cpu_linear(units, weight, None).T
        yield columns if rows is None else columns[:rows]
