"""What is read back of layers that keep nothing of a matrix but what their kernel needs, without vLLM."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from corrie.models.vllm.worker import ARRANGED, PointWorker


class Arranging:
    """As vLLM's layers on a CPU do: the matrix is copied into an arrangement, and the layer multiplies by that."""

    def process_weights_after_loading(self, layer: Any, remove: bool = False) -> None:
        arranged = layer.weight.detach().clone()
        layer.cpu_linear = lambda x, weight, bias: x @ arranged.T
        if remove:
            layer.weight = nn.Parameter(torch.empty(0), requires_grad=False)


class Worker(PointWorker):
    """With an embedding of 6 tokens padded to 8, a matrix that is removed, and a head that is the embedding."""

    def __init__(self) -> None:
        model: Any = nn.Module()
        model.embedding, model.inner, model.head = nn.Embedding(8, 3), nn.Linear(3, 4, False), nn.Module()
        model.norm = nn.LayerNorm(3, bias=False)
        for layer in (model.embedding, model.inner, model.head):
            layer.quant_method = Arranging()
        model.head.weight = model.embedding.weight
        model.embedding.org_vocab_size = model.head.org_vocab_size = 6
        model.inner.input_size_per_partition = 3
        self.loaded = {"embedding": torch.arange(24.0).view(8, 3), "inner": torch.arange(12.0).view(4, 3)}
        for name, tensor in self.loaded.items():
            getattr(model, name).weight.data.copy_(tensor)
        for layer in (model.embedding, model.head):
            layer.quant_method.process_weights_after_loading(layer)
        model.inner.quant_method.process_weights_after_loading(model.inner, remove=True)
        self.model, self.model_runner = model, SimpleNamespace(get_model=lambda: model)

    def reload_weights(self, weights_iterator: Iterable[tuple[str, Tensor]]) -> None:
        """Makes the arrangement of a layer anew when its own name comes: the head has none."""
        for name, tensor in weights_iterator:
            layer = getattr(self.model, name)
            if name == "inner":
                layer.weight = nn.Parameter(tensor.clone())
                layer.quant_method.process_weights_after_loading(layer, remove=True)
            else:
                layer.weight.data.copy_(tensor)
                if name == "embedding":
                    layer.quant_method.process_weights_after_loading(layer)


def all_of(value: float) -> list[tuple[str, Tensor]]:
    return [
        ("embedding", torch.full((8, 3), value)),
        ("inner", torch.full((4, 3), value)),
        ("norm", torch.full((3,), value)),
    ]


def test_every_matrix_is_read_back_as_it_is_computed_with() -> None:
    worker = Worker()
    rows = worker.loaded["embedding"][:6]
    assert torch.equal(worker.weight("embedding.weight"), rows)
    assert torch.equal(worker.weight("embedding.weight" + ARRANGED), rows)
    assert torch.equal(worker.weight("head.weight" + ARRANGED), rows)
    assert torch.equal(worker.weight("inner.weight"), worker.loaded["inner"])
    names = ["embedding.weight", "inner.weight", "norm.weight", "embedding.weight" + ARRANGED, "head.weight" + ARRANGED]
    assert sorted(worker.digests()) == sorted(names)


def test_a_head_that_is_the_embedding_is_arranged_anew_with_it() -> None:
    worker = Worker()
    worker.reload_weights(all_of(1.0))
    assert worker.unlike(1.0) == ["head.weight" + ARRANGED]
    worker.lay_down(all_of(1.0))
    assert worker.unlike(1.0) == []
    assert worker.weight("head.weight" + ARRANGED).shape == (6, 3)


def test_one_number_that_differs_is_seen() -> None:
    worker = Worker()
    worker.lay_down(all_of(1.0))
    before = worker.digests()
    worker.model.embedding.weight.data[7] = 5.0  # padding
    assert worker.digests() == before
    worker.model.embedding.weight.data[5, 2] = 5.0
    assert [name for name, digest in worker.digests().items() if digest != before[name]] == ["embedding.weight"]
    assert worker.unlike(1.0) == ["embedding.weight"]
